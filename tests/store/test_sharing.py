"""Several servers on one PostgreSQL."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest

from builders import NOON
from cronlane_service.domain.errors import StoreUnavailable
from cronlane_service.domain.models import Thread
from cronlane_service.domain.ports import Topic, Transaction
from cronlane_service.domain.runs import Run, RunStatus
from cronlane_service.store import SqlDatabase
from store.rows import cron, later, new_id, run, thread, tick
from store.servers import LONG, Holding, serving, write


def claim(store: SqlDatabase, worker: str = "w", limit: int = 10) -> list[Run]:
    return list(write(store, lambda tx: tx.runs.claim(worker, NOON, later(10), limit, ["agent"])))


def insert(store: SqlDatabase, *runs: Run) -> None:
    def operation(tx: Transaction) -> None:
        for each in runs:
            tx.threads.insert(thread(thread_id=each.thread_id))
        tx.runs.insert_many(runs)

    write(store, operation)


def test_two_schedulers_share_what_is_due_and_wait_for_nobody(here: SqlDatabase, there: SqlDatabase) -> None:
    crons = [cron(next_run_date=later(number - 10), due_at=later(number - 10)) for number in range(6)]
    write(here, lambda tx: [tx.crons.insert(each) for each in crons])
    holding = Holding(here, lambda tx: tx.crons.due(NOON, 4))
    theirs = write(there, lambda tx: tx.crons.due(NOON, 4))
    assert theirs == crons[4:]
    assert holding.let_go() == crons[:4]
    assert write(there, lambda tx: tx.crons.due(NOON, 9)) == crons


def test_a_cron_on_a_thread_that_another_server_is_changing_is_left_for_later(
    here: SqlDatabase, there: SqlDatabase
) -> None:
    mine, other = thread(), thread()
    busy, free = (cron(thread_id=each.thread_id, due_at=NOON) for each in (mine, other))
    orphan = cron(thread_id=new_id(), due_at=NOON)  # it is handed out, so that somebody says what is wrong with it
    write(here, lambda tx: tx.threads.insert_many([mine, other]))
    write(here, lambda tx: [tx.crons.insert(each) for each in (busy, free, orphan)])
    holding = Holding(here, lambda tx: tx.threads.get("", mine.thread_id))
    due = write(there, lambda tx: tx.crons.due(NOON, 10))
    assert sorted(each.cron_id for each in due) == sorted([free.cron_id, orphan.cron_id])
    holding.let_go()
    assert len(write(there, lambda tx: tx.crons.due(NOON, 10))) == 3


def test_two_workers_share_the_pending_runs_and_wait_for_nobody(here: SqlDatabase, there: SqlDatabase) -> None:
    runs = [run(created_at=later(number)) for number in range(6)]
    insert(here, *runs)
    holding = Holding(here, lambda tx: tx.runs.claim("here", NOON, later(10), 4, ["agent"]))
    assert [each.run_id for each in claim(there, "there", 4)] == [each.run_id for each in runs[4:]]
    assert [each.run_id for each in holding.let_go()] == [each.run_id for each in runs[:4]]
    assert claim(there) == []


def test_a_run_on_a_thread_that_another_server_is_changing_is_passed_over_and_known_to_be_left(
    here: SqlDatabase, there: SqlDatabase
) -> None:
    waiting = run()
    insert(here, waiting)
    holding = Holding(here, lambda tx: tx.threads.get("", waiting.thread_id))
    assert claim(there) == []
    assert there.read_now(lambda tx: tx.runs.left(NOON, ["agent"]))
    holding.let_go()
    assert [each.run_id for each in claim(there)] == [waiting.run_id]
    assert not there.read_now(lambda tx: tx.runs.left(NOON, ["agent"]))


def test_two_runs_of_one_thread_never_run_together_even_if_clocks_differ(here: SqlDatabase, there: SqlDatabase) -> None:
    """For one server the first run is not available yet, for the other it is: each wants another one."""
    thread_id = new_id()
    delayed = run(thread_id=thread_id, created_at=later(-9), available_at=later(1))
    prompt = run(thread_id=thread_id)
    insert(here, delayed, prompt)
    holding = Holding(here, lambda tx: tx.runs.claim("here", later(2), later(10), 9, ["agent"]))
    assert claim(there) == []
    assert [each.run_id for each in holding.let_go()] == [delayed.run_id]
    assert claim(there) == [], "the thread has a running one"


def test_the_index_refuses_a_second_running_run_of_a_thread(here: SqlDatabase) -> None:
    first = run(status=RunStatus.RUNNING, attempt=1)
    insert(here, first)
    with pytest.raises(Exception, match="runs_one_running"):
        insert(here, run(thread_id=first.thread_id, status=RunStatus.RUNNING))
    assert here.failing is None


def test_a_lease_is_renewed_without_waiting_for_who_changes_the_run(here: SqlDatabase, there: SqlDatabase) -> None:
    insert(here, run(), run())
    a, b = claim(here)
    holding = Holding(there, lambda tx: tx.runs.save(replace(a, metadata="[]")))
    write(here, lambda tx: tx.runs.renew("w", {a.run_id: 1, b.run_id: 1}, later(60)))
    holding.let_go()
    leases = [here.read_now(lambda tx, it=it: tx.runs.find(it.run_id)).lease_until for it in (a, b)]
    assert leases == [later(10), later(60)]


def test_what_an_operation_reads_to_change_it_is_changed_by_nobody_else(here: SqlDatabase, there: SqlDatabase) -> None:
    mine = thread(metadata="0")
    write(here, lambda tx: tx.threads.insert(mine))

    def count(tx: Transaction) -> None:
        found = tx.threads.get("", mine.thread_id)
        assert found is not None
        tx.threads.save(replace(found, metadata=str(int(found.metadata) + 1)))

    futures = [store.submit(count) for _ in range(200) for store in (here, there)]
    for future in futures:
        future.result(60)
    found = here.read_now(lambda tx: tx.threads.get("", mine.thread_id))
    assert found is not None
    assert found.metadata == "400"


def test_operations_that_want_the_same_in_opposite_orders_both_get_it(here: SqlDatabase, there: SqlDatabase) -> None:
    one, two = thread(metadata="0"), thread(metadata="0")
    write(here, lambda tx: tx.threads.insert_many([one, two]))

    def both(first: Thread, second: Thread) -> Callable[[Transaction], None]:
        def operation(tx: Transaction) -> None:
            for each in (first, second):
                found = tx.threads.get("", each.thread_id)
                assert found is not None
                tx.threads.save(replace(found, metadata=str(int(found.metadata) + 1)))

        return operation

    futures = [
        store.submit(both(*order)) for _ in range(20) for store, order in ((here, (one, two)), (there, (two, one)))
    ]
    for future in futures:
        future.result(60)
    found = here.read_now(lambda tx: tx.threads.find([one.thread_id, two.thread_id]))
    assert {each.metadata for each in found.values()} == {"40"}


def test_who_shares_a_transaction_does_not_wait_for_who_has_to(here: SqlDatabase, there: SqlDatabase) -> None:
    mine, other = thread(), thread()
    write(here, lambda tx: tx.threads.insert(mine))
    holding = Holding(there, lambda tx: tx.threads.get("", mine.thread_id))
    waiting = here.submit(lambda tx: tx.threads.get("", mine.thread_id))
    assert write(here, lambda tx: tx.threads.insert(other))
    assert not waiting.done()
    holding.let_go()
    assert waiting.result(LONG) == mine


def test_a_request_that_two_servers_get_at_once_is_carried_out_by_one(here: SqlDatabase, there: SqlDatabase) -> None:
    def once(tx: Transaction) -> str:
        made = tx.requests.seen("", "request", "same")
        if made is None:
            made = new_id()
            tx.threads.insert(thread(thread_id=made))
            tx.requests.insert("", "request", "same", made, NOON)
        return made

    holding = Holding(here, once)
    second = there.submit(once)
    first = holding.let_go()
    assert second.result(LONG) == first


def test_a_tick_is_decided_by_one_of_eight(here: SqlDatabase, postgres_url: str) -> None:
    decided = [tick(scheduled_for=later(number)) for number in range(50)]

    def decides(_: int) -> int:
        with serving(postgres_url) as store:
            won = 0
            for each in decided:
                future = store.submit(lambda tx, each=each: tx.ticks.insert_many([each]))
                won += future.exception(LONG) is None
            return won

    with ThreadPoolExecutor(8) as schedulers:
        assert sum(schedulers.map(decides, range(8))) == len(decided)


def test_a_notification_reaches_the_other_servers_with_its_key(here: SqlDatabase, there: SqlDatabase) -> None:
    heard: list[str] = []
    arrived = threading.Event()

    def hears(key: str) -> None:
        heard.append(key)
        arrived.set()

    there.listen(Topic.RUN_ENDED, hears)

    def fails(tx: Transaction) -> None:
        tx.notify(Topic.RUN_ENDED, "never")
        raise ValueError

    assert here.submit(fails).exception(LONG) is not None
    write(here, lambda tx: tx.notify(Topic.RUN_ENDED, "r1"))
    assert arrived.wait(2)
    assert heard == ["r1"]


def test_a_server_hears_its_own_notifications_once(here: SqlDatabase, there: SqlDatabase) -> None:
    heard: list[str] = []
    here.listen(Topic.CRONS, heard.append)
    echo = threading.Event()
    there.listen(Topic.RUNS, lambda _: echo.set())
    write(here, lambda tx: tx.notify(Topic.CRONS))
    write(here, lambda tx: tx.notify(Topic.RUNS))
    assert echo.wait(LONG)
    assert heard == [""]


def test_what_was_never_delivered_counts_as_told_after_a_while(
    here: SqlDatabase, monkeypatch: pytest.MonkeyPatch, postgres_url: str
) -> None:
    monkeypatch.setattr("cronlane_service.store.listener.POLL", 0.2)
    with serving(postgres_url) as polling:
        told = {topic: threading.Event() for topic in (Topic.CRONS, Topic.RUNS, Topic.RUN_ENDED)}
        for topic, event in told.items():
            polling.listen(topic, lambda key, event=event: event.set() if key == "" else None)
        assert all(event.wait(LONG) for event in told.values())


def test_the_clock_is_the_databases(here: SqlDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    def off() -> timedelta:
        text = here.read_now(lambda tx: tx.threads._connection.execute("SELECT clock_timestamp()"))[0][0]
        difference: timedelta = here.clock.now() - text
        return abs(difference)

    assert off() < timedelta(milliseconds=100)
    monkeypatch.setattr("time.time", lambda: 0.0)
    assert off() < timedelta(milliseconds=100)


def test_who_waits_too_long_for_another_server_is_told_to_try_again(
    here: SqlDatabase, there: SqlDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cronlane_service.store.postgres_errors._PATIENCE", 3)
    mine = thread()
    write(here, lambda tx: tx.threads.insert(mine))
    holding = Holding(there, lambda tx: tx.threads.get("", mine.thread_id))
    with pytest.raises(StoreUnavailable, match="other servers"):
        write(here, lambda tx: tx.threads.get("", mine.thread_id))
    holding.let_go()
    assert here.failing is None
    assert write(here, lambda tx: tx.threads.get("", mine.thread_id)) == mine
