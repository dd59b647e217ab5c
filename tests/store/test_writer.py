"""Many writes, one commit: what each caller is told."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import CancelledError
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import peewee
import pytest
from structlog.testing import capture_logs

from cronlane_service.domain.errors import InvalidField, Overloaded, StoreUnavailable
from cronlane_service.domain.models import Thread
from cronlane_service.domain.ports import Topic, Transaction
from cronlane_service.store import SqlDatabase
from cronlane_service.store.connection import Connection
from store.engines import ON_SQLITE
from store.rows import cron, new_id, thread

LONG = timedelta(seconds=10).total_seconds()


def inserting(made: Thread) -> Callable[[Transaction], bool]:
    return lambda tx: tx.threads.insert(made)


def exists(store: SqlDatabase, made: Thread) -> bool:
    return store.read_now(lambda tx: tx.threads.get("", made.thread_id)) == made


def test_writes_that_wait_are_carried_out_in_their_order_and_answered_after_the_commit(
    stopped_store: SqlDatabase,
) -> None:
    order: list[int] = []
    made = [thread() for _ in range(8)]

    def write(number: int) -> Callable[[Transaction], bool]:
        def operation(tx: Transaction) -> bool:
            order.append(number)
            return tx.threads.insert(made[number])

        return operation

    futures = [stopped_store.submit(write(number)) for number in range(8)]
    assert not any(future.done() for future in futures)
    committed = []
    futures[0].add_done_callback(lambda _: committed.extend(exists(stopped_store, each) for each in made))
    stopped_store.start()
    assert [future.result(LONG) for future in futures] == [True] * 8
    assert order == list(range(8))
    stopped_store.stop()
    assert committed == [True] * 8, "the first is answered when all are committed: they share a transaction"


def test_an_operation_that_fails_takes_back_its_own_writes_and_nobody_elses(stopped_store: SqlDatabase) -> None:
    before, failing, after = thread(), thread(), thread()

    def fails(tx: Transaction) -> None:
        tx.threads.insert(failing)
        tx.notify(Topic.RUNS, "never")
        raise InvalidField("schedule", "is wrong")

    heard: list[str] = []
    stopped_store.listen(Topic.RUNS, heard.append)
    first = stopped_store.submit(inserting(before))
    refused = stopped_store.submit(fails)
    last = stopped_store.submit(inserting(after))
    stopped_store.start()
    with pytest.raises(InvalidField):
        refused.result(LONG)
    assert first.result(LONG)
    assert last.result(LONG)
    assert [exists(stopped_store, each) for each in (before, failing, after)] == [True, False, True]
    stopped_store.stop()
    assert heard == []


def test_what_was_answered_is_there_also_beside_an_operation_that_hides_an_error(stopped_store: SqlDatabase) -> None:
    before, hiding = thread(), thread()

    def hides(tx: Transaction) -> bool:
        made = tx.threads.insert(hiding)
        with suppress(peewee.PeeweeException):  # PostgreSQL takes back the whole transaction at its commit
            tx.runs._connection.execute("SELECT nothing FROM nowhere")
        return made

    futures = [stopped_store.submit(operation) for operation in (inserting(before), hides)]
    stopped_store.start()
    answered = [future.exception(LONG) is None for future in futures]
    assert [exists(stopped_store, each) for each in (before, hiding)] == answered


def test_a_key_that_is_taken_fails_that_operation_alone(stopped_store: SqlDatabase) -> None:
    one, other = cron(), thread()
    futures = [
        stopped_store.submit(operation)
        for operation in (lambda tx: tx.crons.insert(one), lambda tx: tx.crons.insert(one), inserting(other))
    ]
    stopped_store.start()
    assert futures[1].exception(LONG) is not None
    assert not isinstance(futures[1].exception(), StoreUnavailable)
    assert futures[2].result(LONG)
    assert stopped_store.failing is None


def test_a_key_that_is_taken_is_found_out_also_by_who_does_not_wait_for_it(stopped_store: SqlDatabase) -> None:
    one, two, kept, tried, other = cron(), cron(), thread(), thread(), thread()

    def refuses(tx: Transaction) -> None:
        tx.crons.insert(one)
        raise InvalidField("schedule", "is wrong")

    def goes_on(tx: Transaction) -> bool:
        try:
            with tx.apart():
                tx.threads.insert(tried)
                tx.crons.insert(one)
        except ValueError:
            return tx.threads.insert(kept)
        raise AssertionError("nobody told that the key is taken")

    def reads(tx: Transaction) -> bool:
        tx.crons.insert(two)
        return tx.crons.get("", two.cron_id) == two

    operations = (lambda tx: tx.crons.insert(one), refuses, goes_on, reads, inserting(other))
    futures = [stopped_store.submit(operation) for operation in operations]
    stopped_store.start()
    assert [future.exception(LONG) is None for future in futures] == [True, False, True, True, True]
    assert [future.result() for future in futures[2:]] == [True, True, True]
    assert [exists(stopped_store, each) for each in (kept, tried, other)] == [True, False, True]
    assert stopped_store.failing is None


def test_a_write_that_is_cancelled_in_time_is_never_run(stopped_store: SqlDatabase) -> None:
    kept, dropped = thread(), thread()
    cancelled, other = stopped_store.submit(inserting(dropped)), stopped_store.submit(inserting(kept))
    assert cancelled.cancel()
    stopped_store.start()
    assert other.result(LONG)
    with pytest.raises(CancelledError):
        cancelled.result(LONG)
    assert not exists(stopped_store, dropped)


async def test_cancelling_the_task_that_waits_cancels_its_write(stopped_store: SqlDatabase) -> None:
    dropped = thread()

    async def waits() -> bool:
        return await stopped_store.write(inserting(dropped))

    waiting = asyncio.create_task(waits())
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    stopped_store.start()
    await stopped_store.write(inserting(thread()))
    assert not exists(stopped_store, dropped)


async def test_a_full_queue_refuses_and_says_how_long_it_is(stopped_store: SqlDatabase) -> None:
    futures = [stopped_store.submit(inserting(thread())) for _ in range(8)]
    with pytest.raises(Overloaded) as caught:
        await stopped_store.write(inserting(thread()))
    assert caught.value.waiting == 8
    assert caught.value.retry_after > timedelta(0)
    stopped_store.start()
    assert all(future.result(LONG) for future in futures)
    assert await stopped_store.write(inserting(thread()))


def test_stopping_carries_out_what_is_queued_and_takes_no_more(stopped_store: SqlDatabase) -> None:
    entered, release = threading.Event(), threading.Event()

    def holds(tx: Transaction) -> bool:
        entered.set()
        return release.wait(LONG)

    stopped_store.start()
    holding = stopped_store.submit(holds)
    assert entered.wait(LONG)
    queued = [stopped_store.submit(inserting(thread())) for _ in range(5)]
    stopping = threading.Thread(target=stopped_store.stop)
    stopping.start()
    release.set()
    stopping.join(LONG)
    assert holding.result(0)
    assert [future.result(0) for future in queued] == [True] * 5
    with pytest.raises(StoreUnavailable, match="closed"):
        stopped_store.submit(inserting(thread()))
    with pytest.raises(StoreUnavailable, match="closed"):
        stopped_store.read_now(lambda tx: None)


def test_a_store_that_never_started_refuses_what_was_queued(stopped_store: SqlDatabase) -> None:
    future = stopped_store.submit(inserting(thread()))
    stopped_store.stop()
    with pytest.raises(StoreUnavailable):
        future.result(0)


def test_listeners_hear_each_topic_and_key_once_a_commit_in_order(stopped_store: SqlDatabase) -> None:
    heard: list[str] = []
    for topic in Topic:
        stopped_store.listen(topic, lambda key, topic=topic: heard.append(f"{topic} {key}"))  # type: ignore[misc]

    def notifies(tx: Transaction) -> None:
        tx.notify(Topic.RUN_ENDED, "r1")
        tx.notify(Topic.RUNS)
        tx.notify(Topic.RUNS)

    for _ in range(3):
        stopped_store.submit(notifies)
    stopped_store.submit(lambda tx: tx.notify(Topic.RUN_ENDED, "r2"))
    stopped_store.start()
    stopped_store.stop()
    assert heard == ["run_ended r1", "runs ", "run_ended r2"]


def test_listeners_hear_of_what_is_committed_before_the_caller_has_the_answer(stopped_store: SqlDatabase) -> None:
    made = thread()
    order: list[str] = []

    def notifies(tx: Transaction) -> None:
        tx.threads.insert(made)
        tx.notify(Topic.RUNS)

    def heard(_key: str) -> None:
        order.append("told" if exists(stopped_store, made) else "told too early")

    stopped_store.listen(Topic.RUNS, heard)
    stopped_store.submit(notifies).add_done_callback(lambda _: order.append("answered"))
    stopped_store.start()
    stopped_store.stop()
    assert order == ["told", "answered"]


def test_of_crons_that_come_to_be_due_the_first_is_told(stopped_store: SqlDatabase) -> None:
    noon = datetime(2027, 7, 1, 12, tzinfo=UTC)
    due = [noon + timedelta(hours=1), noon + timedelta(microseconds=1), noon, noon + timedelta(seconds=1)]
    heard: list[str] = []
    stopped_store.listen(Topic.CRONS, heard.append)
    stopped_store.listen(Topic.RUN_ENDED, heard.append)
    for number, instant in enumerate(due):
        stopped_store.submit(partial(_notifies, ((Topic.RUN_ENDED, f"{number}"), (Topic.CRONS, instant.isoformat()))))
    stopped_store.start()
    stopped_store.stop()
    assert sorted(heard) == sorted(["0", "1", "2", "3", noon.isoformat()])


def test_a_cron_that_is_due_at_an_instant_to_be_found_out_is_told_before_all_others(stopped_store: SqlDatabase) -> None:
    heard: list[str] = []
    stopped_store.listen(Topic.CRONS, heard.append)
    for key in (datetime.min.replace(tzinfo=UTC).isoformat(), "", "1970-01-01T00:00:00+00:00"):
        stopped_store.submit(partial(_notifies, ((Topic.CRONS, key),)))
    stopped_store.start()
    stopped_store.stop()
    assert heard == [""]


def _notifies(notices: Iterable[tuple[Topic, str]], tx: Transaction) -> None:
    for topic, key in notices:
        tx.notify(topic, key)


def test_a_listener_that_raises_stops_neither_the_others_nor_the_writer(store: SqlDatabase) -> None:
    heard = threading.Event()

    def raises(key: str) -> None:
        raise RuntimeError("Event loop is closed")

    store.listen(Topic.CRONS, raises)
    store.listen(Topic.CRONS, lambda key: heard.set())
    with capture_logs() as logs:
        store.submit(lambda tx: tx.notify(Topic.CRONS)).result(LONG)
        assert heard.wait(LONG)
        assert store.submit(inserting(thread())).result(LONG)
    assert [(entry["event"], entry["topic"]) for entry in logs] == [("listener_failed", "crons")]


@ON_SQLITE
def test_nobody_else_writes_between_what_an_operation_reads_and_what_it_writes(store: SqlDatabase, path: Path) -> None:
    def looks(tx: Transaction) -> None:
        tx.threads.find([])
        other = sqlite3.connect(path, timeout=0, isolation_level=None)
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            other.execute("DELETE FROM threads")
        other.close()

    store.submit(looks).result(LONG)


async def test_writes_and_reads_work_from_any_event_loop(store: SqlDatabase) -> None:
    made = thread()

    async def elsewhere() -> Thread | None:
        await store.write(inserting(made))
        return await store.read(lambda tx: tx.threads.get("", made.thread_id))

    assert await asyncio.to_thread(asyncio.run, elsewhere()) == made
    assert await elsewhere() == made


async def test_a_thousand_callers_at_once_are_all_answered(store: SqlDatabase) -> None:
    made = [thread(thread_id=new_id()) for _ in range(1000)]
    assert all(await asyncio.gather(*(store.write(inserting(each)) for each in made)))
    assert len(await store.read(lambda tx: tx.threads.find([each.thread_id for each in made]))) == 1000


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_nobody_waits_for_ever_when_the_writer_dies_of_something_unforeseen(
    stopped_store: SqlDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dies(_: Connection) -> None:
        raise MemoryError

    monkeypatch.setattr(Connection, "commit", dies)
    made = thread()
    waiting = [stopped_store.submit(inserting(each)) for each in (made, thread())]
    stopped_store.start()
    assert [type(each.exception(LONG)) for each in waiting] == [StoreUnavailable] * 2
    with pytest.raises(StoreUnavailable):
        stopped_store.submit(inserting(thread())).result(LONG)
    assert not exists(stopped_store, made)
