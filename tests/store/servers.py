"""Two servers on one PostgreSQL, and one that stands still in the middle of a transaction."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any

from cronlane_service.domain.ports import Transaction
from cronlane_service.store import SqlDatabase, open_database

LONG = 10  # seconds


@contextmanager
def serving(url: str) -> Iterator[SqlDatabase]:
    database = open_database(url)
    database.start()
    try:
        yield database
    finally:
        database.stop()


class Holding:
    """A transaction of a server that stands still when it has done its operation, until it is let go."""

    def __init__(self, store: SqlDatabase, operation: Callable[[Transaction], Any]) -> None:
        self._entered, self._release = threading.Event(), threading.Event()

        def holds(tx: Transaction) -> Any:
            done = operation(tx)
            self._entered.set()
            assert self._release.wait(30)
            return done

        self.future: Future[Any] = store.submit(holds)
        assert self._entered.wait(LONG)

    def let_go(self) -> Any:
        self._release.set()
        return self.future.result(LONG)


def write(store: SqlDatabase, operation: Callable[[Transaction], Any]) -> Any:
    return store.submit(operation).result(LONG)
