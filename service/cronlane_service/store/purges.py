"""Checkpoints that are to be deleted, in the database until they are."""

from __future__ import annotations

from collections.abc import Sequence

from cronlane_service.store.connection import Connection
from cronlane_service.store.run_tables import PurgeTable as Table
from cronlane_service.store.statements import Bind, Statement, insert

_INSERT = insert(Table, ignore_taken=True)
_LIST = Statement(lambda _: Table.select().order_by(Table.thread_id, Table.run_id).limit(Bind("limit")))
_DELETE = Statement(
    lambda _: Table.delete().where(Table.thread_id == Bind("thread_id"), Table.run_id == Bind("run_id"))
)


class Purges:
    """Implements PurgeStore."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def insert(self, thread_id: str, run_id: str) -> None:
        self._connection.put_each(_INSERT, [(thread_id, run_id)])

    def list(self, limit: int) -> Sequence[tuple[str, str]]:
        return [(thread_id, run_id) for thread_id, run_id in self._connection.rows(_LIST, limit=limit)]

    def delete(self, thread_id: str, run_id: str) -> None:
        self._connection.put(_DELETE, thread_id=thread_id, run_id=run_id)
