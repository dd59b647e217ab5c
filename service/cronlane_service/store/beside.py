"""Writers that go on side by side, where one transaction does not wait for another."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from functools import partial
from typing import Generic, TypeVar

from cronlane_service.domain.errors import Overloaded, StoreUnavailable
from cronlane_service.domain.ports import Operation
from cronlane_service.store.writer import Writer

T = TypeVar("T")


class Beside(Generic[T]):
    """Operations, each in a transaction of its own: those that wait for a writer would share one.

    So a writer is given the next one when it has committed the one before.
    """

    def __init__(self, operations: Sequence[Operation[T]]) -> None:
        self._operations = deque(enumerate(operations))
        self.answers: list[Future[T]] = [Future() for _ in operations]

    def go_on(self, writer: Writer) -> None:
        """Gives the writer one of those that are left, if any is."""
        while self._operations:
            try:
                place, operation = self._operations.popleft()
            except IndexError:  # another writer has the last one
                return
            try:
                writer.submit(operation).add_done_callback(partial(self._done, writer, place))
            except (StoreUnavailable, Overloaded) as refused:
                self.answers[place].set_exception(refused)
            else:
                return

    def _done(self, writer: Writer, place: int, written: Future[T]) -> None:
        self.go_on(writer)
        error = written.exception()
        if error is None:
            self.answers[place].set_result(written.result())
        else:
            self.answers[place].set_exception(error)
