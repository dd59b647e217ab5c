from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from builders import NOON
from cronlane_service.domain import kwargs
from cronlane_service.domain.queries import RunQuery, Window
from cronlane_service.domain.runs import CancelAction, Run, RunError, RunStatus
from cronlane_service.store import SqlDatabase
from cronlane_service.store.transaction import Transaction
from store.rows import later, new_id, run, thread

RUNNING = RunStatus.RUNNING


async def stored(store: SqlDatabase, *runs: Run) -> None:
    await store.write(lambda tx: [tx.threads.insert(thread(thread_id=run.thread_id)) for run in runs])
    await store.write(lambda tx: tx.runs.insert_many(runs))


async def test_a_run_is_found_by_owner_thread_and_id_together(store: SqlDatabase) -> None:
    mine = run(owner="ann")
    await stored(store, mine)
    for owner, thread_id in (("bob", mine.thread_id), ("ann", new_id())):
        assert await store.read(lambda tx, o=owner, t=thread_id: tx.runs.get(o, t, mine.run_id)) is None
    assert await store.read(lambda tx: tx.runs.get("ann", mine.thread_id, mine.run_id)) == mine
    assert await store.read(lambda tx: tx.runs.find(mine.run_id)) == mine


async def test_a_run_that_was_stored_before_what_it_is_told_was_shortened_is_read_as_it_was(store: SqlDatabase) -> None:
    made = run(cron_id=new_id())
    rest = kwargs.usual(
        made.run_id, made.thread_id, made.graph_id, made.assistant_id, made.owner, made.cron_id, made.temporary
    )
    made = replace(made, kwargs=f'{{"input":{{"x":  1.0}}{rest}')
    await stored(store, made)
    assert await store.read(lambda tx: tx.runs.find(made.run_id)) == made
    column = await store.read(lambda tx: tx.runs._connection.execute("SELECT kwargs FROM runs"))
    assert [text for (text,) in column] == ['~{"x":  1.0}']
    await store.write(lambda tx: tx.runs._connection.execute(f"UPDATE runs SET kwargs = '{made.kwargs}'"))
    assert await store.read(lambda tx: tx.runs.find(made.run_id)) == made


async def test_a_hidden_run_is_found_only_by_who_asks_for_hidden_ones(store: SqlDatabase) -> None:
    mine = run(hidden=True, status=RunStatus.SUCCESS)
    await stored(store, mine)
    assert await store.read(lambda tx: tx.runs.get("", mine.thread_id, mine.run_id)) is None
    assert await store.read(lambda tx: tx.runs.get("", mine.thread_id, mine.run_id, hidden=True)) == mine
    assert await store.read(lambda tx: tx.runs.list("", mine.thread_id, RunQuery(), Window())) == []


