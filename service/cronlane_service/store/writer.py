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
from cronlane_service.store.connection import Connection
from cronlane_service.store.engine import Engine, Notice
from cronlane_service.store.transaction import Transaction, keep_soonest
from cronlane_service.store.writes import Write, answer, refuse

T = TypeVar("T")

_BATCH = 256
_RETRY_AFTER = timedelta(seconds=1)
_log = structlog.get_logger()


class Writer:
    """Runs operations in the order in which they were submitted, those that wait in one transaction.

    What one of them wrote before it failed is taken back without the others': they are all carried out again then,
    each in a savepoint.
    """

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
        self._transaction: Transaction | None = None
        self._committing = False
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
            self._disconnect()

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
            answered = self._transact(batch, notices)
        except peewee.PeeweeException as error:
            connected = self._transaction is not None
            self._disconnect()
            if again and connected and not self._committing and self._engine.lost(error):
                self._serve(batch, again=False)  # nothing was committed, and a new connection may work
            else:
                self._give_up(batch, self._engine.unavailable(error) or str(error))
            return
        if self._transaction is not None and self._transaction.connection.written:
            self.failing = None  # that nothing was written would not show that something can be
        self.tell(notices)  # first: whoever has an answer may count on it that those on this server know
        answer(answered)

    def _transact(self, batch: list[Write], notices: dict[Notice, None]) -> list[Write]:
        """Those that have their answer; the others are to be tried again, before what came later."""
        self._committing = False
        transaction = self._transaction = self._transaction or Transaction(Connection(self._engine))
        connection = transaction.connection
        transaction.begin_write()
        if self._together(transaction, batch, notices):
            answered = batch
        else:
            connection.rollback()
            notices.clear()
            transaction.begin_write()
            answered = [write for write in batch if self._apart(transaction, write, notices)]
        keep_soonest(notices)
        if notices:
            self._engine.announce(connection, list(notices))
        self._engine.check()
        self._committing = True
        connection.commit()
        if len(answered) < len(batch):
            self._again.extend(write for write in batch if write not in answered)
        return answered

    def _together(self, transaction: Transaction, batch: list[Write], notices: dict[Notice, None]) -> bool:
        """False: one of them wrote something and failed, or the database did not do what one of them wanted."""
        connection = transaction.connection
        for write in batch:
            written, transaction.notices = connection.written, {}
            try:
                write.result, write.error = write.operation(transaction), None
            except BaseException as error:  # it belongs to whoever asked for it, not to this thread
                write.error = error
                if self._engine.unavailable(error) is not None:
                    raise
                if connection.written != written or isinstance(error, peewee.PeeweeException):
                    return False
            else:
                notices |= transaction.notices
        return self._intact(connection)

    def _intact(self, connection: Connection) -> bool:
        """What one of them hid from us, or did not wait for, must not pass for committed."""
        try:
            return connection.intact
        except peewee.PeeweeException as error:
            if self._engine.unavailable(error) is not None:
                raise
            return False

    def _apart(self, transaction: Transaction, write: Write, notices: dict[Notice, None]) -> bool:
        """False: other servers were in the way."""
        transaction.notices = {}
        transaction.assistants.forget()  # what the one before found may be taken back

        def operate(transaction: Transaction) -> Any:
            with transaction.connection.savepoint():
                return write.operation(transaction)

        write.result, write.error = _outcome(operate, transaction)
        if write.error is None:
            notices |= transaction.notices
        elif self._engine.unavailable(write.error) is not None:
            raise write.error
        elif write.tries < (most := self._engine.tries(write.error)):
            write.tries += 1
            return False
        elif most > 1:
            write.error = StoreUnavailable("other servers hold what this needs")
        return True

    def _give_up(self, batch: list[Write], problem: str) -> None:
        """Nothing was committed, so even an operation's own error was found on a state that never came to be."""
        _log.error("store_failed", problem=problem, database=self._engine.name, operations=len(batch))
        self.failing = problem
        refuse(batch, problem)

    def _disconnect(self) -> None:
        """Closing takes an open transaction back, and the next batch starts with a new connection."""
        transaction, self._transaction = self._transaction, None
        if transaction is not None:
            transaction.connection.close()

    def tell(self, notices: Iterable[Notice]) -> None:
        """To the listeners of this server. The writes are done: who listens badly must not stop those of others."""
        for topic, key in notices:
            for listener in self._listeners[topic]:
                _, error = _outcome(partial(listener, key))
                if error is not None:
                    _log.error("listener_failed", topic=topic.value, exc_info=error)

    def _refuse_rest(self) -> None:
        rest = [*self._serving, *self._again]
        self._again.clear()
        while not self._queue.empty():
            if (write := self._queue.get_nowait()) is not None and write.begin():
                rest.append(write)
        refuse(rest, "it is closed")


def _outcome(action: Callable[..., Any], *arguments: Any) -> tuple[Any, BaseException | None]:
    """What the action returned, or raised: that belongs to whoever asked for it, not to this thread."""
    try:
        return action(*arguments), None
    except BaseException as error:  # noqa: BLE001
        return None, error
