"""What the store's connection to SQLite does that the driver's does not."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from itertools import count

import pytest

from cronlane_service.store.sqlite_session import Session

NUMBERS = (
    "SELECT n FROM (WITH RECURSIVE up(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM up) SELECT n FROM up) LIMIT 1000"
)


class Asked(list[int]):
    """What SQLite asked leave for: it does when it prepares a statement."""

    def leave(self, action: int, *_: object) -> int:
        self.append(action)
        return sqlite3.SQLITE_OK


@pytest.fixture
def asked() -> Asked:
    return Asked()


@pytest.fixture
def session(asked: Asked) -> Iterator[Session]:
    with closing(sqlite3.connect(":memory:", factory=Session)) as session:
        session.set_authorizer(asked.leave)
        yield session


def prepared(session: Session, asked: Asked) -> bool:
    """Whether the statement had to be prepared."""
    asked.clear()
    assert len(session.rows(NUMBERS)) == 1000
    return bool(asked)


def interrupt(session: Session) -> None:
    """Between two rows."""
    steps = count()
    session.set_progress_handler(lambda: next(steps) > 5, 100)
    with pytest.raises(sqlite3.OperationalError, match="interrupted"):
        session.rows(NUMBERS)
    session.set_progress_handler(None, 0)


def test_a_statement_is_prepared_once(session: Session, asked: Asked) -> None:
    assert [prepared(session, asked) for _ in range(3)] == [True, False, False]


def test_a_statement_that_was_interrupted_is_prepared_once_more(session: Session, asked: Asked) -> None:
    for _ in range(300):
        interrupt(session)
    assert [prepared(session, asked) for _ in range(3)] == [True, False, False]
