"""Several servers on one PostgreSQL have prepared the same crons."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import timedelta
from typing import Any

import pytest
import uuid_utils

from builders import NOON
from cronlane_service.domain.drafts import CronDraft
from cronlane_service.scheduler.scheduler import Scheduler
from cronlane_service.store import SqlDatabase
from cronlane_service.usecases.ticks import Ticks
from store.house import House
from store.rows import later
from store.servers import LONG, Holding, serving

MINUTE = timedelta(minutes=1)


def server(database: SqlDatabase) -> House:
    """With batches of ten. Ids are its own: two that count would make the same."""
    house = House(database)
    house.scheduler = Scheduler(database, Ticks(house.clock, lambda: str(uuid_utils.uuid7()), 10), house.clock)
    return house


@pytest.fixture
def servers(postgres_url: str) -> Iterator[list[House]]:
    with ExitStack() as stack:
        yield [server(stack.enter_context(serving(postgres_url))) for _ in range(4)]


def prepare(servers: list[House], crons: int) -> None:
    """All of them have prepared so many batches of ten, which are due now."""
    for house in servers:
        while house.scheduler._prepare_next(house.clock.now() + MINUTE, timedelta(0)):
            pass
        assert len(house.scheduler._prepared) == -(-crons // 10)
        house.clock.advance(minutes=1)


def runs(house: House) -> Counter[str | None]:
    """How many there are of each cron, whose ledger says the same."""
    found = house.do(lambda tx: tx.runs.active_of_owner("", None))
    counted = Counter(run.cron_id for run in found)
    for cron_id, many in counted.items():
        ticks = house.do(lambda tx, of=cron_id: tx.ticks.of_cron(of))
        assert {tick.run_id for tick in ticks} == {run.run_id for run in found if run.cron_id == cron_id}
        assert len(ticks) == many
    return counted


def test_each_tick_has_one_run_when_all_servers_fire_it_at_once(servers: list[House]) -> None:
    crons = [servers[0].cron().cron_id for _ in range(95)]
    for minute in range(1, 4):
        prepare(servers, len(crons))
        together = threading.Barrier(len(servers))

        def ticks(house: House, together: threading.Barrier = together) -> Any:
            together.wait(LONG)
            return house.scheduler.tick()

        with ThreadPoolExecutor(len(servers)) as threads:
            next_due = list(threads.map(ticks, servers))
        assert later(60 * (minute + 1)) in next_due
        assert runs(servers[0]) == Counter(dict.fromkeys(crons, minute))
        found = servers[0].do(lambda tx: [tx.crons.get("", cron_id) for cron_id in crons])
        assert {cron.counters.fired for cron in found} == {minute}


def test_who_comes_second_waits_for_nobody_and_fires_what_is_left(servers: list[House]) -> None:
    first, second, *_ = servers
    crons = [first.cron().cron_id for _ in range(25)]
    prepare([first, second], len(crons))
    prepared = first.scheduler._prepared[1]
    holding = Holding(first.database, lambda tx: first.scheduler._fire(tx, prepared))
    assert second.scheduler.tick() == second.clock.now() + timedelta(milliseconds=25), "others are at what is due"
    assert runs(second) == Counter(crons[:10] + crons[20:])
    assert len(holding.let_go().runs) == 10
    assert second.scheduler.tick() == NOON + 2 * MINUTE
    assert runs(second) == Counter(crons)


def test_a_cron_that_somebody_is_changing_is_fired_as_it_is_then_and_its_batch_without_it(servers: list[House]) -> None:
    here, there, *_ = servers
    crons = [here.cron().cron_id for _ in range(10)]
    prepare([here], len(crons))
    draft = CronDraft(metadata='{"is":"new"}')
    holding = Holding(there.database, lambda tx: there.crons.update(tx, "", crons[3], {"metadata"}, draft))
    here.scheduler.tick()
    assert runs(here) == Counter(crons[:3] + crons[4:])
    holding.let_go()
    here.scheduler.tick()
    assert runs(here) == Counter(crons)
    changed = [run for run in here.do(lambda tx: tx.runs.active_of_owner("", None)) if run.cron_id == crons[3]]
    assert ['"is":"new"' in run.metadata for run in changed] == [True]


def test_what_was_prepared_is_fired_without_those_of_it_that_were_changed(servers: list[House]) -> None:
    here, there, *_ = servers
    crons = [here.cron().cron_id for _ in range(10)]
    prepare([here], len(crons))
    [(_, planned)] = here.scheduler._prepared[0].planned
    there.do(there.crons.update, "", crons[3], {"metadata"}, CronDraft(metadata="{}"))
    there.do(there.crons.pause, "", crons[4], None)
    there.do(there.crons.delete, "", crons[5])
    here.scheduler.tick()
    assert runs(here) == Counter(crons[:4] + crons[6:])
    made = {run.run_id for run in here.do(lambda tx: tx.runs.active_of_owner("", None))}
    assert {each.run_id for each in planned if each.cron_id not in crons[3:6]} < made
