"""The labels of crons in the database: an index of their metadata, written in the transaction that writes the crons."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import peewee

from cronlane_service.domain import labels
from cronlane_service.domain.models import Cron
from cronlane_service.store import statements
from cronlane_service.store.connection import Connection
from cronlane_service.store.engine import Engine
from cronlane_service.store.instants import stored
from cronlane_service.store.statements import Bind, Statement
from cronlane_service.store.tables import CronLabelTable as Table
from cronlane_service.store.tables import LabelCountTable as Count

_INSERT = statements.insert(Table)
_DELETE = Statement(lambda _: Table.delete().where(Table.cron_id == Bind("id")))
_DELETE_MANY = Statement(lambda engine: Table.delete().where(engine.among(Table.cron_id, Bind("ids"))))
_ANY = Statement(lambda _: having([Bind("label")]).limit(1))
_COMMON = Statement(lambda engine: number(engine, Bind("label"), _MANY))
_MANY = 1_000
"""How far it is counted, at most, to tell a rare label from a common one."""


def insert(connection: Connection, cron: Cron) -> None:
    found = labels.of(cron.metadata)
    if found:
        created_at = stored(cron.created_at)
        connection.put_each(_INSERT, [(cron.owner, label, created_at, cron.cron_id) for label in found])


def delete(connection: Connection, cron_id: str) -> None:
    connection.put(_DELETE, id=cron_id)


def delete_many(connection: Connection, cron_ids: Sequence[str]) -> None:
    if cron_ids:
        connection.put(_DELETE_MANY, ids=connection.engine.several(cron_ids))


def crowded(connection: Connection, owner: str) -> bool:
    """Whether the owner has crons that stand under no label of their own."""
    return bool(connection.rows(_ANY, owner=owner, label=labels.CROWDED))


def rarest_first(connection: Connection, owner: str, sought: Sequence[bytes]) -> list[bytes]:
    if len(sought) < 2:
        return list(sought)
    return sorted(sought, key=lambda label: connection.rows(_COMMON, owner=owner, label=label))


def number(engine: Engine, label: Bind, most: int | None = None) -> peewee.Query:
    """How many crons of ``owner`` have the label; where that has to be counted, up to ``most``."""
    if engine.exclusive:  # there triggers keep count
        kept = peewee.fn.coalesce(peewee.fn.max(Count.crons), 0)  # of one row, or of none
        return Count.select(kept).where(Count.owner == Bind("owner"), Count.label == label)
    return peewee.Select([having([label]).limit(most)], [peewee.fn.count(peewee.SQL("*"))])


def having(sought: Sequence[Bind]) -> peewee.ModelSelect[Table]:
    """The crons of ``owner`` that have all of these labels, along the rows of the first."""
    first, *others = sought
    query = Table.select(Table.cron_id).where(_is(Table, first))
    for label in others:
        other: Any = Table.alias()
        same = (other.created_at == Table.created_at) & (other.cron_id == Table.cron_id)
        query = query.where(peewee.fn.EXISTS(other.select(peewee.SQL("1")).where(_is(other, label), same)))
    return query


def _is(table: Any, label: Bind) -> peewee.Node:
    node: peewee.Node = (table.owner == Bind("owner")) & (table.label == label)
    return node
