"""Crons in the database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import peewee

from cronlane_service.domain import jsontext
from cronlane_service.domain.models import Cron, MultitaskStrategy, OnCompletion, RunTemplate
from cronlane_service.domain.queries import CronQuery, Page, Window
from cronlane_service.store import search
from cronlane_service.store.connection import Connection
from cronlane_service.store.instants import loaded, stored
from cronlane_service.store.statements import Bind, Row, Statement, assignments, columns, insert
from cronlane_service.store.tables import CronTable as Table

_COLUMNS = columns(Table)
_SCHEDULED = Table.enabled & Table.next_run_date.is_null(False)

_INSERT = insert(Table)
_SAVE = Statement(lambda _: Table.update(assignments(Table)).where(Table.cron_id == Bind("cron_id")))
_GET = Statement(lambda _: Table.select().where(Table.cron_id == Bind("id"), Table.owner == Bind("owner")))
_DELETE = Statement(lambda _: Table.delete().where(Table.cron_id == Bind("id")))
_DELETE_OF_THREAD = Statement(lambda _: Table.delete().where(Table.thread_id == Bind("thread_id")))
_DUE = Statement(
    lambda _: (
        Table.select()
        .where(_SCHEDULED, Table.next_run_date <= Bind("now"))
        .order_by(Table.next_run_date, Table.cron_id)
        .limit(Bind("limit"))
    )
)
_NEXT_DUE = Statement(lambda _: Table.select(peewee.fn.min(Table.next_run_date)).where(_SCHEDULED))
_ADVANCE = Statement(
    lambda _: Table.update({Table.next_run_date: Bind("next_run_date")}).where(Table.cron_id == Bind("id"))
)
_DISABLE = Statement(
    lambda _: Table.update(
        {
            Table.enabled: False,
            Table.next_run_date: None,
            Table.disabled_reason: Bind("reason"),
            Table.updated_at: Bind("now"),
        }
    ).where(Table.cron_id == Bind("id"))
)


class Crons:
    """Implements CronStore."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def insert(self, cron: Cron) -> None:
        self._connection.change_each(_INSERT, [_row(cron)])

    def get(self, owner: str, cron_id: str) -> Cron | None:
        row = self._connection.first(_GET, id=cron_id, owner=owner)
        return None if row is None else _cron(row)

    def save(self, cron: Cron) -> None:
        self._connection.change(_SAVE, **dict(zip(_COLUMNS, _row(cron), strict=True)))

    def delete(self, cron_id: str) -> bool:
        return self._connection.change(_DELETE, id=cron_id) == 1

    def delete_of_thread(self, thread_id: str) -> int:
        return self._connection.change(_DELETE_OF_THREAD, thread_id=thread_id)

    def search(self, owner: str, query: CronQuery, window: Window) -> Page[Cron]:
        return search.page(self._connection, Table, self._conditions(owner, query), window, _cron)

    def count(self, owner: str, query: CronQuery) -> int:
        return search.count(self._connection, Table, self._conditions(owner, query))

    def due(self, now: datetime, limit: int) -> Sequence[Cron]:
        return [_cron(row) for row in self._connection.rows(_DUE, now=stored(now), limit=limit)]

    def next_due(self) -> datetime | None:
        [(instant,)] = self._connection.rows(_NEXT_DUE)
        return loaded(instant)

    def advance(self, instants: Mapping[str, datetime | None]) -> None:
        self._connection.change_each(_ADVANCE, [(stored(instant), cron_id) for cron_id, instant in instants.items()])

    def disable(self, cron_id: str, reason: str, now: datetime) -> None:
        self._connection.change(_DISABLE, id=cron_id, reason=reason, now=stored(now))

    def _conditions(self, owner: str, query: CronQuery) -> list[peewee.Node]:
        conditions: list[peewee.Node] = [Table.owner == owner]
        if query.assistant_id is not None:
            conditions.append(Table.assistant_id == query.assistant_id)
        if query.thread_id is not None:
            conditions.append(Table.thread_id == query.thread_id)
        if query.enabled is not None:
            conditions.append(Table.enabled == query.enabled)
        if query.metadata is not None:
            conditions.append(self._connection.engine.contains(Table.metadata, query.metadata))
        return conditions


def _row(cron: Cron) -> Row:
    return (
        cron.cron_id,
        cron.owner,
        cron.assistant_id,
        cron.thread_id,
        cron.schedule,
        cron.timezone,
        stored(cron.end_time),
        cron.enabled,
        cron.on_run_completed and cron.on_run_completed.value,
        stored(cron.next_run_date),
        cron.metadata,
        stored(cron.created_at),
        stored(cron.updated_at),
        cron.extra,
        cron.disabled_reason,
        *_template_columns(cron.run),
    )


def _template_columns(run: RunTemplate) -> Row:
    return (
        run.input,
        run.config,
        run.context,
        jsontext.dump(run.interrupt_before),
        jsontext.dump(run.interrupt_after),
        run.multitask_strategy and run.multitask_strategy.value,
        jsontext.dump(run.stream_mode),
        run.stream_subgraphs,
        run.stream_resumable,
        run.durability,
        run.command,
        jsontext.dump(run.feedback_keys),
    )


def _cron(row: Row) -> Cron:
    cron_id, owner, assistant_id, thread_id, schedule, timezone, end_time, enabled, completed, due, *rest = row
    metadata, created_at, updated_at, extra, disabled_reason, *template = rest
    return Cron(
        cron_id=cron_id,
        owner=owner,
        assistant_id=assistant_id,
        thread_id=thread_id,
        schedule=schedule,
        timezone=timezone,
        end_time=loaded(end_time),
        enabled=bool(enabled),
        on_run_completed=None if completed is None else OnCompletion(completed),
        next_run_date=loaded(due),
        metadata=metadata,
        created_at=loaded(created_at),
        updated_at=loaded(updated_at),
        run=_template(*template),
        extra=extra,
        disabled_reason=disabled_reason,
    )


def _template(
    input: str | None,  # noqa: A002 - the column's name
    config: str | None,
    context: str | None,
    before: str,
    after: str,
    multitask: str | None,
    modes: str,
    subgraphs: int | None,
    resumable: int | None,
    durability: str | None,
    command: str | None,
    feedback_keys: str,
) -> RunTemplate:
    return RunTemplate(
        input=input,
        config=config,
        context=context,
        interrupt_before=tuple(jsontext.parse(before)),
        interrupt_after=tuple(jsontext.parse(after)),
        multitask_strategy=None if multitask is None else MultitaskStrategy(multitask),
        stream_mode=tuple(jsontext.parse(modes)),
        stream_subgraphs=None if subgraphs is None else bool(subgraphs),
        stream_resumable=None if resumable is None else bool(resumable),
        durability=durability,
        command=command,
        feedback_keys=tuple(jsontext.parse(feedback_keys)),
    )
