"""Threads in the database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from cronlane_service.domain.lifetimes import LONGEST, PruneStrategy, Ttl
from cronlane_service.domain.models import Thread, ThreadStatus
from cronlane_service.domain.queries import Page, ThreadQuery, Window
from cronlane_service.domain.runs import RunError
from cronlane_service.store import locks, search
from cronlane_service.store.connection import Connection
from cronlane_service.store.instants import loaded, stored
from cronlane_service.store.reading import Reader
from cronlane_service.store.statements import Bind, Insert, Row, Statement, assignments, columns, insert, insert_rows
from cronlane_service.store.tables import ThreadTable as Table

_COLUMNS = columns(Table)
INSERT = insert_rows(Table)
_FOR_EVER: Row = (None, None, None)
_INSERT_NEW, _INSERT_UNLESS_TAKEN = Insert(Table), insert(Table, ignore_taken=True)
_SAVE = Statement(lambda _: Table.update(assignments(Table)).where(Table.thread_id == Bind("thread_id")))
_GET = Statement(lambda _: Table.select().where(Table.thread_id == Bind("id"), Table.owner == Bind("owner")))
_FIND = Statement(lambda engine: Table.select().where(engine.among(Table.thread_id, Bind("ids"))))
_DELETE = Statement(lambda _: Table.delete().where(Table.thread_id == Bind("id")))
_MARK = Statement(
    lambda engine: Table.update(
        {
            Table.status: Bind("status"),
            Table.updated_at: Bind("now"),
            Table.state_updated_at: Bind("now"),
            Table.expires_at: Table.ttl + Bind("now"),
        }
    ).where(engine.among(Table.thread_id, Bind("ids")))
)
_ENDED = Statement(
    lambda engine: engine.claimed(
        Table.select()
        .where(
            Table.expires_at.is_null(False), Table.expires_at <= Bind("now"), Table.status != ThreadStatus.BUSY.value
        )
        .order_by(Table.expires_at)
        .limit(Bind("limit"))
    )
)
_OUTLIVE = Statement(
    lambda engine: Table.update({Table.expires_at: None}).where(engine.among(Table.thread_id, Bind("ids")))
)


class Threads:
    """Implements ThreadStore."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def insert(self, thread: Thread) -> bool:
        return self._connection.change_each(_INSERT_UNLESS_TAKEN, [row(thread)]) == 1

    def insert_new(self, thread: Thread) -> None:
        self._connection.put_row(_INSERT_NEW, row(thread))

    def insert_many(self, threads: Sequence[Thread]) -> None:
        self._connection.put_rows(INSERT, [row(thread) for thread in threads])

    def get(self, owner: str, thread_id: str) -> Thread | None:
        self._connection.lock(locks.THREAD, id=thread_id)
        row = self._connection.first(_GET, id=thread_id, owner=owner)
        return None if row is None else _READER.shown(row)

    def find(self, thread_ids: Sequence[str]) -> Mapping[str, Thread]:
        ids = self._connection.engine.several(thread_ids)
        self._connection.lock(locks.THREADS, ids=ids)
        rows = self._connection.rows(_FIND, ids=ids)
        return {row[0]: _READER.value(row) for row in rows}

    def save(self, thread: Thread) -> None:
        self._connection.put(_SAVE, **dict(zip(_COLUMNS, row(thread), strict=True)))

    def mark(self, thread_ids: Sequence[str], status: ThreadStatus, now: datetime) -> None:
        ids = self._connection.engine.several(thread_ids)
        self._connection.put(_MARK, ids=ids, status=status.value, now=stored(now))

    def ended(self, now: datetime, limit: int) -> Sequence[Thread]:
        return [_READER.value(row) for row in self._connection.rows(_ENDED, now=stored(now), limit=limit)]

    def outlive(self, thread_ids: Sequence[str]) -> None:
        self._connection.put(_OUTLIVE, ids=self._connection.engine.several(thread_ids))

    def delete(self, thread_id: str) -> bool:
        return self._connection.change(_DELETE, id=thread_id) == 1

    def search(self, owner: str, query: ThreadQuery, window: Window) -> Page[Thread]:
        return _SEARCH.page(self._connection, self._asked(owner, query), window)

    def count(self, owner: str, query: ThreadQuery) -> int:
        return _SEARCH.count(self._connection, self._asked(owner, query))

    def _asked(self, owner: str, query: ThreadQuery) -> dict[str, Any]:
        engine = self._connection.engine
        return search.given(
            owner=owner,
            ids=engine.several(query.ids) if query.ids else None,
            status=query.status and query.status.value,
            metadata=None if query.metadata is None else engine.pattern(query.metadata),
            values=None if query.values is None else engine.pattern(query.values),
        )


def row(thread: Thread) -> Row:
    return (
        thread.thread_id,
        thread.owner,
        stored(thread.created_at),
        stored(thread.updated_at),
        stored(thread.state_updated_at),
        thread.metadata,
        str(thread.status),
        thread.config,
        thread.values,
        thread.interrupts,
        thread.error and thread.error.error,
        thread.error and thread.error.message,
        *(_FOR_EVER if thread.ttl is None else _lifetime(thread.ttl, thread.updated_at)),
    )


def _lifetime(ttl: Ttl, changed_at: datetime) -> Row:
    """How long a thread lives, what becomes of it then, and when that is."""
    end = ttl.end(changed_at)
    if ttl.after is None or end is None:
        return _FOR_EVER
    return ttl.after // timedelta(microseconds=1), str(ttl.strategy), stored(end)


def _thread(row: Row) -> Thread:
    thread_id, owner, created, updated, state_updated, metadata, status, config, values, interrupts, *rest = row
    error, message, ttl, strategy, _ = rest
    return Thread(
        thread_id=thread_id,
        owner=owner,
        created_at=loaded(created),
        updated_at=loaded(updated),
        state_updated_at=loaded(state_updated),
        metadata=metadata,
        status=ThreadStatus(status),
        config=config,
        values=values,
        interrupts=interrupts,
        error=None if error is None else RunError(error, message),
        ttl=None if ttl is None else _ttl(ttl, strategy or PruneStrategy.DELETE),
    )


def _ttl(microseconds: int, strategy: str = PruneStrategy.DELETE) -> Ttl:
    """Raises ValueError and OverflowError."""
    after = timedelta(microseconds=microseconds)
    if not timedelta(0) < after <= LONGEST:
        raise ValueError(f"it is not from 0 to {LONGEST}")
    return Ttl(after, PruneStrategy(strategy))


_READER = Reader(
    Table,
    _thread,
    {
        **dict.fromkeys(("created_at", "updated_at", "state_updated_at"), (loaded, 0)),
        "status": (ThreadStatus, ThreadStatus.IDLE.value),
        "ttl": (_ttl, None),
        "ttl_strategy": (PruneStrategy, None),
        "expires_at": (loaded, None),
    },
)
_FILTERS: search.Filters = {
    "owner": lambda _: Table.owner == Bind("owner"),
    "ids": lambda engine: engine.among(Table.thread_id, Bind("ids")),
    "status": lambda _: Table.status == Bind("status"),
    "metadata": lambda engine: engine.contains(Table.metadata, Bind("metadata")),
    "values": lambda engine: engine.contains(Table.values, Bind("values")),
}
_SEARCH = search.Search(Table, search.each(_FILTERS), _READER.values)
