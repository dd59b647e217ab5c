"""The one thread that writes: all that wait share a transaction, each is answered after the commit."""

from __future__ import annotations

import threading
from asyncio import AbstractEventLoop
from collections import deque
from collections.abc import Callable, Iterable
from datetime import timedelta
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

import peewee
import structlog

from cronlane_service.domain.errors import Overloaded, StoreUnavailable
from cronlane_service.domain.ports import Operation, Topic
from cronlane_service.store.batches import Batches, outcome
from cronlane_service.store.engine import Engine, Notice
from cronlane_service.store.writes import Write, answer, refuse

T = TypeVar("T")

_BATCH = 256
_RETRY_AFTER = timedelta(seconds=1)
_log = structlog.get_logger()


class Writer:
    """Runs operations in the order in which they were submitted, those that wait in one transaction."""

    def __init__(self, engine: Engine, queue_limit: int, beside: Writer | None = None) -> None:
        """``beside``: the one whose listeners hear of this one's writes."""
        self.failing: str | None = None
        self._engine = engine
        self._queue_limit = queue_limit
        self._queue: SimpleQueue[Write | None] = SimpleQueue()  # None wakes who waits for work
        self._again: deque[Write] = deque()
        self._serving: list[Write] = []
        self._guard = threading.Lock()
        self._stopping = False
        self._listeners: dict[Topic, list[Callable[[str], None]]] = (
            beside._listeners if beside is not None else {topic: [] for topic in Topic}
        )
        self._batches = Batches(engine)
        self._thread = threading.Thread(target=self._run, name="cronlane-writer")

    def listen(self, topic: Topic, listener: Callable[[str], None]) -> None:
        self._listeners[topic].append(listener)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Carries out what is queued and takes no more."""
        self._close()
        if self._thread.ident is not None:
            self._thread.join()
        self._refuse_rest()

    def submit(self, operation: Operation[T], loop: AbstractEventLoop | None = None) -> Any:
        """The future of the answer: one of the loop's, to be awaited there; without a loop one of concurrent's."""
        write = Write(operation, loop)
        with self._guard:
            if self._stopping:
                raise StoreUnavailable("it is closed")
            if (waiting := self._queue.qsize()) >= self._queue_limit:
                raise Overloaded(waiting, _RETRY_AFTER)
            self._queue.put(write)
        return write.future

    def _close(self) -> None:
        with self._guard:
            if not self._stopping:
                self._stopping = True
                self._queue.put(None)  # the last that is ever put

    def _run(self) -> None:
        try:
            while (batch := self._next_batch()) is not None:
                self._serving = batch
                self._serve(batch)
                self._serving = []
        finally:
            # Also if this thread dies of something unforeseen: nobody may wait for it then.
            self._close()
            self._refuse_rest()
            self._batches.disconnect()

    def _next_batch(self) -> list[Write] | None:
        """Waits for work; None when all is done and nothing more may come."""
        found: list[Write | None] = [*self._again]
        self._again.clear()
        try:
            if not found:
                found.append(self._queue.get())
            while len(found) < _BATCH and found[-1] is not None:
                found.append(self._queue.get_nowait())
        except Empty:
            pass
        if found == [None]:
            return None
        if found[-1] is None:
            self._queue.put(None)
        return [write for write in found if write is not None and write.begin()]

    def _serve(self, batch: list[Write], *, again: bool = True) -> None:
        notices: dict[Notice, None] = {}
        try:
            answered = self._batches.carry_out(batch, notices)
            self._batches.commit(notices)
        except peewee.PeeweeException as error:
            connected = self._batches.connected
            self._batches.disconnect()
            if again and connected and not self._batches.committing and self._engine.lost(error):
                self._serve(batch, again=False)  # nothing was committed, and a new connection may work
            else:
                self._give_up(batch, self._engine.unavailable(error) or str(error))
            return
        if len(answered) < len(batch):
            self._again.extend(write for write in batch if write not in answered)
        if self._batches.written:
            self.failing = None  # that nothing was written would not show that something can be
        self.tell(notices)  # first: whoever has an answer may count on it that those on this server know
        answer(answered)

    def _give_up(self, batch: list[Write], problem: str) -> None:
        """Nothing was committed, so even an operation's own error was found on a state that never came to be."""
        _log.error("store_failed", problem=problem, database=self._engine.name, operations=len(batch))
        self.failing = problem
        refuse(batch, problem)

    def tell(self, notices: Iterable[Notice]) -> None:
        """To the listeners of this server. The writes are done: who listens badly must not stop those of others."""
        for topic, key in notices:
            for listener in self._listeners[topic]:
                _, error = outcome(partial(listener, key))
                if error is not None:
                    _log.error("listener_failed", topic=topic.value, exc_info=error)

    def _refuse_rest(self) -> None:
        rest = [*self._serving, *self._again]
        self._again.clear()
        while not self._queue.empty():
            if (write := self._queue.get_nowait()) is not None and write.begin():
                rest.append(write)
        refuse(rest, "it is closed")