async def test_the_runs_of_a_thread_are_listed_newest_first(store: SqlDatabase) -> None:
    thread_id = new_id()
    runs = [run(thread_id=thread_id, created_at=later(number // 2)) for number in range(5)]
    ended = run(thread_id=thread_id, status=RunStatus.ERROR, error=RunError("E", "m"), created_at=later(9))
    await stored(store, *runs, ended, run(), run(thread_id=thread_id, owner="bob"))
    listed = await store.read(lambda tx: tx.runs.list("", thread_id, RunQuery(), Window()))
    assert listed == [ended, *reversed(runs)]
    assert await store.read(lambda tx: tx.runs.list("", thread_id, RunQuery(), Window(2, 1))) == [runs[4], runs[3]]
    assert await store.read(lambda tx: tx.runs.list("", thread_id, RunQuery(RunStatus.ERROR), Window())) == [ended]
    assert await store.read(lambda tx: tx.runs.list("", thread_id, RunQuery(), Window(limit=0))) == []


async def test_active_runs_come_in_the_order_in_which_they_go(store: SqlDatabase) -> None:
    threads = [new_id(), new_id()]
    first = run(thread_id=threads[1], status=RUNNING)
    second = run(thread_id=threads[0], created_at=later(1))
    third = run(thread_id=threads[1], created_at=later(1))
    ended = [run(thread_id=threads[0], status=status) for status in RunStatus if not status.active]
    await stored(store, third, second, first, run(), *ended)
    assert await store.read(lambda tx: tx.runs.active(threads)) == [first, second, third]
    assert await store.read(lambda tx: tx.runs.active([])) == []


async def test_deleting_a_threads_runs_names_those_under_way_and_spares_hidden_ones(store: SqlDatabase) -> None:
    thread_id = new_id()
    pending, running = run(thread_id=thread_id), run(thread_id=thread_id, status=RUNNING)
    ended, other = run(thread_id=thread_id, status=RunStatus.SUCCESS), run()
    hidden = run(thread_id=thread_id, status=RunStatus.SUCCESS, hidden=True)
    await stored(store, pending, running, ended, hidden, other)
    assert await store.write(lambda tx: tx.runs.delete_of_thread(thread_id)) == [pending.run_id, running.run_id]
    for gone in (pending, running, ended):
        assert await store.read(lambda tx, it=gone: tx.runs.find(it.run_id)) is None
    for left in (hidden, other):
        assert await store.read(lambda tx, it=left: tx.runs.find(it.run_id)) == left


async def test_a_run_is_ended_by_the_attempt_that_holds_it(store: SqlDatabase) -> None:
    mine = run()
    await stored(store, mine)
    [lost] = await store.write(lambda tx: tx.runs.claim("w1", NOON, later(10), 1, ["agent"]))
    [held] = await store.write(lambda tx: tx.runs.claim("w2", later(11), later(20), 1, ["agent"]))
    assert (lost.attempt, held.attempt) == (1, 2)
    done = replace(held, status=RunStatus.SUCCESS, ended_at=later(12), worker=None, lease_until=None, values="{}")
    assert not await store.write(lambda tx: tx.runs.end(replace(done, attempt=1)))
    assert await store.read(lambda tx: tx.runs.find(mine.run_id)) == held
    assert await store.write(lambda tx: tx.runs.end(done))
    assert not await store.write(lambda tx: tx.runs.end(done))
    assert await store.read(lambda tx: tx.runs.find(mine.run_id)) == done


async def test_a_lease_is_renewed_only_for_the_worker_and_attempt_that_hold_it(store: SqlDatabase) -> None:
    await stored(store, run(), run(), run())
    a, b, c = await store.write(lambda tx: tx.runs.claim("w", NOON, later(10), 3, ["agent"]))
    await store.write(lambda tx: tx.runs.save(replace(c, worker="other")))
    await store.write(lambda tx: tx.runs.renew("w", {a.run_id: 1, b.run_id: 2, c.run_id: 1}, later(60)))
    leases = [(await store.read(lambda tx, it=it: tx.runs.find(it.run_id))).lease_until for it in (a, b, c)]  # type: ignore[union-attr]
    assert leases == [later(60), later(10), later(10)]


async def test_what_a_worker_holds_comes_with_the_wish_to_cancel(store: SqlDatabase) -> None:
    await stored(store, run(), run())
    a, b = await store.write(lambda tx: tx.runs.claim("w", NOON, later(10), 2, ["agent"]))
    await store.write(lambda tx: tx.runs.save(replace(b, cancel=CancelAction.ROLLBACK)))
    held = await store.read(lambda tx: tx.runs.held("w"))
    assert held == {a.run_id: (1, None), b.run_id: (1, CancelAction.ROLLBACK)}
    assert await store.read(lambda tx: tx.runs.held("other")) == {}
    await store.write(lambda tx: tx.runs.end(replace(a, status=RunStatus.SUCCESS)))
    assert set(await store.read(lambda tx: tx.runs.held("w"))) == {b.run_id}


async def test_releasing_ends_the_leases_of_running_runs(store: SqlDatabase) -> None:
    await stored(store, run(), run(), run(status=RunStatus.SUCCESS, lease_until=later(99)))
    await store.write(lambda tx: tx.runs.claim("dead", NOON, later(999), 2, ["agent"]))
    assert await store.write(lambda tx: tx.runs.release(later(1))) == 2
    assert len(await store.write(lambda tx: tx.runs.claim("new", later(1), later(10), 9, ["agent"]))) == 2


async def test_hidden_runs_are_deleted_some_time_after_they_ended(store: SqlDatabase) -> None:
    hidden = [run(hidden=True, ended_at=later(number), status=RunStatus.SUCCESS) for number in range(4)]
    await stored(store, *hidden, run(ended_at=later(-9), status=RunStatus.SUCCESS))
    assert await store.write(lambda tx: tx.runs.delete_hidden(later(3), 2)) == 2
    assert await store.write(lambda tx: tx.runs.delete_hidden(later(3), 2)) == 1
    assert await store.write(lambda tx: tx.runs.delete_hidden(later(3), 2)) == 0
    assert await store.read(lambda tx: tx.runs.find(hidden[3].run_id)) == hidden[3]


async def test_the_next_instant_is_that_of_a_delayed_run_or_of_a_lease(store: SqlDatabase) -> None:
    assert await store.read(lambda tx: tx.runs.next_available(NOON)) is None
    await stored(store, run(available_at=NOON), run(), run(status=RunStatus.SUCCESS, available_at=later(1)))
    assert await store.read(lambda tx: tx.runs.next_available(NOON)) is None
    await stored(store, run(available_at=later(30)), run(status=RUNNING, lease_until=later(-1)))
    assert await store.read(lambda tx: tx.runs.next_available(NOON)) == later(30)
    await stored(store, run(status=RUNNING, lease_until=later(20)))
    assert await store.read(lambda tx: tx.runs.next_available(NOON)) == later(20)


@pytest.mark.parametrize(
    "ask",
    [
        lambda tx: tx.runs.active_of_owner("", None),
        lambda tx: tx.runs.active_of_owner("", RunStatus.PENDING),
        lambda tx: tx.versions.list(new_id(), None, 10, 0),
        lambda tx: tx.versions.list(new_id(), "{}", 10, 0),
    ],
)
async def test_what_is_asked_again_is_not_made_into_sql_again(
    store: SqlDatabase, ask: Callable[[Transaction], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    await store.read(ask)
    monkeypatch.setattr(store._engine, "compile", None)
    await store.read(ask)
