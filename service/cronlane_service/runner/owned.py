"""LangGraph's own long-term store, and the part of it that one owner sees.

It imports LangGraph as it is imported itself: not before the runner starts.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import quote

import aiosqlite
from langgraph.store.base import (
    BaseStore,
    GetOp,
    Item,
    ListNamespacesOp,
    MatchCondition,
    Op,
    PutOp,
    Result,
    SearchItem,
    SearchOp,
    TTLConfig,
    validate_op_namespace,
)
from langgraph.store.sqlite.aio import AsyncSqliteStore

if TYPE_CHECKING:
    from langgraph.store.postgres.aio import AsyncPostgresStore

    Backing: TypeAlias = AsyncPostgresStore | AsyncSqliteStore

# Every minute items whose time is over are looked for.
LIVES: TTLConfig = {"refresh_on_read": True, "sweep_interval_minutes": 1}


async def open_sqlite(path: Path) -> AsyncSqliteStore:
    """The store's own SQLite file; what it has acknowledged survives a power cut. Belongs to the running loop."""
    connection = await aiosqlite.connect(path, isolation_level=None)
    try:
        await connection.execute("PRAGMA journal_mode=WAL")
        await connection.execute("PRAGMA synchronous=FULL")
        store = AsyncSqliteStore(connection, ttl=LIVES)
        await store.setup()
        await store.start_ttl_sweeper()
    except BaseException:
        await connection.close()
        raise
    return store


def postgres_store(connections: Any, failing: Callable[[], AbstractContextManager[None]]) -> AsyncPostgresStore:
    """The store of a shared database; what the database raises comes through ``failing``."""
    from langgraph.store.postgres.aio import AsyncPostgresStore

    class Shared(AsyncPostgresStore):
        async def abatch(self, ops: Iterable[Op]) -> list[Result]:
            with failing():
                return await super().abatch(ops)

    return Shared(connections, ttl=LIVES)


async def close(store: Backing) -> None:
    try:
        await store.stop_ttl_sweeper()
    finally:
        await store.conn.close()


class OwnedStore(BaseStore):
    """One owner's items: to them theirs are all there are. For nodes, sync and async, and for the API."""

    supports_ttl = True

    def __init__(self, store: Backing, owner: str, loop: asyncio.AbstractEventLoop) -> None:
        """``loop``: the one in which the store was opened; this can be used in any."""
        self._store, self._loop = store, loop
        # A label cannot be empty or hold a dot.
        self._root = ("@" + quote(owner, safe="").replace(".", "%2E"),)
        self.ttl_config = store.ttl_config

    def batch(self, ops: Iterable[Op]) -> list[Result]:
        try:
            running: asyncio.AbstractEventLoop | None = asyncio.get_running_loop()
        except RuntimeError:
            running = None
        if running is self._loop:
            raise asyncio.InvalidStateError("the store was called synchronously in an async node: await its a… methods")
        return asyncio.run_coroutine_threadsafe(self.abatch(ops), self._loop).result()

    async def abatch(self, ops: Iterable[Op]) -> list[Result]:
        wanted = list(ops)
        for op in wanted:
            validate_op_namespace(op)
        if asyncio.get_running_loop() is not self._loop:
            return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(self.abatch(wanted), self._loop))
        # Not to be cancelled half-way with the run: it would leave its transaction open.
        found = await asyncio.shield(self._store.abatch([self._inside(op) for op in wanted]))
        return [self._outside(each) for each in found]

    def _inside(self, op: Op) -> Op:
        if isinstance(op, (GetOp, PutOp)):
            return op._replace(namespace=self._root + op.namespace)
        if isinstance(op, SearchOp):
            return op._replace(namespace_prefix=self._root + op.namespace_prefix)
        if not isinstance(op, ListNamespacesOp):
            raise TypeError(f"{type(op).__name__} is no operation of a store")
        conditions = [MatchCondition("prefix", self._root)]
        for condition in op.match_conditions or ():
            if condition.match_type == "prefix":
                conditions.append(MatchCondition("prefix", self._root + tuple(condition.path)))
            else:  # the owner's label is none of these last ones
                conditions += [condition, MatchCondition("prefix", self._root + ("*",) * len(condition.path))]
        depth = None if op.max_depth is None else op.max_depth + 1
        return op._replace(match_conditions=tuple(conditions), max_depth=depth)

    def _outside(self, result: Result) -> Result:
        if isinstance(result, Item):
            return _item(result)
        if isinstance(result, list):
            return [_item(each) if isinstance(each, Item) else each[1:] for each in result]  # type: ignore[return-value]
        return result


def _item(found: Item) -> Item:
    parts: dict[str, Any] = {
        "namespace": found.namespace[1:],
        "key": found.key,
        "value": found.value,
        "created_at": _aware(found.created_at),
        "updated_at": _aware(found.updated_at),
    }
    return SearchItem(**parts, score=found.score) if isinstance(found, SearchItem) else Item(**parts)


def _aware(instant: datetime) -> datetime:
    """SQLite's are in UTC and do not say so."""
    return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant
