"""Who gets which run."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import peewee
import pytest

from builders import NOON
from cronlane_service.domain.runs import Run, RunStatus
from cronlane_service.store import SqlDatabase, open_database
from cronlane_service.store.connection import Connection
from cronlane_service.store.transaction import Transaction
from store.engines import ON_SQLITE
from store.rows import later, new_id, run, thread

RUNNING = RunStatus.RUNNING


def claim(store: SqlDatabase, limit: int = 10, seconds: float = 0, graphs: Sequence[str] = ("agent",)) -> list[Run]:
    taken = store.submit(lambda tx: tx.runs.claim("w", later(seconds), later(seconds + 10), limit, graphs))
    return list(taken.result(5))


def insert(store: SqlDatabase, *runs: Run) -> None:
    def operation(tx: Transaction) -> None:
        for thread_id in {each.thread_id for each in runs}:
            tx.threads.insert(thread(thread_id=thread_id))
        tx.runs.insert_many(runs)

    store.submit(operation).result(5)


def taken(waiting: Run, **changes: object) -> Run:
    lease = {"status": RUNNING, "worker": "w", "attempt": waiting.attempt + 1, "lease_until": later(10)}
    return replace(waiting, **{**lease, "started_at": NOON, "updated_at": NOON, **changes})


def test_pending_runs_are_taken_oldest_first_up_to_the_limit(store: SqlDatabase) -> None:
    runs = [run(created_at=later(number // 2 - 9)) for number in range(5)]
    insert(store, *reversed(runs))
    assert claim(store, 3) == [taken(each) for each in runs[:3]]
    assert claim(store, 3) == [taken(each) for each in runs[3:]]
    assert claim(store, 3) == []


def test_of_one_thread_only_the_first_is_taken_and_none_beside_a_running_one(store: SqlDatabase) -> None:
    thread_id = new_id()
    first, second = run(thread_id=thread_id), run(thread_id=thread_id)
    third = run(thread_id=thread_id, created_at=later(-1))
    insert(store, second, first, third)
    for expected in (third, first, second):
        [held] = claim(store)
        assert held == taken(expected)
        assert claim(store) == []
        store.submit(lambda tx, held=held: tx.runs.end(replace(held, status=RunStatus.SUCCESS))).result(5)
    assert claim(store) == []


def test_a_delayed_run_is_not_taken_early_and_holds_up_nobody(store: SqlDatabase) -> None:
    thread_id = new_id()
    delayed = run(thread_id=thread_id, created_at=later(-5), available_at=later(0.000001))
    prompt = run(thread_id=thread_id)
    insert(store, delayed, prompt)
    assert claim(store) == [taken(prompt)]
    store.submit(lambda tx: tx.runs.delete(prompt.run_id)).result(5)
    assert claim(store) == []
    assert [each.run_id for each in claim(store, seconds=0.000001)] == [delayed.run_id]


def test_a_run_is_available_at_its_instant(store: SqlDatabase) -> None:
    waiting = run(available_at=NOON)
    insert(store, waiting)
    assert claim(store) == [taken(waiting)]


def test_a_run_whose_lease_has_ended_is_taken_again_and_its_thread_still_waits(store: SqlDatabase) -> None:
    lost = run(status=RUNNING, worker="dead", attempt=3, lease_until=NOON, created_at=later(-99))
    insert(store, lost, run(thread_id=lost.thread_id, created_at=later(-100)))
    assert claim(store) == [taken(lost)]
    assert claim(store) == []


def test_a_lease_that_has_not_ended_is_respected(store: SqlDatabase) -> None:
    insert(store, run(status=RUNNING, worker="alive", attempt=1, lease_until=later(0.000001)))
    assert claim(store) == []


@pytest.mark.parametrize("status", [status for status in RunStatus if not status.active])
def test_a_run_that_has_ended_is_never_taken(store: SqlDatabase, status: RunStatus) -> None:
    ended = run(status=status, lease_until=later(-1))
    insert(store, ended, waiting := run(thread_id=ended.thread_id))
    assert claim(store) == [taken(waiting)]


def test_runs_of_graphs_that_are_not_loaded_are_left_to_who_has_them(store: SqlDatabase) -> None:
    elsewhere, here = run(graph_id="elsewhere", created_at=later(-9)), run()
    gone = run(graph_id="elsewhere", status=RUNNING, worker="dead", attempt=1, lease_until=NOON, created_at=later(-5))
    insert(store, elsewhere, here, gone)
    assert claim(store, graphs=()) == []
    assert claim(store, limit=1) == [taken(here)]
    assert claim(store) == []
    assert not store.read_now(lambda tx: tx.runs.left(NOON, ["agent"])), "nobody is to look again at once"
    assert claim(store, graphs=("other", "elsewhere")) == [taken(elsewhere), taken(gone)]


def test_behind_a_run_of_a_graph_that_is_not_loaded_its_thread_waits(store: SqlDatabase) -> None:
    first = run(graph_id="elsewhere", created_at=later(-9))
    second = run(thread_id=first.thread_id)
    insert(store, first, second)
    assert claim(store) == []
    [held] = claim(store, graphs=("elsewhere",))
    assert held == taken(first)
    store.submit(lambda tx: tx.runs.end(replace(held, status=RunStatus.SUCCESS))).result(5)
    assert claim(store) == [taken(second)]


def test_the_graphs_that_runs_have_been_waiting_for_are_known(store: SqlDatabase) -> None:
    waiting = [run(graph_id=graph_id, created_at=later(-30)) for graph_id in ("zoo", "ape", "zoo", "agent")]
    young = run(graph_id="young", created_at=later(-29))
    delayed = run(graph_id="delayed", created_at=later(-99), available_at=later(1))
    running = run(graph_id="running", created_at=later(-99), status=RUNNING, lease_until=later(9))
    insert(store, *waiting, young, delayed, running)
    assert store.read_now(lambda tx: tx.runs.stranded(later(-30), NOON, ["agent"])) == ["ape", "zoo"]


@ON_SQLITE
def test_a_claim_walks_an_index_and_not_the_whole_table(store: SqlDatabase) -> None:
    from cronlane_service.store import claims

    sql = claims.CLAIM.sql(store._engine)
    plan = store.read_now(lambda tx: tx.runs._connection._fetched(f"EXPLAIN QUERY PLAN {sql}", [1] * sql.count("?")))
    steps = [step for *_, step in plan]
    assert "SCAN runs USING INDEX runs_in_turn" in steps
    scans = [step for step in steps if step.startswith("SCAN") and "USING" not in step]
    assert scans == ["SCAN json_each VIRTUAL TABLE INDEX 1:"], "the names of the graphs alone"
    assert "USE TEMP B-TREE FOR ORDER BY" not in steps


def written(connection: Connection, operation: Callable[[], Any]) -> Any:
    """What it answers, once it is committed; one that others were in the way of is tried again."""
    while True:
        connection.begin_write()
        try:
            answer = operation()
            connection.commit()
        except peewee.PeeweeException as error:
            connection.rollback()
            if not connection.engine.tries(error):
                raise
        else:
            return answer


@pytest.mark.parametrize("seed", range(3))
def test_eight_workers_never_get_one_run_twice_or_two_of_one_thread(url: str, seed: int) -> None:
    chance = random.Random(seed)
    threads = [new_id() for _ in range(20)]
    waiting = [run(thread_id=chance.choice(threads), created_at=later(-chance.randint(0, 50))) for _ in range(200)]
    store = open_database(url, busy_timeout=30)
    store.migrate()
    store.start()
    insert(store, *waiting)
    guard, held, ended = threading.Lock(), set(), []

    def work(worker: str) -> None:
        # Each on a connection of its own: what keeps them apart is the transaction alone.
        connection = Connection(store._engine)
        transaction = Transaction(connection)
        try:
            while True:
                mine = written(connection, lambda: transaction.runs.claim(worker, NOON, later(10), 3, ["agent"]))
                with guard:
                    for each in mine:
                        assert each.thread_id not in held, "two of one thread"
                        held.add(each.thread_id)
                    if len(ended) + len(held) == len(waiting) and not mine:
                        return
                for each in mine:
                    with guard:
                        held.discard(each.thread_id)
                        ended.append(each.run_id)
                    over = replace(each, status=RunStatus.SUCCESS)
                    assert written(connection, lambda over=over: transaction.runs.end(over))
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as workers:
        for done in [workers.submit(work, f"w{number}") for number in range(8)]:
            done.result(60)
    store.stop()
    assert sorted(ended) == sorted(each.run_id for each in waiting), "each once"
    position = {run_id: number for number, run_id in enumerate(ended)}
    in_turn = sorted(waiting, key=lambda each: (each.created_at, each.run_id))
    for thread_id in threads:
        positions = [position[each.run_id] for each in in_turn if each.thread_id == thread_id]
        assert positions == sorted(positions), "in the thread's order"


def test_a_queued_run_waits_for_the_earlier_ones_of_its_cron(store: SqlDatabase) -> None:
    cron_id = new_id()
    first, second, third = (
        run(cron_id=cron_id, queued=number > 0, created_at=later(number - 9)) for number in range(3)
    )
    free = run(cron_id=cron_id, created_at=later(-1))
    insert(store, third, second, first, free, run(cron_id=new_id(), queued=True, created_at=later(-5)))

    def end(claimed: Run) -> None:
        ended = replace(claimed, status=RunStatus.ERROR, ended_at=NOON, lease_until=None, worker=None)
        store.submit(lambda tx: tx.runs.end(ended)).result(5)

    taken_first = claim(store)
    assert [each.run_id for each in taken_first if each.cron_id == cron_id] == [first.run_id, free.run_id]
    assert len(taken_first) == 3
    assert claim(store) == []
    end(taken_first[0])
    (next_one,) = claim(store)
    assert next_one.run_id == second.run_id
    assert claim(store) == []
    end(next_one)
    assert [each.run_id for each in claim(store)] == [third.run_id]


def test_crons_with_unfinished_runs_are_known(store: SqlDatabase) -> None:
    busy, idle = new_id(), new_id()
    insert(store, run(cron_id=busy), run(cron_id=busy, status=RUNNING, lease_until=later(9)), run(cron_id=None))
    insert(store, run(cron_id=idle, status=RunStatus.SUCCESS))
    found = store.submit(lambda tx: tx.runs.crons_at_work([busy, idle, new_id()])).result(5)
    assert found == {busy}
