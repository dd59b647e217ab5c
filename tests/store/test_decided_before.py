"""Crons that were put back, by hand or by a restored row: the ledger stands, and nobody else waits for them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from builders import NOON, cron_draft
from cronlane_service.domain.drafts import CronDraft, ThreadDraft
from cronlane_service.domain.models import TickOutcome
from cronlane_service.domain.policies import CatchUp, Overlap, Policies
from store.house import House
from store.rows import later

MINUTE = timedelta(minutes=1)
KINDS = ["plain", "with a policy", "on a thread"]


def draft(house: House, kind: str, schedule: str = "* * * * *") -> CronDraft:
    if kind == "on a thread":
        return cron_draft(schedule, thread_id=house.do(house.threads.create, "", ThreadDraft()).thread_id)
    return cron_draft(schedule, policies=Policies(overlap=Overlap.QUEUE) if kind == "with a policy" else Policies())


def put_back(house: House, cron: Any, seconds: int) -> None:
    """Its next instant is so many seconds earlier than it was."""
    back = f"next_run_date = next_run_date - {seconds}000000, due_at = due_at - {seconds}000000"
    house.poisoned("crons", "cron_id", cron.cron_id, back)


def ledger(house: House, cron: Any) -> list[Any]:
    return list(house.do(lambda tx: tx.ticks.of_cron(cron.cron_id)))


def runs(house: House, cron: Any) -> list[Any]:
    return [run for run in house.do(lambda tx: tx.runs.active_of_owner("", None)) if run.cron_id == cron.cron_id]


@pytest.mark.parametrize("kind", KINDS)
def test_a_tick_that_the_ledger_has_is_passed_over_and_all_others_fire(house: House, kind: str) -> None:
    bad, good = house.cron(draft(house, kind)), [house.cron(draft(house, of)) for of in KINDS]
    house.clock.advance(minutes=1)
    house.scheduler.tick()
    before = ledger(house, bad)
    put_back(house, bad, 60)
    house.clock.advance(seconds=1)
    assert house.scheduler.tick() == later(120)
    assert ledger(house, bad) == before, "the row stands, and its run is the only one"
    assert len(runs(house, bad)) == 1
    house.clock.advance(seconds=59)
    put_back(house, bad, 60)
    assert house.scheduler.tick() == later(180)
    for cron in (bad, *good):
        assert [tick.outcome for tick in ledger(house, cron)] == [TickOutcome.FIRED] * 2
        assert len(runs(house, cron)) == 2
        found = house.do(house.crons.get, "", cron.cron_id)
        assert (found.enabled, found.next_run_date, found.counters.fired) == (True, later(180), 2)


@pytest.mark.parametrize("kind", KINDS)
def test_what_the_ledger_lacks_between_what_it_has_is_decided(house: House, kind: str) -> None:
    cron = house.cron(draft(house, kind))
    for _ in range(4):
        house.clock.advance(minutes=1)
        house.scheduler.tick()
    house.do(lambda tx: tx.ticks.delete(cron.cron_id, [NOON + 2 * MINUTE]))
    put_back(house, cron, 240)
    house.clock.advance(seconds=1)
    assert house.scheduler.tick() == later(300)
    assert [tick.scheduled_for for tick in ledger(house, cron)] == [later(60 * n) for n in range(1, 5)]
    counters = house.do(house.crons.get, "", cron.cron_id).counters
    assert (counters.fired, counters.missed) == (4, 1), "it was due while nobody watched, and is not the newest"


def test_a_cron_that_is_put_back_by_more_ticks_than_a_pass_decides_comes_to_its_next_one(house: House) -> None:
    bad = house.cron(cron_draft("* * * * * *", policies=Policies(catch_up=CatchUp.ALL)))
    house.clock.advance(seconds=1200)
    house.scheduler.tick()
    before = ledger(house, bad)
    good = house.cron()
    put_back(house, bad, 1200)
    house.clock.advance(microseconds=1)
    assert house.scheduler.tick() == later(1201)
    assert ledger(house, bad) == before
    house.clock.advance(minutes=1)
    house.scheduler.tick()
    assert len(runs(house, good)) == 1


def test_a_poisoned_cron_that_was_put_back_is_disabled_with_its_own_reason(house: House) -> None:
    bad, good = house.cron(), house.cron()
    house.clock.advance(minutes=1)
    house.scheduler.tick()
    before = ledger(house, bad)
    put_back(house, bad, 60)
    house.poisoned("crons", "cron_id", bad.cron_id, "timezone = 'Mars/Olympus'")
    house.clock.advance(minutes=1)
    house.scheduler.tick()
    found = house.do(house.crons.get, "", bad.cron_id)
    assert (found.enabled, "Mars/Olympus" in found.disabled_reason) == (False, True)
    assert ledger(house, bad) == before
    assert len(runs(house, good)) == 2


@pytest.mark.parametrize("kind", KINDS)
def test_a_cron_of_which_something_cannot_be_written_is_disabled_and_all_others_fire(house: House, kind: str) -> None:
    bad, good = house.cron(draft(house, kind)), [house.cron(draft(house, of)) for of in KINDS]
    house.sql(f"CREATE UNIQUE INDEX once ON runs (cron_id) WHERE cron_id = '{bad.cron_id}'")
    house.clock.advance(minutes=1)
    house.scheduler.tick()
    house.clock.advance(minutes=1)
    with capture_logs() as logs:
        assert house.scheduler.tick() == later(180)
    assert {"firing_one_by_one", "cron_disabled"} <= {line["event"] for line in logs}
    for cron in good:
        assert len(runs(house, cron)) == 2
    found = house.do(house.crons.get, "", bad.cron_id)
    assert (found.enabled, "the database refuses it" in found.disabled_reason) == (False, True)
    assert [tick.outcome for tick in ledger(house, bad)] == [TickOutcome.FIRED, TickOutcome.ERROR]
    assert len(runs(house, bad)) == 1
