"""Connections that PostgreSQL refuses are not asked for again at once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import peewee
import psycopg

from cronlane_service.store import postgres_errors
from cronlane_service.store.database_clock import ticking

_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 1.0


class Refusals:
    """After a connection was refused, none is asked for until a pause, which grows, has passed."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._problem, self._until, self._pause = "", 0.0, _FIRST_PAUSE

    def check(self) -> None:
        if ticking() < self._until:
            raise psycopg.OperationalError(self._problem)

    @contextmanager
    def asked(self) -> Iterator[None]:
        try:
            yield
        except (psycopg.Error, peewee.PeeweeException) as error:
            with self._guard:
                self._problem, self._until = postgres_errors.explained(error), ticking() + self._pause
                self._pause = min(2 * self._pause, _LONGEST_PAUSE)
            raise
        with self._guard:
            self._until, self._pause = 0.0, _FIRST_PAUSE
