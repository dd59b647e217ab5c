"""What happened in runs, on each engine."""

from __future__ import annotations

from typing import Any

from builders import NOON
from cronlane_service.domain.events import RunEvent
from cronlane_service.domain.runs import Run, RunStatus
from cronlane_service.store import SqlDatabase
from store.rows import later, new_id, run, thread


async def stored(store: SqlDatabase, **changes: Any) -> Run:
    made = run(**changes)
    await store.write(lambda tx: tx.threads.insert(thread(thread_id=made.thread_id)))
    await store.write(lambda tx: tx.runs.insert_many([made]))
    return made


async def append(store: SqlDatabase, of: Run, *names: str, at: float = 0) -> None:
    events = [RunEvent(name, f'{{"n": 1.0, "é": "{name}"}}') for name in names]
    await store.write(lambda tx: tx.events.append(of, events, later(at)))


async def names(store: SqlDatabase, of: Run, after: int = 0, limit: int = 100) -> list[str]:
    return [event.event for event in await store.read(lambda tx: tx.events.of_run(of.run_id, after, limit))]


async def test_events_come_back_in_order_as_they_went_in(store: SqlDatabase) -> None:
    mine = await stored(store)
    await append(store, mine, "a", "b")
    await append(store, mine, "c")
    events = await store.read(lambda tx: tx.events.of_run(mine.run_id, 0, 100))
    assert [(event.event, event.data, event.run_id) for event in events] == [
        (name, f'{{"n": 1.0, "é": "{name}"}}', mine.run_id) for name in "abc"
    ]
    assert await names(store, mine, after=events[0].seq, limit=1) == ["b"]


async def test_later_events_of_a_thread_have_a_greater_seq_also_when_the_clock_steps_back(store: SqlDatabase) -> None:
    first = await stored(store)
    second = run(thread_id=first.thread_id)
    await append(store, first, "a", "b", at=10)
    await append(store, second, "c", at=0)
    events = await store.read(lambda tx: tx.events.of_thread("", first.thread_id, 0, 100))
    assert [event.event for event in events] == ["a", "b", "c"]
    assert [event.seq for event in events] == sorted({event.seq for event in events})
    assert await store.read(lambda tx: tx.events.last(first.thread_id)) == events[-1].seq
    assert await store.read(lambda tx: tx.events.last(new_id())) == 0


async def test_the_events_of_a_thread_are_those_of_its_owner(store: SqlDatabase) -> None:
    mine = await stored(store, owner="ann")
    await append(store, mine, "a")
    assert await store.read(lambda tx: tx.events.of_thread("bob", mine.thread_id, 0, 100)) == []


async def test_events_go_when_they_have_been_kept_long_enough(store: SqlDatabase) -> None:
    mine, other = await stored(store), await stored(store)
    for each in (mine, other):
        await append(store, each, "a", "b", "c")
    await store.write(lambda tx: tx.events.keep_until(mine.run_id, later(60)))
    assert await store.write(lambda tx: tx.events.delete_expired(later(60), 100)) == 0
    assert await store.write(lambda tx: tx.events.delete_expired(later(61), 2)) == 2
    assert await names(store, mine) == ["c"]
    assert await store.write(lambda tx: tx.events.delete_expired(later(61), 100)) == 2, "the last, and the recording"
    assert await store.write(lambda tx: tx.events.delete_expired(later(61), 100)) == 0
    assert await names(store, other) == ["a", "b", "c"]


async def test_events_of_a_run_that_is_gone_or_ended_unattended_go(store: SqlDatabase) -> None:
    gone, ended, pending = [await stored(store) for _ in range(3)]
    for each in (gone, ended, pending):
        await append(store, each, "a")
    await store.write(lambda tx: tx.runs.delete(gone.run_id))
    over = run(run_id=ended.run_id, thread_id=ended.thread_id, status=RunStatus.INTERRUPTED, ended_at=NOON)
    await store.write(lambda tx: tx.runs.save(over))
    while await store.write(lambda tx: tx.events.delete_expired(later(1), 100)):
        pass
    assert [await names(store, each) for each in (gone, ended, pending)] == [[], [], ["a"]]


async def test_the_active_runs_of_an_owner_are_found_by_status(store: SqlDatabase) -> None:
    pending = await stored(store, owner="ann", created_at=later(1))
    running = await stored(store, owner="ann", status=RunStatus.RUNNING)
    await stored(store, owner="ann", status=RunStatus.SUCCESS)
    await stored(store, owner="bob")
    found: dict[Any, list[Run]] = {}
    for status in (None, RunStatus.PENDING, RunStatus.RUNNING):
        found[status] = list(await store.read(lambda tx, s=status: tx.runs.active_of_owner("ann", s)))
    assert found == {None: [running, pending], RunStatus.PENDING: [pending], RunStatus.RUNNING: [running]}
