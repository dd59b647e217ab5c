"""Versions of assistants in the database."""

from __future__ import annotations

from collections.abc import Sequence

import peewee

from cronlane_service.domain.models import AssistantVersion
from cronlane_service.store import search
from cronlane_service.store.connection import Connection
from cronlane_service.store.instants import loaded, stored
from cronlane_service.store.reading import Reader, number
from cronlane_service.store.statements import Bind, Row, Statement, Statements, insert
from cronlane_service.store.tables import AssistantVersionTable as Table

_OF_ASSISTANT = Table.assistant_id == Bind("assistant_id")

_INSERT = insert(Table)
_GET = Statement(lambda _: Table.select().where(_OF_ASSISTANT, Table.version == Bind("version")))
_LAST = Statement(lambda _: Table.select(peewee.fn.max(Table.version)).where(_OF_ASSISTANT))
_FILTERS: search.Filters = {
    "assistant_id": lambda _: _OF_ASSISTANT,
    "metadata": lambda engine: engine.contains(Table.metadata, Bind("metadata")),
}
_FOUND = search.each(_FILTERS)
_LIST: Statements[search.Names] = Statements(
    lambda engine, names: (
        Table.select()
        .where(*_FOUND(engine, names))
        .order_by(Table.version.desc())
        .limit(Bind("limit"))
        .offset(Bind("offset"))
    )
)
_DELETE = Statement(lambda _: Table.delete().where(_OF_ASSISTANT))


class Versions:
    """Implements VersionStore."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def insert(self, version: AssistantVersion) -> None:
        self._connection.put_each(_INSERT, [_row(version)])

    def get(self, assistant_id: str, version: int) -> AssistantVersion | None:
        row = self._connection.first(_GET, assistant_id=assistant_id, version=version)
        return None if row is None else _READER.value(row)

    def last(self, assistant_id: str) -> int:
        [(number,)] = self._connection.rows(_LAST, assistant_id=assistant_id)
        return number or 0

    def list(self, assistant_id: str, metadata: str | None, limit: int, offset: int) -> Sequence[AssistantVersion]:
        pattern = None if metadata is None else self._connection.engine.pattern(metadata)
        values = search.given(assistant_id=assistant_id, metadata=pattern)
        rows = self._connection.rows(_LIST.of(tuple(values)), **values, limit=limit, offset=offset)
        return _READER.values(rows)

    def delete_of_assistant(self, assistant_id: str) -> int:
        return self._connection.change(_DELETE, assistant_id=assistant_id)


def _row(version: AssistantVersion) -> Row:
    return (
        version.assistant_id,
        version.version,
        version.graph_id,
        version.name,
        stored(version.created_at),
        version.config,
        version.context,
        version.metadata,
        version.description,
    )


def _version(row: Row) -> AssistantVersion:
    assistant_id, version, graph_id, name, created_at, *rest = row
    return AssistantVersion(assistant_id, version, graph_id, name, loaded(created_at), *rest)


_READER = Reader(Table, _version, {"created_at": (loaded, 0), "version": (number, 1)})
