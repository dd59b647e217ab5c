"""Writes that wait together are committed together."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from cronlane_service.runner.commits import Commits


class Notes:
    """A table of numbers, and how often something was committed to it."""

    def __init__(self, path: Path) -> None:
        self.connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=0.1)
        self.connection.execute("PRAGMA journal_mode=WAL")
        self.connection.execute("CREATE TABLE notes (number INTEGER PRIMARY KEY)")
        self.beside = sqlite3.connect(path, isolation_level=None, timeout=0.1)
        self.ends: list[str] = []
        self.connection.set_trace_callback(lambda sql: self.ends.append(sql) if sql in ("COMMIT", "ROLLBACK") else None)
        self.commits = Commits(self.connection)

    def note(self, number: int) -> Callable[[], int]:
        def operation() -> int:
            self.connection.execute("INSERT INTO notes VALUES (?)", (number,))
            return number

        return operation

    @property
    def found(self) -> list[int]:
        return [number for (number,) in self.beside.execute("SELECT number FROM notes ORDER BY 1")]


@pytest.fixture
async def notes(tmp_path: Path) -> AsyncIterator[Notes]:
    notes = Notes(tmp_path / "notes.db")
    yield notes
    await notes.commits.close()
    notes.beside.close()


class Occupied:
    """An operation that goes on until it is released."""

    def __init__(self, notes: Notes) -> None:
        self.begun, self.released = threading.Event(), threading.Event()
        self.running = asyncio.ensure_future(notes.commits.run(self))

    def __call__(self) -> None:
        self.begun.set()
        assert self.released.wait(10)


async def occupied(notes: Notes) -> Occupied:
    operation = Occupied(notes)
    assert await asyncio.to_thread(operation.begun.wait, 10)
    return operation


async def test_what_is_answered_is_committed(notes: Notes) -> None:
    assert await notes.commits.run(notes.note(1)) == 1
    assert notes.found == [1]


async def test_those_that_wait_share_a_commit_and_keep_their_order(notes: Notes) -> None:
    first = await occupied(notes)
    waiting = [asyncio.ensure_future(notes.commits.run(notes.note(number))) for number in range(50)]
    again = asyncio.ensure_future(notes.commits.run(lambda: notes.connection.execute("DELETE FROM notes").rowcount))
    await asyncio.sleep(0)
    first.released.set()
    assert await asyncio.gather(*waiting) == list(range(50))
    assert await again == 50
    assert notes.ends == ["COMMIT", "COMMIT"]


async def test_one_that_fails_is_told_alone_and_its_neighbours_are_written(notes: Notes) -> None:
    first = await occupied(notes)

    def half() -> None:
        notes.note(7)()
        raise ValueError("in the middle")

    wanted = [notes.note(1), half, notes.note(1), notes.note(2)]
    waiting = asyncio.gather(*(notes.commits.run(each) for each in wanted), return_exceptions=True)
    await asyncio.sleep(0)
    first.released.set()
    one, broken, taken, two = await waiting
    assert (one, two) == (1, 2)
    assert isinstance(broken, ValueError)
    assert isinstance(taken, sqlite3.IntegrityError)
    assert notes.found == [1, 2]


async def test_all_are_told_when_nothing_can_be_committed(notes: Notes) -> None:
    notes.beside.execute("BEGIN IMMEDIATE")
    both = await asyncio.gather(*(notes.commits.run(notes.note(n)) for n in (1, 2)), return_exceptions=True)
    assert [str(problem) for problem in both] == ["database is locked"] * 2
    notes.beside.execute("ROLLBACK")
    assert await notes.commits.run(notes.note(3)) == 3
    assert notes.found == [3]


async def test_all_are_told_when_what_failed_cannot_even_be_taken_back(notes: Notes) -> None:
    def refused(action: int, what: str | None, *_: object) -> int:
        return sqlite3.SQLITE_DENY if (action, what) == (sqlite3.SQLITE_TRANSACTION, "ROLLBACK") else sqlite3.SQLITE_OK

    assert await notes.commits.run(notes.note(1)) == 1
    notes.connection.set_authorizer(refused)
    both = await asyncio.gather(*(notes.commits.run(notes.note(n)) for n in (1, 2)), return_exceptions=True)
    assert [str(problem) for problem in both] == ["not authorized"] * 2
    notes.connection.set_authorizer(None)
    assert await notes.commits.run(notes.note(3)) == 3
    assert notes.found == [1, 3]


async def test_one_that_is_cancelled_before_its_turn_is_not_run(notes: Notes) -> None:
    first = await occupied(notes)
    waiting = asyncio.ensure_future(notes.commits.run(notes.note(1)))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait([waiting])
    assert waiting.cancelled()
    first.released.set()
    await notes.commits.run(notes.note(2))
    assert notes.found == [2]


async def test_one_that_is_cancelled_while_it_runs_ends_when_it_is_written(notes: Notes) -> None:
    first = await occupied(notes)
    first.running.cancel()
    await asyncio.sleep(0)
    assert not first.running.done()
    first.released.set()
    await asyncio.wait([first.running])
    assert first.running.cancelled()
    assert notes.ends == ["COMMIT"]


async def test_what_waits_is_written_before_the_connection_closes(tmp_path: Path) -> None:
    notes = Notes(tmp_path / "notes.db")
    first = await occupied(notes)
    waiting = asyncio.ensure_future(notes.commits.run(notes.note(1)))
    closing = asyncio.ensure_future(notes.commits.close())
    await asyncio.sleep(0)
    first.released.set()
    await closing
    assert await waiting == 1
    assert notes.found == [1]
    notes.beside.close()
