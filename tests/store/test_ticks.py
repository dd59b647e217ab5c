from __future__ import annotations

from dataclasses import replace

import pytest

from builders import NOON
from cronlane_service.domain.errors import AlreadyExists
from cronlane_service.domain.models import TickOutcome
from cronlane_service.domain.ports import Transaction
from cronlane_service.domain.queries import TickQuery
from cronlane_service.domain.runs import RunError, RunStatus
from cronlane_service.store import SqlDatabase
from store.rows import later, new_id, tick


async def test_the_ticks_of_a_cron_come_oldest_first(store: SqlDatabase) -> None:
    cron_id = new_id()
    ticks = [tick(cron_id=cron_id, scheduled_for=later(number)) for number in range(3)]
    await store.write(lambda tx: tx.ticks.insert_many([*reversed(ticks), tick()]))
    assert await store.read(lambda tx: tx.ticks.of_cron(cron_id)) == ticks


async def test_a_tick_is_decided_once(store: SqlDatabase) -> None:
    decided = tick(run_id=new_id())
    again = replace(decided, outcome=TickOutcome.MISSED)
    await store.write(lambda tx: tx.ticks.insert_many([decided]))
    with pytest.raises(AlreadyExists) as caught:
        await store.write(lambda tx: tx.ticks.insert_many([tick(), again]))
    assert (caught.value.kind, caught.value.name) == ("tick", f"{decided.cron_id} at {NOON.isoformat()}")
    assert await store.read(lambda tx: tx.ticks.of_cron(decided.cron_id)) == [decided]


async def test_of_ticks_that_are_refused_none_is_written(store: SqlDatabase) -> None:
    decided, neighbour = tick(), tick()
    await store.write(lambda tx: tx.ticks.insert_many([decided]))

    def insists(tx: Transaction) -> None:
        with pytest.raises(AlreadyExists):
            tx.ticks.insert_many([neighbour, decided])

    await store.write(insists)
    assert await store.read(lambda tx: tx.ticks.of_cron(neighbour.cron_id)) == []


async def test_the_same_tick_twice_in_one_insert_is_refused(store: SqlDatabase) -> None:
    twice = tick()
    with pytest.raises(AlreadyExists):
        await store.write(lambda tx: tx.ticks.insert_many([twice, twice]))
    await store.write(lambda tx: tx.ticks.insert_many([]))


async def test_how_the_run_ended_is_noted_on_its_tick(store: SqlDatabase) -> None:
    mine, other = tick(run_id=new_id()), tick(run_id=new_id())
    await store.write(lambda tx: tx.ticks.insert_many([mine, other]))
    await store.write(lambda tx: tx.ticks.record(str(mine.run_id), RunStatus.ERROR, RunError("ValueError", "no")))
    await store.write(lambda tx: tx.ticks.record(new_id(), RunStatus.SUCCESS, None))
    columns = "SELECT cron_id, run_status, run_error, run_error_message FROM ticks ORDER BY cron_id"
    noted = await store.read(lambda tx: tx.ticks._connection.execute(columns))
    assert noted == [(mine.cron_id, "error", "ValueError", "no"), (other.cron_id, None, None, None)]


async def test_ticks_are_found_by_outcome_time_and_owner(store: SqlDatabase) -> None:
    cron_id = new_id()
    fired = [tick(cron_id=cron_id, scheduled_for=later(number)) for number in (0, 20, 40)]
    missed = [tick(cron_id=cron_id, scheduled_for=later(number), outcome=TickOutcome.MISSED) for number in (10, 30)]
    await store.write(lambda tx: tx.ticks.insert_many([*fired, *missed, tick(owner="ann")]))

    async def found(limit: int = 9, **query: object) -> list:
        return await store.read(lambda tx: tx.ticks.list("", cron_id, TickQuery(**query), limit))

    assert await found() == [fired[0], missed[0], fired[1], missed[1], fired[2]]
    assert await found(2) == [fired[0], missed[0]]
    assert await found(outcome=TickOutcome.MISSED) == missed
    assert await found(start=later(10), end=later(30)) == [missed[0], fired[1], missed[1]]
    assert await store.read(lambda tx: tx.ticks.list("ann", cron_id, TickQuery(), 9)) == []


async def test_the_latest_tick_is_of_the_schedule_not_of_somebody(store: SqlDatabase) -> None:
    cron_id = new_id()
    assert await store.read(lambda tx: tx.ticks.latest(cron_id)) is None
    ticks = [tick(cron_id=cron_id, scheduled_for=later(n)) for n in range(3)]
    triggered = tick(cron_id=cron_id, scheduled_for=later(99), outcome=TickOutcome.TRIGGERED)
    await store.write(lambda tx: tx.ticks.insert_many([*ticks, triggered]))
    assert await store.read(lambda tx: tx.ticks.latest(cron_id)) == later(2)


async def test_old_ticks_go_in_pieces(store: SqlDatabase) -> None:
    cron_id = new_id()
    ticks = [tick(cron_id=cron_id, scheduled_for=later(n), decided_at=later(n)) for n in range(5)]
    await store.write(lambda tx: tx.ticks.insert_many(ticks))
    gone = [await store.write(lambda tx: tx.ticks.delete_before(later(3), 2)) for _ in range(3)]
    assert gone == [2, 1, 0]
    assert await store.read(lambda tx: tx.ticks.of_cron(cron_id)) == ticks[3:]
    await store.write(lambda tx: tx.ticks.delete(cron_id, [later(3)]))
    assert await store.read(lambda tx: tx.ticks.of_cron(cron_id)) == ticks[4:]


@pytest.mark.parametrize("number", [1, 7, 626])
async def test_any_number_of_ticks_is_written_at_once_and_in_full(store: SqlDatabase, number: int) -> None:
    ticks = [tick(run_id=new_id(), reason="because" if place % 2 else None) for place in range(number)]
    await store.write(lambda tx: tx.ticks.insert_many(ticks))
    for each in ticks:
        assert await store.read(lambda tx, cron_id=each.cron_id: tx.ticks.of_cron(cron_id)) == [each]
