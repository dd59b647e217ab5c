"""A connection to SQLite as the store uses it: the driver's own, which reads texts faster."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from functools import partial
from time import thread_time
from typing import Any

from cronlane_service.store.statements import Row

_STEPS = 1000  # of SQLite's machine, some ten microseconds: so often it is looked at the time
_LENIENT = partial(str, encoding="utf-8", errors="replace")


class Session(sqlite3.Connection):
    """Implements Driver: carries out each statement when it is given."""

    def __init__(self, database: str, *, timeout: float, **options: Any) -> None:
        """``timeout``: seconds to wait for other programs. The others are a connection's."""
        super().__init__(database, timeout, **options)
        self._timeout, self._waits = timeout, True

    send = sqlite3.Connection.execute

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[Row]:
        if not sql.startswith("SELECT"):  # what writes is carried out once
            return self._leniently(sql, values)
        try:
            return self.execute(sql, values).fetchall()
        except sqlite3.OperationalError as error:
            if "decode" not in str(error):
                raise
        return self._leniently(sql, values)

    def _leniently(self, sql: str, values: Sequence[Any]) -> list[Row]:
        """A text that is no UTF-8 must not spoil the rows beside it; but each is made by a call of Python's so."""
        self.text_factory = _LENIENT
        try:
            return self.execute(sql, values).fetchall()
        finally:
            self.text_factory = str

    def settle(self) -> None:
        """Nothing is put off."""

    def hasten(self, seconds: float | None) -> None:
        if seconds is None:
            self.set_progress_handler(None, 0)
        else:
            end = thread_time() + seconds
            self.set_progress_handler(lambda: thread_time() > end, _STEPS)

    def wait(self, wait: bool) -> None:
        if wait is not self._waits:
            self.execute(f"PRAGMA busy_timeout = {self._timeout * 1000 if wait else 0:.0f}")
            self._waits = wait
