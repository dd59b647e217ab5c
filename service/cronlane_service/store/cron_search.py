"""How crons are searched for: along the labels that a filter of their metadata asks for, not by looking at each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import peewee

from cronlane_service.domain import labels as asked
from cronlane_service.domain.models import Cron
from cronlane_service.domain.queries import CronQuery, Page, Window
from cronlane_service.store import cron_rows, labels, search
from cronlane_service.store.connection import Connection
from cronlane_service.store.engine import Engine
from cronlane_service.store.statements import Bind, Statement
from cronlane_service.store.tables import CronLabelTable as Label
from cronlane_service.store.tables import CronTable as Table

# Where labels have narrowed it, no condition names the owner again: SQLite would walk along all that the owner has.
_FOUND = Statement(lambda engine: Table.select().where(engine.among(Table.cron_id, Bind("ids"))))


class _Wanted(NamedTuple):
    """A query, as conditions on crons and, where labels narrow it, as the labels of those crons."""

    conditions: list[peewee.Node]
    listed: peewee.ModelSelect[Label] | None = None


def page(connection: Connection, owner: str, query: CronQuery, window: Window) -> Page[Cron]:
    conditions, listed = _wanted(connection, owner, query)
    if listed is None or window.sort_by != "created_at":
        return search.page(connection, Table, conditions, window, cron_rows.cron)
    found = [cron_id for (cron_id,) in connection.search(_in_turn(listed, window))]
    total = search.total_of(window, len(found), lambda: _counted(connection, listed))
    return Page(_crons(connection, owner, found), total)


def count(connection: Connection, owner: str, query: CronQuery) -> int:
    conditions, listed = _wanted(connection, owner, query)
    return search.count(connection, Table, conditions) if listed is None else _counted(connection, listed)


def _wanted(connection: Connection, owner: str, query: CronQuery) -> _Wanted:
    engine, conditions = connection.engine, _plain(query)
    sought = asked.sought(query.metadata or "{}")
    if sought.rest is not None:
        conditions.append(engine.contains(Table.metadata, sought.rest))
    if not sought.labels:
        return _Wanted([Table.owner == owner, *conditions])
    listed = labels.having(owner, labels.rarest_first(connection, owner, sought.labels))
    if labels.crowded(connection, owner):
        either = Table.cron_id.in_(listed) | _crowded(engine, owner, query.metadata or "{}")
        return _Wanted([Table.owner == owner, either, *conditions])
    if conditions:
        its = Table.select(peewee.SQL("1")).where(Table.cron_id == Label.cron_id, *conditions)
        listed = listed.where(peewee.fn.EXISTS(its))
    return _Wanted([Table.cron_id.in_(listed)], listed)


def _plain(query: CronQuery) -> list[peewee.Node]:
    conditions: list[peewee.Node] = []
    if query.assistant_id is not None:
        conditions.append(Table.assistant_id == query.assistant_id)
    if query.thread_id is not None:
        conditions.append(Table.thread_id == query.thread_id)
    if query.enabled is not None:
        conditions.append(Table.enabled == query.enabled)
    return conditions


def _crowded(engine: Engine, owner: str, pattern: str) -> peewee.Node:
    """Of the crons that stand under no label of their own, those that match: each is looked at."""
    node: peewee.Node = Table.cron_id.in_(labels.having(owner, [asked.CROWDED])) & engine.contains(
        Table.metadata, pattern
    )
    return node


def _in_turn(listed: peewee.ModelSelect[Label], window: Window) -> peewee.ModelSelect[Label]:
    columns: list[Any] = [Label.created_at, Label.cron_id]
    order = [column.desc() if window.descending else column for column in columns]
    return listed.order_by(*order).limit(window.limit).offset(window.offset)


def _counted(connection: Connection, listed: peewee.ModelSelect[Label]) -> int:
    [(found,)] = connection.search(listed.select(peewee.fn.count(peewee.SQL("*"))))
    return int(found)


def _crons(connection: Connection, owner: str, cron_ids: Sequence[str]) -> list[Cron]:
    rows = connection.rows(_FOUND, ids=connection.engine.several(cron_ids)) if cron_ids else []
    found = {row[0]: row for row in rows if row[1] == owner}
    return [cron_rows.cron(found[cron_id]) for cron_id in cron_ids if cron_id in found]
