"""Reads on snapshots of their own, beside the writer."""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import peewee

from cronlane_service.domain.errors import StoreUnavailable
from cronlane_service.domain.ports import Operation
from cronlane_service.store.connection import Connection
from cronlane_service.store.engine import Engine
from cronlane_service.store.transaction import Transaction

T = TypeVar("T")


_AT_ONCE = 0.001
"""Seconds: what takes no longer is done sooner than another thread has begun with it."""


class TakesTime(Exception):
    """It was given up, and has to be done where there is time for it."""


class Readers:
    """A few threads, and connections that are lent to one of them at a time."""

    def __init__(self, engine: Engine, threads: int = 4) -> None:
        self._engine = engine
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="cronlane-reader")
        self._idle: deque[Connection] = deque()  # the last one back is the first one lent
        self._closed = False

    def submit(self, operation: Operation[T]) -> Future[T]:
        """`run` on one of the threads."""
        try:
            return self._threads.submit(self.run, operation)
        except RuntimeError:  # shut down
            raise StoreUnavailable("it is closed") from None

    def run(self, operation: Operation[T]) -> T:
        """Runs the operation here and now, on this thread, on one state of the database."""
        return self._read(operation, snapshot=True)

    def run_at_once(self, operation: Operation[T]) -> T:
        """`run` for a thread that must not wait. Raises TakesTime when the operation has to be left to another one."""
        if self._closed:
            raise StoreUnavailable("it is closed")
        connection = self._idle_one() or Connection(self._engine, read_only=True)
        connection.hasten(_AT_ONCE)
        try:
            return self._on(connection, operation, snapshot=True)
        except peewee.PeeweeException as error:
            raise TakesTime from error

    def look_up(self, operation: Operation[T]) -> T:
        """The same without a snapshot: each statement sees what is committed then."""
        return self._read(operation, snapshot=False)

    def _read(self, operation: Operation[T], snapshot: bool) -> T:
        if self._closed:
            raise StoreUnavailable("it is closed")
        try:
            return self._on(self._idle_one(), operation, snapshot)
        except peewee.PeeweeException as error:
            problem = self._engine.unavailable(error)
            if problem is None:
                raise
            if not self._engine.lost(error):
                raise StoreUnavailable(problem) from error
        # A connection that was kept has died; so have the others, and one that is made now may work.
        self._close_idle()
        try:
            return self._on(None, operation, snapshot)
        except peewee.PeeweeException as error:
            raise StoreUnavailable(self._engine.unavailable(error) or str(error)) from error

    def stop(self) -> None:
        """Waits for the reads under way."""
        self._closed = True
        self._threads.shutdown()
        self._close_idle()

    def _idle_one(self) -> Connection | None:
        try:
            return self._idle.pop()
        except IndexError:
            return None

    def _give_back(self, connection: Connection) -> None:
        self._idle.append(connection)
        if self._closed:  # since it was lent
            self._close_idle()

    def _close_idle(self) -> None:
        while (connection := self._idle_one()) is not None:
            connection.close()

    def _on(self, kept: Connection | None, operation: Operation[T], snapshot: bool) -> T:
        """The operation's answer; a connection that fails is not lent again."""
        connection = kept or Connection(self._engine, read_only=True)
        try:
            if not snapshot:
                found = operation(Transaction(connection))
            else:
                connection.begin_read()
                try:
                    found = operation(Transaction(connection))
                finally:
                    connection.hasten(None)
                    connection.rollback()
        except peewee.PeeweeException as error:
            if self._engine.given_up(error):
                self._give_back(connection)
            else:
                connection.close()
            raise
        except BaseException:
            self._give_back(connection)
            raise
        self._give_back(connection)
        return found
