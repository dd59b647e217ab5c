"""Writes that the loop carries out itself, and another thread commits."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from random import Random
from time import monotonic
from typing import Any

import peewee
import pytest

from cronlane_service.domain.errors import InvalidField, Overloaded, StoreUnavailable
from cronlane_service.domain.models import Thread
from cronlane_service.domain.ports import Topic, Transaction
from cronlane_service.store import SqlDatabase, open_database
from cronlane_service.store.connection import Connection
from serving import wait_until
from store.engines import ON_SQLITE
from store.rows import cron, thread

LONG = timedelta(seconds=10).total_seconds()


def inserting(made: Thread) -> Callable[[Transaction], bool]:
    return lambda tx: tx.threads.insert(made)


def exists(store: SqlDatabase, made: Thread) -> bool:
    return store.read_now(lambda tx: tx.threads.get("", made.thread_id)) == made


def where(_: Transaction) -> int:
    return threading.get_ident()


def idle(store: SqlDatabase) -> None:
    wait_until(lambda: store._writer._idle, description="the writer has nothing to do")


async def settled(store: SqlDatabase) -> None:
    """The writer is connected, and has nothing to do."""
    await store.write(inserting(thread()))
    idle(store)


@ON_SQLITE
async def test_the_loop_carries_them_out_itself_while_the_writer_has_nothing_to_do(store: SqlDatabase) -> None:
    await settled(store)
    assert await store.write_few(where) == threading.get_ident()
    assert await store.write(where) != threading.get_ident()


async def test_they_share_a_commit_and_are_answered_after_it(store: SqlDatabase) -> None:
    await settled(store)
    made = [thread() for _ in range(100)]
    writes = [store.write_few(inserting(each)) for each in made]
    assert await writes[0]
    assert exists(store, made[0])
    assert all(await asyncio.gather(*writes[1:]))
    assert all(exists(store, each) for each in made)


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
    writes = [store.write_few(operation) for operation in operations]
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

    writes = [store.write_few(operation) for operation in (inserting(before), hides)]
    answered = [not isinstance(each, Exception) for each in await asyncio.gather(*writes, return_exceptions=True)]
    assert [exists(store, each) for each in (before, hiding)] == answered
    assert await store.write_few(inserting(thread()))


@pytest.mark.parametrize("seed", range(5))
async def test_writes_of_both_kinds_are_carried_out_in_their_order(store: SqlDatabase, seed: int) -> None:
    await settled(store)
    random, order = Random(seed), []

    def noting(number: int) -> Callable[[Transaction], None]:
        return lambda tx: order.append(number)

    writes = []
    for number in range(300):
        write = store.write_few if random.random() < 0.8 else store.write
        writes.append(write(noting(number)))
        if random.random() < 0.1:
            await writes[random.randrange(len(writes))]
    await asyncio.gather(*writes)
    assert order == list(range(300))


async def test_threads_and_the_loop_write_at_once_and_all_are_answered(store: SqlDatabase) -> None:
    made = [thread() for _ in range(1200)]

    def others(mine: list[Thread]) -> list[bool]:
        return [store.submit(inserting(each)).result(LONG) for each in mine]

    async def few(mine: list[Thread]) -> list[bool]:
        return [await store.write_few(inserting(each)) for each in mine]

    async with asyncio.timeout(4 * LONG):
        elsewhere = [asyncio.to_thread(others, made[at : at + 100]) for at in (0, 100)]
        beside = asyncio.to_thread(asyncio.run, few(made[200:300]))
        here = [few(made[at : at + 90]) for at in range(300, 1200, 90)]
        answers = await asyncio.gather(*elsewhere, beside, *here)
    assert all(map(all, answers))
    assert len(await store.read(lambda tx: tx.threads.find([each.thread_id for each in made]))) == 1200


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
        writing = asyncio.ensure_future(patient.write_few(inserting(made)))
        for _ in range(10):
            await asyncio.sleep(0)
        assert monotonic() - started < LONG, "the loop has waited as well"
        other.execute("ROLLBACK")
        assert await writing
        assert exists(patient, made)
        assert await patient.write_few(where) == threading.get_ident()
        idle(patient)
    other.close()


@ON_SQLITE
async def test_a_full_disk_is_told_to_all_who_share_the_commit_and_passes(store: SqlDatabase) -> None:
    await settled(store)
    early, big = thread(), thread(values=f'"{"x" * 9_000_000}"')
    limit: Any = lambda tx: tx.threads._connection.execute("PRAGMA max_page_count = 200")  # noqa: E731
    writes = [store.write_few(operation) for operation in (inserting(early), limit, inserting(big))]
    refused = await asyncio.gather(*writes, return_exceptions=True)
    assert [type(each) for each in refused] == [StoreUnavailable] * 3
    assert store.failing == "database or disk is full"
    assert not exists(store, early)
    assert await store.write_few(inserting(early))
    assert store.failing is None


async def test_a_commit_that_fails_answers_nobody(store: SqlDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    await settled(store)

    def fails(_: Connection) -> None:
        raise peewee.OperationalError("disk I/O error")

    made = thread()
    with monkeypatch.context() as broken:
        broken.setattr(Connection, "commit", fails)
        with pytest.raises(StoreUnavailable, match="disk I/O error"):
            await store.write_few(inserting(made))
    assert not exists(store, made)
    assert await store.write_few(inserting(made))


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
async def test_nobody_waits_for_ever_when_the_writer_dies_of_something_unforeseen(
    store: SqlDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    await settled(store)

    def dies(_: Connection) -> None:
        raise MemoryError

    monkeypatch.setattr(Connection, "commit", dies)
    writes = [store.write_few(inserting(thread())) for _ in range(3)]
    refused = await asyncio.wait_for(asyncio.gather(*writes, return_exceptions=True), LONG)
    assert [type(each) for each in refused] == [StoreUnavailable] * 3
    with pytest.raises(StoreUnavailable, match="closed"):
        store.write_few(inserting(thread()))


async def test_stopping_carries_out_those_that_wait(store: SqlDatabase) -> None:
    await settled(store)
    made = [thread() for _ in range(5)]
    writes = [store.write_few(inserting(each)) for each in made]
    store._writer.stop()
    assert await asyncio.gather(*writes) == [True] * 5
    assert all(exists(store, each) for each in made)


async def test_one_whose_caller_has_left_is_never_run(store: SqlDatabase) -> None:
    await settled(store)
    dropped, kept = thread(), thread()
    waiting = asyncio.ensure_future(store.write_few(inserting(dropped)))
    waiting.cancel()
    assert await store.write_few(inserting(kept))
    assert not exists(store, dropped)


async def test_those_that_wait_are_counted_and_refused_when_they_are_too_many(stopped_store: SqlDatabase) -> None:
    stopped_store.start()
    await settled(stopped_store)
    writes = [stopped_store.write_few(inserting(thread())) for _ in range(8)]
    with pytest.raises(Overloaded):
        stopped_store.write_few(inserting(thread()))
    assert all(await asyncio.gather(*writes))


async def test_listeners_hear_of_them_before_the_caller_has_the_answer(store: SqlDatabase) -> None:
    await settled(store)
    made, order = thread(), []

    def notifies(tx: Transaction) -> None:
        tx.threads.insert(made)
        tx.notify(Topic.RUNS)

    store.listen(Topic.RUNS, lambda _: order.append(f"told of what is there: {exists(store, made)}"))
    await store.write_few(notifies)
    assert order == ["told of what is there: True"]


async def test_stopping_waits_for_what_the_loop_carries_out(store: SqlDatabase) -> None:
    await settled(store)
    made, stopping = thread(), threading.Thread(target=store._writer.stop)

    def stops(tx: Transaction) -> bool:
        stopping.start()
        wait_until(lambda: store._writer._stopping, description="the writer takes no more")
        return tx.threads.insert(made)

    assert await store.write_few(stops)
    assert exists(store, made)
    stopping.join(LONG)


@ON_SQLITE
async def test_a_loop_that_has_ended_leaves_nobody_waiting(store: SqlDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    await settled(store)
    commit, release = Connection.commit, threading.Event()

    def late(connection: Connection) -> None:
        assert release.wait(LONG)
        commit(connection)

    left = [thread(), thread()]

    async def leaves() -> None:
        store.write_few(inserting(left[0]))
        await asyncio.sleep(0)  # now it is carried out, and the other one has to wait
        store.write_few(inserting(left[1]))

    def elsewhere() -> None:
        loop = asyncio.new_event_loop()
        loop.run_until_complete(leaves())
        loop.close()

    monkeypatch.setattr(Connection, "commit", late)
    await asyncio.to_thread(elsewhere)
    release.set()
    wait_until(lambda: all(exists(store, each) for each in left), description="they are carried out")
    assert await asyncio.wait_for(asyncio.ensure_future(store.write_few(inserting(thread()))), LONG)
