"""A connection to PostgreSQL as the store uses it: nobody waits for the answer of a statement before it is needed."""

from __future__ import annotations

import select
from collections.abc import Sequence
from itertools import count
from typing import Any, NamedTuple

import psycopg
from psycopg import errors
from psycopg.adapt import Transformer
from psycopg.pq import ExecStatus, TransactionStatus

from cronlane_service.store.postgres_values import numbered, written
from cronlane_service.store.statements import Row

_OFTEN = 3
"""A statement that is carried out for the so many-th time is prepared; one search is seldom like another."""
_MOST_PREPARED = 500


class Changed(NamedTuple):
    rowcount: int


class Session:
    """libpq's pipeline mode, without the driver's cursors: these cost more than what they do.

    What was sent since the last Sync is answered together. PostgreSQL leaves out what follows a statement that failed
    until there, and the failure is raised by whoever waits for the answers.
    """

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._pg = connection.pgconn
        self._transformer = Transformer(connection)
        self._seen: dict[str, int] = {}
        self._prepared: dict[str, bytes] = {}  # statements' names
        self._fresh: dict[int, str] = {}  # those whose preparation is not answered yet, by its place in the answers
        self._names = map("cronlane_{}".format, count())
        self._unanswered = 0
        self._readable, self._either = select.poll(), select.poll()
        self._readable.register(self._pg.socket, select.POLLIN)
        self._either.register(self._pg.socket, select.POLLIN | select.POLLOUT)
        self._pg.enter_pipeline_mode()

    @property
    def in_transaction(self) -> bool:
        """Whether one is open in which nothing has gone wrong."""
        self.settle()
        return self._pg.transaction_status == TransactionStatus.INTRANS

    def send(self, sql: str, values: Sequence[Any] = ()) -> None:
        """Has it carried out after what was sent before."""
        given, binary = written(values)
        name = self._prepared.get(sql) or self._prepare(sql)
        if name is not None:
            self._pg.send_query_prepared(name, given, binary)
        else:
            self._pg.send_query_params(numbered(sql), given, param_formats=binary)
        self._unanswered += 1

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[Row]:
        self.send(sql, values)
        result = self._answers()[-1]
        if not result.nfields:
            return []
        self._transformer.set_pgresult(result)
        return self._transformer.load_rows(0, result.ntuples, tuple)

    def execute(self, sql: str, values: Sequence[Any] = ()) -> Changed:
        self.send(sql, values)
        return Changed(self._answers()[-1].command_tuples or 0)

    def executemany(self, sql: str, rows: Sequence[Sequence[Any]]) -> Changed:
        self.settle()
        for row in rows:
            self.send(sql, row)
        return Changed(sum(result.command_tuples or 0 for result in self._answers()))

    def settle(self) -> None:
        """Waits for what was sent. Raises psycopg's error of the first that failed."""
        if self._unanswered:
            self._answers()

    def commit(self) -> None:
        self.execute("COMMIT")

    def hasten(self, seconds: float | None) -> None:
        """Who waits for another machine has threads for that."""

    def wait(self, wait: bool) -> None:
        """Nobody keeps the database to himself."""

    def _prepare(self, sql: str) -> bytes | None:
        """The name of the statement, from now on."""
        seen = self._seen[sql] = self._seen.get(sql, 0) + 1
        if len(self._seen) > 2 * _MOST_PREPARED:
            self._seen.clear()
        if seen < _OFTEN or len(self._prepared) >= _MOST_PREPARED:
            return None
        name = self._prepared[sql] = next(self._names).encode()
        self._fresh[self._unanswered + len(self._fresh)] = sql
        self._pg.send_prepare(name, numbered(sql))
        return name

    def _answers(self) -> list[Any]:
        """Those of all statements since the last time."""
        self._pg.pipeline_sync()
        self._flush()
        results = []
        while (result := self._result()) is not None and result.status != ExecStatus.PIPELINE_SYNC:
            results.append(result)
            self._pg.get_result()  # the None that ends those of a statement
        fresh, self._fresh, self._unanswered = self._fresh, {}, 0
        for failed in results:
            if failed.status == ExecStatus.FATAL_ERROR:
                for sql in fresh.values():
                    self._prepared.pop(sql)
                raise errors.error_from_result(failed)
        if result is None:
            raise psycopg.OperationalError("the connection is lost")
        return [each for place, each in enumerate(results) if place not in fresh] if fresh else results

    def _flush(self) -> None:
        while self._pg.flush():
            self._either.poll()
            self._pg.consume_input()  # PostgreSQL reads on when its answers are taken

    def _result(self) -> Any:
        while self._pg.is_busy():
            self._readable.poll()  # libpq would wait as well, and let no other thread go on meanwhile
            self._pg.consume_input()
        return self._pg.get_result()
