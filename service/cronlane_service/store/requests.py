"""Requests that carried an id, in the database, so that one sent twice is carried out once."""

from __future__ import annotations

import uuid
from datetime import datetime

from cronlane_service.domain.errors import RequestIdReused
from cronlane_service.store.connection import Connection
from cronlane_service.store.instants import stored
from cronlane_service.store.statements import Bind, Statement, insert
from cronlane_service.store.tables import RequestTable as Table

_REHEARSED = 64 * 1024

_INSERT = insert(Table)
_SEEN = Statement(
    lambda _: Table.select(Table.fingerprint, Table.resource_id).where(
        Table.owner == Bind("owner"), Table.request_id == Bind("request_id")
    )
)
_OLD = Statement(
    lambda _: (
        Table.select(Table.owner, Table.request_id)
        .where(Table.created_at < Bind("before"))
        .order_by(Table.created_at)
        .limit(Bind("limit"))
    )
)
_DELETE = Statement(
    lambda _: Table.delete().where(Table.owner == Bind("owner"), Table.request_id == Bind("request_id"))
)


class Requests:
    """Implements RequestStore."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def seen(self, owner: str, request_id: str, fingerprint: str) -> str | None:
        row = self._connection.first(_SEEN, owner=owner, request_id=request_id)
        if row is None:
            return None
        first_fingerprint, resource_id = row
        if first_fingerprint != fingerprint:
            raise RequestIdReused(request_id)
        return str(resource_id)

    def insert(self, owner: str, request_id: str, fingerprint: str, resource_id: str, now: datetime) -> None:
        self._connection.put_each(_INSERT, [(owner, request_id, fingerprint, resource_id, stored(now))])

    def delete_before(self, created_before: datetime, limit: int) -> int:
        old = self._connection.rows(_OLD, before=stored(created_before), limit=limit)
        return self._connection.change_each(_DELETE, old)

    def rehearse(self) -> None:
        """Enough to need new pages of a file that has no room for them."""
        name = f"rehearsal {uuid.uuid4()}"
        self._connection.change_each(_INSERT, [("", name, "-" * _REHEARSED, "", 0)])
        self._connection.change(_DELETE, owner="", request_id=name)
