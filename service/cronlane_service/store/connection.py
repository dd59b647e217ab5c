"""One connection to a database, and the transaction on it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import peewee
from peewee import __exception_wrapper__ as translated  # type: ignore[attr-defined]

from cronlane_service.store.engine import Changed, Engine
from cronlane_service.store.statements import Columns, Insert, Row, Rows, Statement


class Connection:
    """Runs statements; used by one thread at a time."""

    def __init__(self, engine: Engine, *, read_only: bool = False) -> None:
        self.engine, self.read_only = engine, read_only
        self.shares = not (engine.exclusive or read_only)
        """Whether it writes beside others, and so has to lock."""
        self.written = 0
        """How many rows so far."""
        self._database = engine.connect(read_only=read_only)
        # Peewee's cursors cost as much again as what they do.
        self._driver = engine.driver(self._database)

    def rows(self, statement: Statement, **values: Any) -> list[Row]:
        return self._fetched(*statement.bound(self.engine, values))

    def first(self, statement: Statement, **values: Any) -> Row | None:
        found = self._fetched(*statement.bound(self.engine, values))
        return found[0] if found else None

    def lock(self, statement: Statement, **values: Any) -> None:
        """Keeps other servers from changing the statement's rows until the transaction ends.

        To be called before they are read: a statement sees what was committed when it began. Nothing to do where one
        transaction at a time writes, or in one that only reads.
        """
        if self.shares:
            self._send(*statement.bound(self.engine, values))

    def change(self, statement: Statement, **values: Any) -> int:
        """How many rows were written."""
        return self._changed(*statement.bound(self.engine, values))

    def change_each(self, statement: Statement, rows: Sequence[Row]) -> int:
        """The statement once for each row of values, in the order in which they stand in it."""
        if not rows:
            return 0
        sql = statement.sql(self.engine)
        if len(rows) == 1:
            return self._changed(sql, rows[0])
        with translated:
            return self._counted(self._driver.executemany(sql, rows))

    def put(self, statement: Statement, **values: Any) -> None:
        """`change` of what nobody counts. Whoever waits for a later statement hears of its failure."""
        self.written += 1  # as far as anybody knows
        self._send(*statement.bound(self.engine, values))

    def put_each(self, statement: Statement, rows: Sequence[Row]) -> None:
        """`change_each` of what nobody counts."""
        sql = statement.sql(self.engine)
        self.written += len(rows)
        try:
            for row in rows:
                self._driver.send(sql, row)
        except self.engine.refusal:
            with translated:
                raise

    def put_row(self, insert: Insert, row: Row) -> None:
        self.written += 1
        self._send(*insert.bound(self.engine, row))

    def put_rows(self, query: Rows, rows: Sequence[Row]) -> None:
        """`put_columns` of what is given row by row."""
        if rows:
            self.put_columns(query, Columns.of(query.names, rows))

    def put_columns(self, query: Rows, columns: Columns) -> None:
        """`change_columns` of what nobody counts."""
        self.written += len(columns)
        for sql, values in query.portions(self.engine, columns):
            self._send(sql, values)

    def change_columns(self, query: Rows, columns: Columns) -> int:
        """The query over a table of these values. How many rows were written."""
        return sum(self._changed(sql, values) for sql, values in query.portions(self.engine, columns))

    def find_columns(self, query: Rows, columns: Columns) -> list[Row]:
        """What the query over a table of these values finds."""
        return [row for sql, values in query.portions(self.engine, columns) for row in self._fetched(sql, values)]

    def settle(self) -> None:
        """Waits for all that was put. Raises Peewee's error of the first that failed."""
        with translated:
            self._driver.settle()

    def _fetched(self, sql: str, values: Sequence[Any]) -> list[Row]:
        try:
            found = self._driver.rows(sql, values)
        except self.engine.refusal:
            with translated:
                raise
        if not sql.startswith("SELECT"):
            self.written += len(found)
        return found

    def _send(self, sql: str, values: Sequence[Any]) -> None:
        try:
            self._driver.send(sql, values)
        except self.engine.refusal:
            with translated:
                raise

    def _changed(self, sql: str, values: Sequence[Any]) -> int:
        with translated:
            return self._counted(self._driver.execute(sql, values))

    def _counted(self, done: Changed) -> int:
        self.written += max(done.rowcount, 0)
        return done.rowcount

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """Takes back what is written inside if it ends in an error; after one of the database itself all is lost."""
        self.send("SAVEPOINT op")
        try:
            yield
            self.settle()
        except BaseException as error:
            if self.engine.unavailable(error) is None:
                self._forget()
                self.send("ROLLBACK TO op")
                self.send("RELEASE op")
            raise
        self.send("RELEASE op")

    def begin_write(self, *, wait: bool = True) -> None:
        """``wait``: for other programs, if they keep the database to themselves; else that is an error at once."""
        with translated:
            self._driver.wait(wait)
        self.send(self.engine.begin_write)

    def begin_read(self) -> None:
        self.send(self.engine.begin_read)

    def end_read(self) -> None:
        """Nothing was put, so that nothing has to be forgotten."""
        self.execute("ROLLBACK")

    def hasten(self, seconds: float | None) -> None:
        """Gives up statements that take longer than that from now on; None: not any more."""
        self._driver.hasten(seconds)

    @property
    def intact(self) -> bool:
        """Whether a transaction is open that can be committed. Raises Peewee's error of what was put and failed."""
        with translated:
            return self._driver.in_transaction

    def commit(self) -> None:
        with translated:
            self._driver.commit()

    def rollback(self) -> None:
        self._forget()
        self.execute("ROLLBACK")

    def _forget(self) -> None:
        """What was put is taken back, whether it failed or not."""
        with suppress(peewee.PeeweeException):
            self.settle()

    def close(self) -> None:
        self._database.close()

    def send(self, sql: str, *values: Any) -> None:
        """`execute` of what answers nothing."""
        self._send(sql, values)

    def execute(self, sql: str, *values: Any) -> list[Row]:
        return self._fetched(sql, values)
