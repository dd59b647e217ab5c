"""The one thread that writes: all that wait share a transaction, each is answered after the commit."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from datetime import timedelta
from functools import partial
from typing import Any, NamedTuple, TypeVar

import peewee
import structlog

from cronlane_service.domain.errors import Overloaded, StoreUnavailable
from cronlane_service.domain.ports import Operation, Topic
from cronlane_service.store.connection import Connection
from cronlane_service.store.engine import Engine, Notice
from cronlane_service.store.transaction import Transaction

T = TypeVar("T")

_BATCH = 256
_RETRY_AFTER = timedelta(seconds=1)
_log = structlog.get_logger()


class _Write(NamedTuple):
    operation: Operation[Any]
    future: Future[Any]
    tries: int = 0  # that failed because of other servers


class _Answer(NamedTuple):
    future: Future[Any]
    result: Any
    error: BaseException | None


class Writer:
    """Runs operations in the order in which they were submitted, each in a savepoint of a shared transaction."""

    def __init__(self, engine: Engine, queue_limit: int) -> None:
        self.failing: str | None = None
        self._engine = engine
        self._queue_limit = queue_limit
        self._queue: deque[_Write] = deque()
        self._changed = threading.Condition()
        self._stopping = False
        self._listeners: dict[Topic, list[Callable[[str], None]]] = {topic: [] for topic in Topic}
        self._connection: Connection | None = None
        self._committing = False
        self._thread = threading.Thread(target=self._run, name="cronlane-writer")

    def listen(self, topic: Topic, listener: Callable[[str], None]) -> None:
        self._listeners[topic].append(listener)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Carries out what is queued and takes no more."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        if self._thread.ident is not None:
            self._thread.join()
        self._refuse_rest()

    def submit(self, operation: Operation[T]) -> Future[T]:
        future: Future[T] = Future()
        with self._changed:
            if self._stopping:
                raise StoreUnavailable("it is closed")
            if len(self._queue) >= self._queue_limit:
                raise Overloaded(len(self._queue), _RETRY_AFTER)
            self._queue.append(_Write(operation, future))
            self._changed.notify_all()
        return future

    def _run(self) -> None:
        try:
            while (batch := self._next_batch()) is not None:
                self._serve(batch)
        finally:
            # Also if this thread dies of something unforeseen: nobody may wait for it then.
            with self._changed:
                self._stopping = True
            self._refuse_rest()
            self._disconnect()

    def _next_batch(self) -> list[_Write] | None:
        """Waits for work; None when all is done and nothing more may come."""
        with self._changed:
            self._changed.wait_for(lambda: self._queue or self._stopping)
            if not self._queue:
                return None
            batch = [self._queue.popleft() for _ in range(min(len(self._queue), _BATCH))]
        return [write for write in batch if write.tries or write.future.set_running_or_notify_cancel()]

    def _serve(self, batch: list[_Write], *, again: bool = True) -> None:
        notices: dict[Notice, None] = {}
        try:
            answers = self._transact(batch, notices)
        except peewee.PeeweeException as error:
            connected = self._connection is not None
            self._disconnect()
            if again and connected and not self._committing and self._engine.lost(error):
                self._serve(batch, again=False)  # nothing was committed, and a new connection may work
            else:
                self._give_up(batch, self._engine.unavailable(error) or str(error))
            return
        self.failing = None
        for answer in answers:
            if answer.error is None:
                answer.future.set_result(answer.result)
            else:
                answer.future.set_exception(answer.error)
        self.tell(notices)

    def _transact(self, batch: list[_Write], notices: dict[Notice, None]) -> list[_Answer]:
        self._committing = False
        connection = self._connection = self._connection or Connection(self._engine)
        connection.begin_write()
        tried = [(write, self._attempt(connection, write, notices)) for write in batch]
        if notices:
            self._engine.announce(connection, list(notices))
        self._committing = True
        connection.commit()
        self._put_back([write for write, answer in tried if answer is None])
        return [answer for _, answer in tried if answer is not None]

    def _put_back(self, writes: list[_Write]) -> None:
        """To be tried again, before what came later."""
        with self._changed:
            self._queue.extendleft(write._replace(tries=write.tries + 1) for write in reversed(writes))

    def _attempt(self, connection: Connection, write: _Write, notices: dict[Notice, None]) -> _Answer | None:
        """None: other servers were in the way."""
        transaction = Transaction(connection)

        def operate() -> Any:
            with connection.savepoint():
                return write.operation(transaction)

        result, error = _outcome(operate)
        if error is None:
            notices |= transaction.notices
        elif self._engine.unavailable(error) is not None:
            raise error
        elif write.tries < (most := self._engine.tries(error)):
            return None
        elif most > 1:
            error = StoreUnavailable("other servers hold what this needs")
        return _Answer(write.future, result, error)

    def _give_up(self, batch: list[_Write], problem: str) -> None:
        """Nothing was committed, so even an operation's own error was found on a state that never came to be."""
        _log.error("store_failed", problem=problem, database=self._engine.name, operations=len(batch))
        self.failing = problem
        _refuse((write.future for write in batch), problem)

    def _disconnect(self) -> None:
        """Closing takes an open transaction back, and the next batch starts with a new connection."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def tell(self, notices: Iterable[Notice]) -> None:
        """To the listeners of this server. The writes are done: who listens badly must not stop those of others."""
        for topic, key in notices:
            for listener in self._listeners[topic]:
                _, error = _outcome(partial(listener, key))
                if error is not None:
                    _log.error("listener_failed", topic=topic.value, exc_info=error)

    def _refuse_rest(self) -> None:
        with self._changed:
            rest = [write.future for write in self._queue]
            self._queue.clear()
        _refuse(rest, "it is closed")


def _outcome(action: Callable[[], Any]) -> tuple[Any, BaseException | None]:
    """What the action returned, or raised: that belongs to whoever asked for it, not to this thread."""
    try:
        return action(), None
    except BaseException as error:  # noqa: BLE001
        return None, error


def _refuse(futures: Iterable[Future[Any]], problem: str) -> None:
    for future in futures:
        if not future.done() and (future.running() or future.set_running_or_notify_cancel()):
            future.set_exception(StoreUnavailable(problem))
