"""How crons are searched for: along the labels that a filter of their metadata asks for, not by looking at each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import peewee

from cronlane_service.domain import labels as asked
from cronlane_service.domain.models import Cron
from cronlane_service.domain.queries import CronQuery, Page, Window
from cronlane_service.store import cron_rows, labels, search
from cronlane_service.store.connection import Connection
from cronlane_service.store.engine import Engine
from cronlane_service.store.search import Names
from cronlane_service.store.statements import Bind, Statements
from cronlane_service.store.tables import CronLabelTable as Label
from cronlane_service.store.tables import CronTable as Table

_LABEL, _CROWDED = "label", "crowded"


def page(connection: Connection, owner: str, query: CronQuery, window: Window) -> Page[Cron]:
    values = _values(connection, owner, query)
    if not _labelled(values) or window.sort_by != "created_at":
        return _SEARCH.page(connection, values, window)
    found = connection.rows(_PAGE.of((tuple(values), window.descending)), **values, **search.part(window))
    total = search.total_of(window, len(found), lambda: _counted(connection, values))
    return Page(cron_rows.all_shown(found), total)


def count(connection: Connection, owner: str, query: CronQuery) -> int:
    values = _values(connection, owner, query)
    return _counted(connection, values) if _labelled(values) else _SEARCH.count(connection, values)


def _values(connection: Connection, owner: str, query: CronQuery) -> dict[str, Any]:
    """What is asked for, by the names that the statements have for it."""
    pattern, sought = connection.engine.pattern, asked.sought(query.metadata or "{}")
    values = search.given(
        owner=owner,
        assistant_id=query.assistant_id,
        thread_id=query.thread_id,
        enabled=query.enabled,
        rest=None if sought.rest is None else pattern(sought.rest),
    )
    for number, label in enumerate(labels.rarest_first(connection, owner, sought.labels)):
        values[f"{_LABEL}{number}"] = label
    if sought.labels and labels.crowded(connection, owner):
        values |= {_CROWDED: asked.CROWDED, "metadata": pattern(query.metadata or "{}")}
    return values


def _labelled(values: Mapping[str, Any]) -> bool:
    """Whether labels alone say which crons are found."""
    return f"{_LABEL}0" in values and _CROWDED not in values


def _conditions(engine: Engine, names: Names) -> list[peewee.Node]:
    mine, plain, sought = Table.owner == Bind("owner"), _plain(engine, names), _sought(names)
    if not sought:
        return [mine, *plain]
    if _CROWDED in names:
        return [mine, Table.cron_id.in_(labels.having(sought)) | _crowded(engine), *plain]
    return [Table.cron_id.in_(_listed(engine, names))]


def _plain(engine: Engine, names: Names) -> list[peewee.Node]:
    return [_FILTERS[name](engine) for name in names if name in _FILTERS]


def _sought(names: Names) -> list[Bind]:
    return [Bind(name) for name in names if name.startswith(_LABEL)]


def _crowded(engine: Engine) -> peewee.Node:
    """Of the crons that stand under no label of their own, those that match: each is looked at."""
    matches = engine.contains(Table.metadata, Bind("metadata"))
    node: peewee.Node = Table.cron_id.in_(labels.having([Bind(_CROWDED)])) & matches
    return node


def _listed(engine: Engine, names: Names) -> peewee.ModelSelect[Label]:
    """The labels of the crons that are found."""
    listed, plain = labels.having(_sought(names)), _plain(engine, names)
    if plain:
        its = Table.select(peewee.SQL("1")).where(Table.cron_id == Label.cron_id, *plain)
        listed = listed.where(peewee.fn.EXISTS(its))
    return listed


def _in_turn(engine: Engine, asked: tuple[Names, bool]) -> peewee.Query:
    """The page is cut out of the labels, before the crons are read."""
    names, descending = asked
    listed = _listed(engine, names).select(Label.created_at, Label.cron_id)
    page = listed.order_by(*_turns(Label, descending)).limit(Bind("limit")).offset(Bind("offset")).alias("page")
    mine = (Table.cron_id == page.c.cron_id) & (Table.owner == Bind("owner"))
    return Table.select().join(page, on=mine).order_by(*_turns(page.c, descending))


def _turns(listed: Any, descending: bool) -> list[peewee.Node]:
    columns = [listed.created_at, listed.cron_id]
    return [column.desc() for column in columns] if descending else columns


def _number(engine: Engine, names: Names) -> peewee.Query:
    if len(sought := _sought(names)) == 1 and not _plain(engine, names):
        return labels.number(engine, sought[0])
    return _listed(engine, names).select(peewee.fn.count(peewee.SQL("*")))


def _counted(connection: Connection, values: Mapping[str, Any]) -> int:
    [(found,)] = connection.rows(_NUMBER.of(tuple(values)), **values)
    return int(found)


_FILTERS: search.Filters = {
    "assistant_id": lambda _: Table.assistant_id == Bind("assistant_id"),
    "thread_id": lambda _: Table.thread_id == Bind("thread_id"),
    "enabled": lambda _: Table.enabled == Bind("enabled"),
    "rest": lambda engine: engine.contains(Table.metadata, Bind("rest")),
}
_SEARCH = search.Search(Table, _conditions, cron_rows.all_shown)
_PAGE, _NUMBER = Statements(_in_turn), Statements(_number)
"""Of crons that labels alone find: a page of them, and how many there are."""
