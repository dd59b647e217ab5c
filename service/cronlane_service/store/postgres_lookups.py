"""Look-ups on PostgreSQL, asked from the loop: to hand one to a thread would cost more than all else about it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import psycopg

from cronlane_service.domain.errors import StoreUnavailable
from cronlane_service.domain.ports import Operation
from cronlane_service.store import postgres_errors
from cronlane_service.store.connection import Connection
from cronlane_service.store.postgres_wire import Wire
from cronlane_service.store.statements import Row
from cronlane_service.store.transaction import Transaction

if TYPE_CHECKING:
    from cronlane_service.store.postgres import PostgresEngine

T = TypeVar("T")
_STOP = 5.0
"""Seconds that a loop has to let go of its connection."""


class LookUps:
    """Those of every loop, on a connection for each loop."""

    def __init__(self, engine: PostgresEngine) -> None:
        self._engine = engine
        self._of_loops: dict[asyncio.AbstractEventLoop, _OfLoop] = {}
        self._closed = False

    def run(self, operation: Operation[T]) -> Awaitable[T]:
        if self._closed:
            raise StoreUnavailable("it is closed")
        loop = asyncio.get_running_loop()
        if (of_loop := self._of_loops.get(loop)) is None:
            of_loop = self._of_loops[loop] = _OfLoop(self._engine, loop)
        return of_loop.run(operation)

    def stop(self) -> None:
        self._closed = True
        for loop, of_loop in self._of_loops.items():
            if loop.is_running() and loop is not asyncio._get_running_loop():
                asyncio.run_coroutine_threadsafe(of_loop.stop(), loop).result(_STOP)
            else:
                of_loop.close()


class _OfLoop:
    """Runs each operation to see what it asks, and again when that is answered, until it asks nothing new.

    It expects the answer of a statement at once, and the loop must not wait. What only looks something up may begin
    anew.
    """

    def __init__(self, engine: PostgresEngine, loop: asyncio.AbstractEventLoop) -> None:
        self._engine, self._loop = engine, loop
        self._answers = _Answers(engine)
        self._transaction = Transaction(self._answers)
        self._wire: Wire | None = None
        self._connecting: asyncio.Task[Wire] | None = None
        self._closed = False

    async def run(self, operation: Operation[T]) -> T:
        known: list[_Answer] = []
        while True:
            self._answers.known = known
            try:
                return operation(self._transaction)
            except _Unanswered as unanswered:
                sql, values = unanswered.sql, unanswered.values
            known.append((sql, values, await self._ask(sql, values)))

    async def stop(self) -> None:
        self.close()

    def close(self) -> None:
        self._closed = True
        if self._wire is not None:
            self._wire.close()

    async def _ask(self, sql: str, values: Sequence[Any]) -> list[Row]:
        try:
            wire = self._wire
            if wire is None or wire.lost is not None:
                wire = await self._connected()
            return await wire.ask(sql, values)
        except psycopg.Error as error:
            problem = postgres_errors.unavailable(error)
            if problem is None:
                raise
            if not postgres_errors.lost(error):
                raise StoreUnavailable(problem) from error
        # The connection that was kept has died, and one that is made now may work.
        try:
            return await (await self._connected()).ask(sql, values)
        except psycopg.Error as error:
            raise StoreUnavailable(postgres_errors.unavailable(error) or str(error)) from error

    async def _connected(self) -> Wire:
        if self._wire is None or self._wire.lost is not None:
            if self._connecting is None:
                self._connecting = self._loop.create_task(self._connect())
            return await asyncio.shield(self._connecting)
        return self._wire

    async def _connect(self) -> Wire:
        try:
            connection = await asyncio.to_thread(self._engine.driver_connection)
            self._wire = Wire(connection, self._loop)
        finally:
            self._connecting = None
        if self._closed:  # meanwhile
            self._wire.close()
        return self._wire


_Answer = tuple[str, Sequence[Any], list[Row]]


class _Unanswered(Exception):
    """What the operation asks is not known yet."""

    def __init__(self, sql: str, values: Sequence[Any]) -> None:
        super().__init__(sql)
        self.sql, self.values = sql, values


class _Answers(Connection):
    """What is known already, as a connection: all that an operation asks comes here."""

    def __init__(self, engine: PostgresEngine) -> None:
        self.engine, self.read_only, self.shares, self.written = engine, True, False, 0
        self.known: list[_Answer] = []

    def _fetched(self, sql: str, values: Sequence[Any]) -> list[Row]:
        for known_sql, known_values, rows in self.known:
            if known_sql == sql and known_values == values:
                return rows
        raise _Unanswered(sql, values)
