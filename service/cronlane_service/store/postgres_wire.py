"""Questions to PostgreSQL from an event loop: those that come up together are sent together, and no thread waits."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from itertools import count
from typing import Any

import psycopg
from psycopg import errors
from psycopg.adapt import Transformer
from psycopg.pq import ConnStatus, ExecStatus

from cronlane_service.store import postgres_errors
from cronlane_service.store.postgres_values import numbered, written
from cronlane_service.store.statements import Row


class _Question:
    """One statement, and who waits for its rows."""

    __slots__ = ("binary", "rows", "sql", "values")

    def __init__(self, sql: str, values: Sequence[Any], loop: asyncio.AbstractEventLoop) -> None:
        self.sql = sql
        self.values, self.binary = written(values)
        self.rows: asyncio.Future[list[Row]] = loop.create_future()

    def fail(self, error: BaseException) -> None:
        if not self.rows.done():  # who has left meanwhile gets none
            self.rows.set_exception(error)


class Wire:
    """A connection in libpq's pipeline mode, used on one loop alone; ``lost`` says why it cannot be used any more.

    What is sent together ends with one Sync. Up to there PostgreSQL leaves out what follows a statement that failed:
    that is sent again.
    """

    def __init__(self, connection: psycopg.Connection[Any], loop: asyncio.AbstractEventLoop) -> None:
        self.lost: psycopg.Error | None = None
        self._connection, self._loop = connection, loop
        self._pg, self._socket = connection.pgconn, connection.pgconn.socket
        self._transformer = Transformer(connection)
        self._prepared: dict[str, bytes] = {}  # statements' names
        self._names = map("cronlane_{}".format, count())
        self._waiting: list[_Question] = []
        self._sent: deque[_Question] = deque()
        self._expected: deque[Callable[[Any], None]] = deque()  # who takes the results, in the order of these
        self._waits_for_room = False
        self._pg.nonblocking = 1
        self._pg.enter_pipeline_mode()
        loop.add_reader(self._socket, self._guarded, self._receive)

    def ask(self, sql: str, values: Sequence[Any]) -> asyncio.Future[list[Row]]:
        """The rows that one statement answers. Raises psycopg's errors."""
        if self.lost is not None:
            raise self.lost
        question = _Question(sql, values, self._loop)
        self._enqueue(question)
        return question.rows

    def close(self) -> None:
        if self.lost is None:
            self._lose(psycopg.OperationalError("it is closed"))

    def _enqueue(self, question: _Question) -> None:
        if not self._waiting:
            self._loop.call_soon(self._guarded, self._send)
        self._waiting.append(question)

    def _guarded(self, step: Callable[[], None]) -> None:
        if self.lost is None:
            try:
                step()
            except psycopg.Error as error:
                self._lose(error)

    def _send(self) -> None:
        waiting, self._waiting = self._waiting, []
        for question in waiting:
            self._sent.append(question)
            name = self._prepared.get(question.sql)
            if name is None:
                name = self._prepared[question.sql] = next(self._names).encode()
                self._pg.send_prepare(name, numbered(question.sql))
                self._expected.append(self._take_prepared)
            self._pg.send_query_prepared(name, question.values, question.binary)
            self._expected.append(self._take_rows)
        self._pg.pipeline_sync()
        self._expected.append(_take_sync)
        self._flush()

    def _flush(self) -> None:
        if self._pg.flush():
            self._waits_for_room = True
            self._loop.add_writer(self._socket, self._guarded, self._flush)
        elif self._waits_for_room:
            self._waits_for_room = False
            self._loop.remove_writer(self._socket)

    def _receive(self) -> None:
        self._pg.consume_input()
        while self._expected and not self._pg.is_busy():
            result = self._pg.get_result()
            if result is not None:  # between those of two statements comes a None
                self._expected.popleft()(result)
            elif self._pg.status == ConnStatus.BAD:
                raise psycopg.OperationalError("the connection is lost")

    def _take_prepared(self, result: Any) -> None:
        if result.status == ExecStatus.FATAL_ERROR:
            question = self._sent[0]
            self._prepared.pop(question.sql)
            self._fail(question, errors.error_from_result(result))
        elif result.status == ExecStatus.PIPELINE_ABORTED:
            self._prepared.pop(self._sent[0].sql)

    def _take_rows(self, result: Any) -> None:
        question = self._sent.popleft()
        if question.rows.done():
            return
        if result.status == ExecStatus.TUPLES_OK:
            self._transformer.set_pgresult(result)
            question.rows.set_result(self._transformer.load_rows(0, result.ntuples, tuple))
        elif result.status == ExecStatus.PIPELINE_ABORTED:
            self._enqueue(question)
        else:
            self._fail(question, errors.error_from_result(result))

    def _fail(self, question: _Question, error: psycopg.Error) -> None:
        question.fail(error)
        if postgres_errors.lost(error):
            raise error  # the last word of a connection

    def _lose(self, error: psycopg.Error) -> None:
        self.lost = error
        if not self._loop.is_closed():
            self._loop.remove_reader(self._socket)
            self._loop.remove_writer(self._socket)
            for question in (*self._sent, *self._waiting):
                question.fail(error)
        self._connection.close()


def _take_sync(result: Any) -> None:
    """All that was sent together is answered."""
