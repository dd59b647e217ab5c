"""The one thread that commits: all writes that wait share a transaction, each is answered after the commit."""

from __future__ import annotations

import threading
from asyncio import AbstractEventLoop
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import timedelta
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

import peewee
import structlog

from cronlane_service.domain.errors import Overloaded, StoreUnavailable
from cronlane_service.domain.ports import Operation, Topic
from cronlane_service.store.batches import Batches
from cronlane_service.store.engine import Engine, Notice
from cronlane_service.store.short_writes import ShortWrites
from cronlane_service.store.writes import Carried, Write, answer, outcome, refuse

T = TypeVar("T")

_BATCH = 256
_BEGINNING = 0.005
"""Seconds for which the loop lets the thread go first, which would have to wait for the interpreter otherwise."""
_RETRY_AFTER = timedelta(seconds=1)
_log = structlog.get_logger()


class Writer:
    """Runs operations in the order in which they were submitted, those that wait in one transaction.

    Short ones are carried out on the loop that submits them while the thread has nothing to do, and the thread commits
    them: two threads that take Python's lock from each other at every statement get less done than one.
    """

    def __init__(self, engine: Engine, queue_limit: int, beside: Writer | None = None) -> None:
        """``beside``: the one whose listeners hear of this one's writes."""
        self.failing: str | None = None
        self._engine = engine
        self._queue_limit = queue_limit
        self._queue: SimpleQueue[Write | Carried | None] = SimpleQueue()  # None wakes who waits for work
        self._again: deque[Write] = deque()
        self._serving: list[Write] = []
        self._found: list[Write | None] = []  # to be served next
        self._guard = threading.Lock()
        self._stopping = False
        self._idle = False
        """Whether the thread waits, and has nothing before it."""
        self._open = False
        """Whether nothing is queued, so that what is short comes next, after what the thread may be at work on."""
        self._short = ShortWrites(self._carry_out_short)
        """To be carried out on the loop, when the thread is idle; nothing is queued before them."""
        self._on_loop = False
        """Whether a transaction was begun on the loop and is not committed: until then the thread begins none."""
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

    def submit(
        self,
        operation: Operation[Any],
        loop: AbstractEventLoop | None = None,
        show: Callable[[Any], object] | None = None,
        *,
        short: bool = False,
    ) -> Any:
        """The future of the answer: one of the loop's, to be awaited there; without a loop one of concurrent's.

        ``show``: makes the answer, on the loop. ``short``: the loop may be kept waiting for so long.
        """
        write = Write(operation, loop, show)
        with self._guard:
            if self._stopping:
                raise StoreUnavailable("it is closed")
            if (waiting := self._queue.qsize() + len(self._short)) >= self._queue_limit:
                raise Overloaded(waiting, _RETRY_AFTER)
            if short and self._open and self._short.takes(loop):
                self._short.append(write)
                self._call_loop()
            else:
                self._hand_over_short()
                self._queue.put(write)
        return write.future

    def _call_loop(self) -> None:
        """Guarded, on the loop."""
        if self._short and self._idle and not self._on_loop:
            self._short.call()

    def _go_on(self) -> None:
        """On the loop, with what came while the thread was not idle."""
        with self._guard:
            self._call_loop()

    def _hand_over_short(self) -> None:
        """To the thread, before what comes now. Guarded."""
        self._idle = self._open = False
        for write in self._short.take():
            self._queue.put(write)

    def _carry_out_short(self) -> None:
        """On the loop, while the thread waits for it."""
        notices: dict[Notice, None] = {}
        with self._guard:
            self._short.called()
            if self._on_loop or not self._idle or not (batch := [each for each in self._short.take() if each.begin()]):
                return
            self._on_loop, done = True, 0
        begun = threading.Lock()
        begun.acquire()
        try:
            done = self._batches.carry_out_at_once(batch, notices)
        finally:
            self._queue.put(Carried(batch, notices, done, begun))
        if done < len(batch):
            return  # the thread has more to do, and might do all of it again
        if done > 1:
            begun.acquire(timeout=_BEGINNING)
        for write in batch:
            write.show()

    def _close(self) -> None:
        with self._guard:
            if not self._stopping:
                self._stopping = True
                self._hand_over_short()
                self._queue.put(None)  # the last that is ever put, but for what is carried out on the loop by now

    def _run(self) -> None:
        try:
            while (batch := self._next_batch()) is not None:
                self._serving = batch
                self._serve(batch, {})
                self._serving = []
        finally:
            # Also if this thread dies of something unforeseen: nobody may wait for it then.
            self._close()
            self._refuse_rest()
            self._batches.disconnect()

    def _next_batch(self) -> list[Write] | None:
        """Waits for work; None when all is done and nothing more may come."""
        found = self._found = [*self._again]
        self._again.clear()
        with suppress(Empty):
            while self._on_loop or not found or (len(found) < _BATCH and found[-1] is not None):
                item = self._next(first=not found)
                if isinstance(item, Carried):
                    self._finish(item)
                else:
                    found.append(item)
        if found == [None]:
            return None
        if found[-1] is None:
            self._queue.put(None)
        with self._guard:
            self._open = self._queue.empty()
        return [write for write in found if write is not None and write.begin()]

    def _next(self, *, first: bool) -> Write | Carried | None:
        """What was put, if anything was. ``first``: waits for it. Raises Empty."""
        if first:
            with self._guard:
                self._idle = self._open = self._queue.empty()
                try:
                    self._short.wake(self._go_on)
                except RuntimeError:  # it is closed
                    self._hand_over_short()
        return self._queue.get(first or self._on_loop)

    def _finish(self, carried: Carried) -> None:
        """What was carried out on the loop is before all that was put meanwhile."""
        carried.begun.release()
        self._serving = carried.batch
        self._serve(carried.batch, carried.notices, carried.done)
        self._serving = []
        with self._guard:
            self._on_loop = False
            self._short.expect(len(carried.batch) + len(self._short))

    def _serve(self, batch: list[Write], notices: dict[Notice, None], done: int = 0, *, again: bool = True) -> None:
        """``done``: the first so many were carried out on the loop. ``notices``: what is to be told of those."""
        try:
            answered = self._batches.carry_out(batch, notices, done)
            self._batches.commit(notices)
        except peewee.PeeweeException as error:
            connected = self._batches.connected
            self._batches.disconnect()
            if again and connected and not self._batches.committing and self._engine.lost(error):
                self._serve(batch, {}, again=False)  # nothing was committed, and a new connection may work
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
        rest = [*self._serving, *self._again, *filter(None, self._found)]
        self._again.clear()
        while not self._queue.empty():
            item = self._queue.get_nowait()
            rest += item.batch if isinstance(item, Carried) else [item] if item is not None and item.begin() else []
        refuse(rest, "it is closed")
