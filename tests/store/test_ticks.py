from __future__ import annotations

from dataclasses import replace

import pytest

from builders import NOON
from cronlane_service.domain.errors import AlreadyExists
from cronlane_service.domain.models import RunError, RunStatus, TickOutcome
from cronlane_service.domain.ports import Transaction
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
