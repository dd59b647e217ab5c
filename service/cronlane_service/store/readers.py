"""Reads on snapshots of their own, beside the writer."""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import TypeVar

import peewee

from cronlane_service.domain.errors import StoreUnavailable
from cronlane_service.domain.ports import Operation
from cronlane_service.store.connection import Connection
from cronlane_service.store.engine import Engine
from cronlane_service.store.transaction import Transaction

T = TypeVar("T")


_AT_ONCE = 0.002
"""Seconds: so long the loop may be kept. A page of a hundred takes half of it; what is given up was in vain."""


class TakesTime(Exception):
    """It was given up, and has to be done where there is time for it."""


class Readers:
    """A few threads, and connections that are lent to one of them at a time."""

    def __init__(self, engine: Engine, threads: int = 4) -> None:
        self._engine = engine
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="cronlane-reader")
        self._idle: deque[Transaction] = deque()  # the last one back is the first one lent
        self._closed = False

    def submit(self, operation: Operation[T]) -> Future[T]:
        """`run` on one of the threads."""
        try:
            return self._threads.submit(self.run, operation)
        except RuntimeError:  # shut down
            raise StoreUnavailable("it is closed") from None

    def run(self, operation: Operation[T]) -> T:
        """Runs the operation here and now, on this thread, on one state of the database."""
        return self.look_up(partial(_on_one_state, operation))

    def run_at_once(self, operation: Operation[T]) -> T:
        """`run` for a thread that must not wait. Raises TakesTime when the operation has to be left to another one."""
        if self._closed:
            raise StoreUnavailable("it is closed")
        try:
            return self._lent(partial(_on_one_state, operation, at_most=_AT_ONCE))
        except peewee.PeeweeException as error:
            raise TakesTime from error

    def look_up(self, operation: Operation[T]) -> T:
        """`run` without a snapshot: each statement sees what is committed then."""
        if self._closed:
            raise StoreUnavailable("it is closed")
        try:
            return self._lent(operation)
        except peewee.PeeweeException as error:
            problem = self._engine.unavailable(error)
            if problem is None:
                raise
            if not self._engine.lost(error):
                raise StoreUnavailable(problem) from error
        # A connection that was kept has died; so have the others, and one that is made now may work.
        self._close_idle()
        try:
            return self._lent(operation, self._made())
        except peewee.PeeweeException as error:
            raise StoreUnavailable(self._engine.unavailable(error) or str(error)) from error

    def stop(self) -> None:
        """Waits for the reads under way."""
        self._closed = True
        self._threads.shutdown()
        self._close_idle()

    def _lent(self, operation: Operation[T], made: Transaction | None = None) -> T:
        """The operation's answer; a connection that fails is not lent again."""
        try:
            transaction = made or self._idle.pop()
        except IndexError:
            transaction = self._made()
        fit = True
        try:
            return operation(transaction)
        except peewee.PeeweeException:
            fit = False  # nor if it was only given up: Python 3.11 would prepare its statement anew at each use
            raise
        finally:
            if fit:
                self._idle.append(transaction)
            else:
                transaction.connection.close()
            if self._closed:  # since it was lent
                self._close_idle()

    def _made(self) -> Transaction:
        return Transaction(Connection(self._engine, read_only=True))

    def _close_idle(self) -> None:
        with suppress(IndexError):
            while True:
                self._idle.pop().connection.close()


def _on_one_state(operation: Operation[T], transaction: Transaction, at_most: float | None = None) -> T:
    """``at_most``: seconds, after which it is given up."""
    connection = transaction.connection
    connection.begin_read()
    try:
        connection.hasten(at_most)
        return operation(transaction)
    finally:
        connection.hasten(None)
        connection.end_read()
