"""The firing of plain crons in the database: which are due, and what is written for a batch of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from itertools import chain, repeat
from typing import Any

import peewee

from cronlane_service.domain import jsontext
from cronlane_service.domain.alike import Alike, Due, Fired, FiredAlike, Kind, Member
from cronlane_service.domain.errors import CronsChanged
from cronlane_service.domain.models import OnCompletion
from cronlane_service.domain.policies import CatchUp, Fold, Gap, Overlap
from cronlane_service.domain.runs import RunStatus
from cronlane_service.store import crons, run_rows, runs, templates, threads, ticks
from cronlane_service.store.connection import Connection
from cronlane_service.store.instants import loaded, stored
from cronlane_service.store.reading import FIRST_STORED, LAST_STORED, MISREAD, fit
from cronlane_service.store.statements import MOST_COUNTED, Bind, Columns, Row, Rows, Statement, is_shared
from cronlane_service.store.tables import CronTable as Table


def _default(column: peewee.Field, *values: StrEnum) -> peewee.Node:
    return column.is_null() | column.in_([value.value for value in values])


def _unset_or(column: peewee.Field, least: int, most: int) -> peewee.Node:
    return column.is_null() | ((column >= least) & (column <= most))


def _is_count(column: peewee.Field) -> peewee.Node:
    return (column >= 0) & (column < MOST_COUNTED)


# What makes a cron plain, and its row one that can be read: on SQLite a text is greater than every number.
_PLAIN = (
    Table.thread_id.is_null()
    & Table.end_time.is_null()
    & Table.max_runs.is_null()
    & Table.jitter.is_null()
    & _default(Table.gap, Gap.SHIFT)
    & _default(Table.fold, Fold.BY_EXPRESSION)
    & _default(Table.overlap, Overlap.ALLOW)
    & (Table.next_run_date == Table.due_at)
    & _default(Table.catch_up, *CatchUp)
    & _default(Table.last_outcome, *RunStatus)
    & _unset_or(Table.start_time, FIRST_STORED, LAST_STORED)
    & _unset_or(Table.paused_at, FIRST_STORED, LAST_STORED)
    & _unset_or(Table.catch_up_window, 0, LAST_STORED)
    & _unset_or(Table.pause_after_failures, 0, MOST_COUNTED)
    & (Table.due_at >= 0)
    & (Table.created_at <= LAST_STORED)
    & (Table.updated_at <= LAST_STORED)
    & _is_count(Table.fired)
    & _is_count(Table.missed)
    & _is_count(Table.skipped)
    & _is_count(Table.failed)
    & _is_count(Table.failures_in_a_row)
)
_MEMBER = (
    Table.cron_id,
    Table.schedule,
    Table.timezone,
    Table.next_run_date,
    Table.input,
    Table.updated_at,
    Table.extra,
)
_KIND = (Table.owner, Table.assistant_id, Table.on_run_completed, Table.metadata, *templates.COLUMNS[1:])
_LONGEST = 32 * 1024
"""Characters of what many crons may have in common; one that has more is fired by itself."""
_DOCUMENTS = (Table.config, Table.context, Table.command)
_DUE_FIRST = (
    Table.select(*_MEMBER, _PLAIN.alias("plain"), *_KIND)
    .where(crons.SCHEDULED, Table.due_at <= Bind("now"))
    .order_by(Table.due_at, Table.cron_id)
    .limit(Bind("limit"))
)
_DUE = Statement(lambda engine: engine.claimed(_DUE_FIRST, Table))
_LATER = peewee.Tuple(Table.due_at, Table.cron_id) > peewee.Tuple(Bind("after"), Bind("id"))
_AHEAD = Statement(lambda _: _DUE_FIRST.where(_LATER))
_COMING = Statement(
    lambda _: (
        Table.select(*_MEMBER)
        .where(
            crons.SCHEDULED,
            _LATER,
            Table.due_at <= Bind("until"),
            _PLAIN,
        )
        .order_by(Table.due_at, Table.cron_id)
        .limit(Bind("limit"))
    )
)
_STEP = (Table.cron_id, Table.due_at, Table.updated_at, Table.next_run_date)
# Of crons that are still what they were when they were read.
_ADVANCE = Rows(
    _STEP,
    lambda rows, given: (
        Table.update({Table.next_run_date: given[3], Table.due_at: given[3], Table.fired: Table.fired + 1})
        .from_(rows)
        .where(
            Table.cron_id == given[0],
            # Not to be looked for: there is one such cron.
            ~((Table.due_at != given[1]) | (Table.updated_at != given[2])),
            Table.enabled,
        )
    ),
)

_UNCHANGED = Rows(
    _STEP[:3],
    lambda rows, given: (
        Table.select(Table.cron_id)
        .from_(rows, Table)
        .where(Table.cron_id == given[0], Table.due_at == given[1], Table.updated_at == given[2], Table.enabled)
        .for_update(of=Table, skip_locked=True)
    ),
)


class Firings:
    """Implements FiringStore."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def due(self, now: datetime, limit: int) -> Due:
        rows = self._connection.rows(_DUE, now=stored(now), limit=limit)
        never = self._connection.rows(crons.NEVER_DUE, limit=limit) if len(rows) < limit else []
        return _due(rows, [row[0] for row in never])

    def ahead(self, after: datetime, cron_id: str, until: datetime, limit: int) -> Due:
        place = {"after": stored(after), "id": cron_id, "now": stored(until)}
        return _due(self._connection.rows(_AHEAD, limit=limit, **place), [])

    def coming(self, after: datetime, cron_id: str, until: datetime, limit: int) -> Sequence[Member]:
        place = {"after": stored(after), "id": cron_id, "until": stored(until)}
        rows = self._connection.rows(_COMING, limit=limit, **place)
        return [_member(*row[:6]) for row in rows if _fits(*map(type, row))]

    def hold(self, fired: Sequence[Fired]) -> Collection[str]:
        cron_ids = [each.cron_id for each in fired]
        if not self._connection.shares:
            return set(cron_ids)
        at, versions = [stored(each.scheduled_for) for each in fired], [each.version for each in fired]
        columns = Columns({}, dict(zip(_UNCHANGED.names, (cron_ids, at, versions), strict=True)))
        return {cron_id for (cron_id,) in self._connection.find_columns(_UNCHANGED, columns)}

    def write(self, batch: Sequence[FiredAlike]) -> None:
        fired = [each for alike in batch for each in alike.fired]
        if not fired:
            return
        # By column, as the statements want it: rows would be made only to be taken apart.
        cron_ids, instants, following, run_ids, thread_ids, told, versions = zip(*fired, strict=True)
        at = list(map(stored, instants))
        own = {"cron_id": cron_ids, "scheduled_for": at, "run_id": run_ids, "thread_id": thread_ids, "kwargs": told}
        counts = [len(alike.fired) for alike in batch]
        for query, like in (
            (threads.INSERT, [threads.row(alike.thread) for alike in batch]),
            (runs.INSERT, [run_rows.row(alike.run) for alike in batch]),
            (ticks.INSERT, [ticks.row(alike.tick) for alike in batch]),
        ):
            self._connection.put_columns(query, _columns(query.names, like, counts, own))
        steps = dict(zip(_ADVANCE.names, (cron_ids, at, versions, list(map(stored, following))), strict=True))
        if self._connection.change_columns(_ADVANCE, Columns({}, steps)) < len(fired):
            raise CronsChanged


