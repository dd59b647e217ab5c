"""The database as the rest of the service sees it: operations go in, answers come out."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from cronlane_service.domain.clock import Clock
from cronlane_service.domain.errors import Overloaded, StoreUnavailable
from cronlane_service.domain.ports import Operation, Topic, Transaction
from cronlane_service.store.beside import Beside
from cronlane_service.store.engine import Engine
from cronlane_service.store.errors import DatabaseUrlError
from cronlane_service.store.migrate import migrate
from cronlane_service.store.readers import Readers, TakesTime
from cronlane_service.store.sqlite import SqliteEngine
from cronlane_service.store.writer import Writer

T = TypeVar("T")
R = TypeVar("R")

BESIDE = 3
"""Connections that write beside the one of all others, where one transaction does not wait for another."""
_FEW = 20_000
"""Characters that are written in no time."""
_FORMS = (
    "use a file's path, sqlite:///relative/path.db, sqlite:////absolute/path.db or postgresql://user@host:port/database"
)


class SqlDatabase:
    """Implements Database: writes through one writer, reads beside it."""

    def __init__(self, engine: Engine, *, queue_limit: int) -> None:
        self._engine = engine
        self._writer = Writer(engine, queue_limit)
        beside = 0 if engine.exclusive else BESIDE
        self._beside = [Writer(engine, queue_limit, self._writer) for _ in range(beside)]
        self._readers = Readers(engine)
        self._look_ups = engine.look_ups()
        self._listener = engine.listener(self._writer.tell)

    @property
    def alone(self) -> bool:
        """Whether no other server can use the database meanwhile."""
        return self._engine.exclusive

    @property
    def clock(self) -> Clock:
        """Decides who is late, for all servers of the database."""
        return self._engine.clock

    @property
    def name(self) -> str:
        return self._engine.name

    @property
    def failing(self) -> str | None:
        """What was wrong with the database when the last writes were tried; None: they were committed."""
        return self._writer.failing

    def migrate(self) -> Sequence[str]:
        """Brings the tables up to date, before `start`; the names of what was applied."""
        return migrate(self._engine)

    def start(self) -> None:
        for writer in (self._writer, *self._beside):
            writer.start()
        if self._listener is not None:
            self._listener.start()

    def stop(self) -> None:
        """Carries out the writes that are queued, then gives the database back."""
        if self._listener is not None:
            self._listener.stop()
        for writer in (*self._beside, self._writer):
            writer.stop()
        self._readers.stop()
        if self._look_ups is not None:
            self._look_ups.stop()
        self._engine.close()

    def submit(self, operation: Operation[T]) -> Future[T]:
        future: Future[T] = self._writer.submit(operation)
        return future

    def submit_beside(self, operations: Sequence[Operation[T]]) -> Sequence[Future[T]]:
        beside = Beside(operations)
        for writer in self._beside or [self._writer]:
            beside.go_on(writer)
        return beside.answers

    def write(self, operation: Operation[T]) -> Awaitable[T]:
        future: asyncio.Future[T] = self._writer.submit(operation, asyncio.get_running_loop())
        return future

    def write_few(self, operation: Operation[T], characters: int, show: Callable[[T], R]) -> Awaitable[R]:
        short = self._engine.near and characters <= _FEW
        future: asyncio.Future[R] = self._writer.submit(operation, asyncio.get_running_loop(), show, short=short)
        return future

    async def look_up(self, operation: Operation[T]) -> T:
        return await self._look_ups.run(operation) if self._look_ups else self._readers.look_up(operation)

    async def read(self, operation: Operation[T]) -> T:
        return await asyncio.wrap_future(self._readers.submit(operation))

    async def search(self, operation: Operation[T]) -> T:
        if not self._engine.near:
            return await self.read(operation)
        try:
            return self._readers.run_at_once(operation)
        except TakesTime:
            return await self.read(operation)

    def read_now(self, operation: Operation[T]) -> T:
        """`read` for a thread that may wait."""
        return self._readers.run(operation)

    async def probe(self) -> str | None:
        """Tries to write; what is wrong with the database then, None when nothing is."""

        def probing(tx: Transaction) -> None:
            if self.failing is not None:
                tx.requests.rehearse()  # that a transaction can be made would not show that there is room again

        with suppress(StoreUnavailable, Overloaded):
            await self.write(probing)
        return self.failing

    def listen(self, topic: Topic, listener: Callable[[str], None]) -> None:
        self._writer.listen(topic, listener)


def open_database(url: str, *, queue_limit: int = 10_000, busy_timeout: float = 5.0) -> SqlDatabase:
    """Opens the database; a SQLite file is kept from every other server until `stop`.

    ``busy_timeout``: seconds to wait for other programs that have locked the file. Raises DatabaseUrlError and
    UnusableDatabase.
    """
    engine = _postgres(url) if is_postgres(url) else SqliteEngine(sqlite_path(url), busy_timeout=busy_timeout)
    engine.open()
    return SqlDatabase(engine, queue_limit=queue_limit)


def is_postgres(url: str) -> bool:
    return url.startswith(("postgresql://", "postgres://"))


def _postgres(url: str) -> Engine:
    try:
        from cronlane_service.store.postgres import PostgresEngine
    except ModuleNotFoundError as missing:
        raise DatabaseUrlError(
            f"{missing.name} is not installed; PostgreSQL needs: pip install 'cronlane[server,postgres]'"
        ) from missing
    return PostgresEngine(url)


def sqlite_path(url: str) -> Path:
    """The file that a URL or a bare path names. Raises DatabaseUrlError."""
    path = url
    if "://" in url:
        scheme, _, rest = url.partition("://")
        if scheme != "sqlite":
            raise DatabaseUrlError(f"cannot open a database of kind {scheme!r}: {_FORMS}")
        if not rest.startswith("/"):
            raise DatabaseUrlError(f"{url!r} lacks a slash: {_FORMS}")
        path = rest[1:]
    if not path or path == ":memory:" or "?" in path or "\0" in path:
        raise DatabaseUrlError(f"{url!r} does not name a file: {_FORMS}")
    return Path(path)
