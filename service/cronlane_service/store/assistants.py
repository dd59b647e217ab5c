"""Assistants in the database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import peewee

from cronlane_service.domain.models import Assistant
from cronlane_service.domain.queries import AssistantQuery, Page, Window
from cronlane_service.store import search
from cronlane_service.store.connection import Connection
from cronlane_service.store.engine import Engine
from cronlane_service.store.instants import loaded, stored
from cronlane_service.store.reading import Reader, number
from cronlane_service.store.statements import Bind, Row, Statement, insert, replace
from cronlane_service.store.tables import AssistantTable as Table

_SYSTEM = '{"created_by":"system"}'


def _visible(engine: Engine) -> peewee.Node:
    """The owner's, and the service's own."""
    own = (Table.owner == "") & engine.contains(Table.metadata, engine.pattern(_SYSTEM))
    return (Table.owner == Bind("owner")) | own


_INSERT_NEW = insert(Table, ignore_taken=True)
_UPSERT = replace(Table)
_GET = Statement(lambda engine: Table.select().where(Table.assistant_id == Bind("id"), _visible(engine)))
_EXISTS = Statement(
    lambda engine: Table.select(Table.version).where(Table.assistant_id == Bind("id"), _visible(engine))
)
_DELETE = Statement(lambda _: Table.delete().where(Table.assistant_id == Bind("id")))
_FIND = Statement(lambda engine: Table.select().where(engine.among(Table.assistant_id, Bind("ids"))))


class Assistants:
    """Implements AssistantStore."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._there: set[tuple[str, str]] = set()
        """Who was found by the transaction that writes, by owner and id: the same few make all crons."""

    def forget(self) -> None:
        """From here on it is another transaction, or as if what it did had not been done."""
        self._there.clear()

    def insert(self, assistant: Assistant) -> bool:
        return self._connection.change_each(_INSERT_NEW, [_row(assistant)]) == 1

    def upsert(self, assistant: Assistant) -> None:
        self.forget()  # its owner may be another now
        self._connection.put_each(_UPSERT, [_row(assistant)])

    def delete(self, assistant_id: str) -> bool:
        self.forget()
        return self._connection.change(_DELETE, id=assistant_id) == 1

    def get(self, owner: str, assistant_id: str) -> Assistant | None:
        row = self._connection.first(_GET, id=assistant_id, owner=owner)
        return None if row is None else _READER.value(row)

    def exists(self, owner: str, assistant_id: str) -> bool:
        if (owner, assistant_id) in self._there:
            return True
        found = self._connection.first(_EXISTS, id=assistant_id, owner=owner) is not None
        if found and not self._connection.read_only:
            self._there.add((owner, assistant_id))
        return found

    def find(self, assistant_ids: Sequence[str]) -> Mapping[str, Assistant]:
        rows = self._connection.rows(_FIND, ids=self._connection.engine.several(assistant_ids))
        return {row[0]: _READER.value(row) for row in rows}

    def search(self, owner: str, query: AssistantQuery, window: Window) -> Page[Assistant]:
        return _SEARCH.page(self._connection, self._asked(owner, query), window)

    def count(self, owner: str, query: AssistantQuery) -> int:
        return _SEARCH.count(self._connection, self._asked(owner, query))

    def _asked(self, owner: str, query: AssistantQuery) -> dict[str, Any]:
        return search.given(
            owner=owner,
            graph_id=query.graph_id,
            name=None if query.name is None else query.name.casefold(),
            metadata=None if query.metadata is None else self._connection.engine.pattern(query.metadata),
        )


def _row(assistant: Assistant) -> Row:
    return (
        assistant.assistant_id,
        assistant.owner,
        assistant.graph_id,
        assistant.name,
        stored(assistant.created_at),
        stored(assistant.updated_at),
        assistant.config,
        assistant.context,
        assistant.metadata,
        assistant.version,
        assistant.description,
    )


def _assistant(row: Row) -> Assistant:
    assistant_id, owner, graph_id, name, created_at, updated_at, *rest = row
    return Assistant(assistant_id, owner, graph_id, name, loaded(created_at), loaded(updated_at), *rest)


_READER = Reader(
    Table,
    _assistant,
    {**dict.fromkeys(("created_at", "updated_at"), (loaded, 0)), "version": (number, 1)},
)
_FILTERS: search.Filters = {
    "owner": _visible,
    "graph_id": lambda _: Table.graph_id == Bind("graph_id"),
    "name": lambda engine: engine.includes(Table.name, Bind("name")),
    "metadata": lambda engine: engine.contains(Table.metadata, Bind("metadata")),
}
_SEARCH = search.Search(Table, search.each(_FILTERS), _READER.values)