def _due(rows: Sequence[Row], others: list[Any]) -> Due:
    found: dict[Row, Alike] = {}
    for row in rows:
        alike = _alike(found, row[8:]) if row[7] and _fits(*map(type, row[:7])) else None
        if alike is not None and _readable(row[4]) and _readable(row[6]):
            alike.members.append(_member(*row[:6]))
        else:
            others.append(row[0])
    return Due(list(found.values()), [each for each in others if isinstance(each, str)])


def _member(cron_id: str, schedule: str, timezone: str | None, at: int, text: str | None, version: int) -> Member:
    return Member(cron_id, schedule, timezone, loaded(at), text, version)


def _alike(found: dict[Row, Alike], columns: Row) -> Alike | None:
    there = found.get(columns)
    if there is None:
        try:
            there = found[columns] = Alike(_kind(*columns))
        except MISREAD:
            return None
    return there


@lru_cache(maxsize=1024)
def _kind(owner: str, assistant_id: str, completed: str | None, metadata: str, *template: Any) -> Kind:
    """Raises one of MISREAD; also for long texts, so that nothing of them is kept, here or by who makes the runs."""
    columns = (owner, assistant_id, completed, metadata, *template)
    if not fit(_KIND, tuple(map(type, columns))):
        raise TypeError("a column holds what is not of its type")
    if sum(len(text) for text in columns if isinstance(text, str)) > _LONGEST:
        raise ValueError(f"longer than {_LONGEST} characters")
    jsontext.members(metadata)
    for document in map(dict(zip(_KIND, columns, strict=True)).get, _DOCUMENTS):
        if document is not None:
            jsontext.parse(document)
    run = templates.template(None, *template)
    return Kind(owner, assistant_id, None if completed is None else OnCompletion(completed), metadata, run)


@lru_cache(maxsize=1024)
def _fits(*types: type) -> bool:
    return fit(_MEMBER, types)


def _readable(document: str | None) -> bool:
    if document is None or document == "{}":
        return True
    try:
        return isinstance(document, str) and bool(jsontext.kind(document))
    except ValueError:
        return False


def _columns(
    names: Sequence[str], like: Sequence[Row], counts: Sequence[int], own: Mapping[str, Sequence[Any]]
) -> Columns:
    """Of rows so many of which are like each of these, but for what is their own."""
    shared: dict[str, Any] = {}
    differing: dict[str, Sequence[Any]] = {}
    for name, values in zip(names, zip(*like, strict=True), strict=True):
        if name in own:
            differing[name] = own[name]
        elif is_shared(values):
            shared[name] = values[0]
        else:
            differing[name] = list(chain.from_iterable(map(repeat, values, counts)))
    return Columns(shared, differing)
