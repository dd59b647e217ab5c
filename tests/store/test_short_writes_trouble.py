"""What callers of short writes are told when something is wrong, and that nobody waits for ever."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from time import monotonic
from typing import Any

import peewee
import pytest

from cronlane_service.domain.errors import InvalidField, StoreUnavailable
from cronlane_service.domain.ports import Topic, Transaction
from cronlane_service.store import SqlDatabase, open_database
from cronlane_service.store.connection import Connection
from cronlane_service.store.sqlite_session import Session
from serving import wait_until
from store.engines import ON_SQLITE
from store.rows import cron, thread
from store.short_writes import LONG, exists, few, idle, inserting, settled, where


@pytest.fixture
def patient(path: Path) -> Iterator[SqlDatabase]:
    """Waits long for other programs."""
    database = open_database(str(path), busy_timeout=LONG)
    database.migrate()
    database.start()
    yield database
    database.stop()


async def test_the_loop_goes_on_while_another_program_has_locked_the_file(patient: SqlDatabase, path: Path) -> None:
    await settled(patient)
    other, started = sqlite3.connect(path, isolation_level=None), monotonic()
    for _ in range(2):
        other.execute("BEGIN IMMEDIATE")
        made = thread()
        writing = few(patient, inserting(made))
        for _ in range(10):
            await asyncio.sleep(0)
        assert monotonic() - started < LONG, "the loop has waited as well"
        other.execute("ROLLBACK")
        assert await writing
        assert exists(patient, made)
        assert await few(patient, where) == threading.get_ident()
        idle(patient)
    other.close()


async def test_one_that_fails_takes_back_its_own_writes_and_nobody_elses(store: SqlDatabase) -> None:
    await settled(store)
    before, failing, after, taken = thread(), thread(), thread(), cron()

    def fails(tx: Transaction) -> None:
        tx.threads.insert(failing)
        tx.notify(Topic.RUNS, "never")
        raise InvalidField("schedule", "is wrong")

    heard: list[str] = []
    store.listen(Topic.RUNS, heard.append)
    operations: list[Any] = [inserting(before), fails, lambda tx: tx.crons.insert(taken), inserting(after)]
    operations.append(operations[2])
    writes = [few(store, operation) for operation in operations]
    first, refused, inserted, last, again = await asyncio.gather(*writes, return_exceptions=True)
    assert [first, inserted, last] == [True, None, True]
    assert isinstance(refused, InvalidField)
    assert isinstance(again, peewee.IntegrityError)
    assert [exists(store, each) for each in (before, failing, after)] == [True, False, True]
    assert heard == []
    assert store.failing is None


async def test_one_that_hides_an_error_of_the_database_makes_nobody_believe_in_a_commit(store: SqlDatabase) -> None:
    await settled(store)
    before, hiding = thread(), thread()

    def hides(tx: Transaction) -> bool:
        made = tx.threads.insert(hiding)
        with suppress(peewee.PeeweeException):
            tx.runs._connection.execute("ROLLBACK")
        return made

    writes = [few(store, operation) for operation in (inserting(before), hides)]
    answered = [not isinstance(each, Exception) for each in await asyncio.gather(*writes, return_exceptions=True)]
    assert [exists(store, each) for each in (before, hiding)] == answered
    assert await few(store, inserting(thread()))


async def test_an_error_that_no_future_takes_keeps_nobody_waiting(store: SqlDatabase) -> None:
    await settled(store)

    def stops(_: Transaction) -> None:
        raise StopIteration

    writes: list[Any] = [few(store, stops), few(store, inserting(thread())), store.write(inserting(thread()))]
    answers = await asyncio.wait_for(asyncio.gather(*writes, return_exceptions=True), LONG)
    assert isinstance(answers[0], RuntimeError)
    assert answers[1:] == [True, True]


@ON_SQLITE
async def test_a_full_disk_is_told_to_all_who_share_the_commit_and_passes(store: SqlDatabase) -> None:
    await settled(store)
    early, big = thread(), thread(values=f'"{"x" * 9_000_000}"')
    limit: Any = lambda tx: tx.threads._connection.execute("PRAGMA max_page_count = 200")  # noqa: E731
    writes = [few(store, operation) for operation in (inserting(early), limit, inserting(big))]
    refused = await asyncio.gather(*writes, return_exceptions=True)
    assert [type(each) for each in refused] == [StoreUnavailable] * 3
    assert store.failing == "database or disk is full"
    assert not exists(store, early)
    assert await few(store, inserting(early))
    assert store.failing is None


@ON_SQLITE
async def test_the_loop_does_not_wait_until_a_connection_that_failed_is_closed(
    store: SqlDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    await settled(store)
    close, closed = Connection.close, []

    def noting(connection: Connection) -> None:
        closed.append(threading.get_ident())
        close(connection)

    monkeypatch.setattr(Connection, "close", noting)

    def fails(_: Transaction) -> None:
        raise peewee.OperationalError("disk I/O error")

    with pytest.raises(StoreUnavailable, match="disk I/O error"):
        await few(store, fails)
    assert await few(store, inserting(thread()))
    assert closed
    assert threading.get_ident() not in closed


@ON_SQLITE
async def test_a_connection_that_cannot_be_told_not_to_wait_is_replaced(
    store: SqlDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    await settled(store)

    def fails(*_: object) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    with monkeypatch.context() as broken:
        broken.setattr(Session, "wait", fails)
        with pytest.raises(StoreUnavailable, match="disk I/O error"):
            await few(store, inserting(thread()))
    assert await few(store, inserting(thread()))


async def test_a_commit_that_fails_answers_nobody(store: SqlDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    await settled(store)

    def fails(_: Connection) -> None:
        raise peewee.OperationalError("disk I/O error")

    made = thread()
    with monkeypatch.context() as broken:
        broken.setattr(Connection, "commit", fails)
        with pytest.raises(StoreUnavailable, match="disk I/O error"):
            await few(store, inserting(made))
    assert not exists(store, made)
    assert await few(store, inserting(made))


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
async def test_nobody_waits_for_ever_when_the_writer_dies_of_something_unforeseen(
    store: SqlDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    await settled(store)

    def dies(_: Connection) -> None:
        raise MemoryError

    monkeypatch.setattr(Connection, "commit", dies)
    writes = [few(store, inserting(thread())) for _ in range(3)]
    refused = await asyncio.wait_for(asyncio.gather(*writes, return_exceptions=True), LONG)
    assert [type(each) for each in refused] == [StoreUnavailable] * 3
    with pytest.raises(StoreUnavailable, match="closed"):
        few(store, inserting(thread()))


@ON_SQLITE
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
async def test_when_the_writer_dies_also_those_are_refused_that_came_behind(
    store: SqlDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    await settled(store)
    behind: list[Future[bool]] = []

    def dies(_: Connection) -> None:
        raise MemoryError

    def others_come(tx: Transaction) -> None:
        coming = threading.Thread(target=lambda: behind.append(store.submit(inserting(thread()))))
        coming.start()
        coming.join(LONG)
        wait_until(lambda: store._writer._queue.empty(), description="the writer has taken it")
        monkeypatch.setattr(Connection, "commit", dies)

    with pytest.raises(StoreUnavailable):
        await asyncio.wait_for(few(store, others_come), LONG)
    assert isinstance(await asyncio.to_thread(behind[0].exception, LONG), StoreUnavailable)


@ON_SQLITE
async def test_a_loop_that_has_ended_leaves_nobody_waiting(store: SqlDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    await settled(store)
    commit, release = Connection.commit, threading.Event()

    def late(connection: Connection) -> None:
        assert release.wait(LONG)
        commit(connection)

    left = [thread(), thread()]

    async def leaves() -> None:
        few(store, inserting(left[0]))
        await asyncio.sleep(0)  # now it is carried out, and the other one has to wait
        few(store, inserting(left[1]))

    def elsewhere() -> None:
        loop = asyncio.new_event_loop()
        loop.run_until_complete(leaves())
        loop.close()

    monkeypatch.setattr(Connection, "commit", late)
    await asyncio.to_thread(elsewhere)
    release.set()
    wait_until(lambda: all(exists(store, each) for each in left), description="they are carried out")
    assert await asyncio.wait_for(few(store, inserting(thread())), LONG)
