"""Reads on snapshots of their own, beside the writer."""

from __future__ import annotations

import queue
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import TypeVar

import peewee

from cronlane_service.domain.errors import StoreUnavailable
from cronlane_service.domain.ports import Operation
from cronlane_service.store.connection import Connection
from cronlane_service.store.engine import Engine
from cronlane_service.store.transaction import Transaction

T = TypeVar("T")


class Readers:
    """A few threads, and connections that are lent to one of them at a time."""

    def __init__(self, engine: Engine, threads: int = 4) -> None:
        self._engine = engine
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="cronlane-reader")
        self._idle: queue.LifoQueue[Connection] = queue.LifoQueue()
        self._closed = False

    def submit(self, operation: Operation[T]) -> Future[T]:
        try:
            return self._threads.submit(self.run, operation)
        except RuntimeError:  # shut down
            raise StoreUnavailable("it is closed") from None

    def run(self, operation: Operation[T]) -> T:
        """Runs the operation here and now, on this thread."""
        if self._closed:
            raise StoreUnavailable("it is closed")
        try:
            return self._run(operation)
        except peewee.PeeweeException as error:
            problem = self._engine.unavailable(error)
            if problem is None:
                raise
            raise StoreUnavailable(problem) from error

    def _run(self, operation: Operation[T]) -> T:
        try:
            with self._lent() as connection:
                return operation(Transaction(connection))
        except peewee.PeeweeException as error:
            if not self._engine.lost(error):
                raise
        # A connection that was kept has died; so have the others, and one that is made now may work.
        self._close_idle()
        with self._lent() as connection:
            return operation(Transaction(connection))

    def stop(self) -> None:
        """Waits for the reads under way."""
        self._closed = True
        self._threads.shutdown()
        self._close_idle()

    def _give_back(self, connection: Connection) -> None:
        self._idle.put(connection)
        if self._closed:  # since it was lent
            self._close_idle()

    def _close_idle(self) -> None:
        with suppress(queue.Empty):
            while True:
                self._idle.get_nowait().close()

    @contextmanager
    def _lent(self) -> Iterator[Connection]:
        """A connection inside a transaction; one that fails is not lent again."""
        try:
            connection = self._idle.get_nowait()
        except queue.Empty:
            connection = Connection(self._engine, read_only=True)
        try:
            connection.begin_read()
            try:
                yield connection
            finally:
                connection.rollback()
        except peewee.PeeweeException:
            connection.close()
            raise
        except BaseException:
            self._give_back(connection)
            raise
        self._give_back(connection)
