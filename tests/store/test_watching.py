"""What was due while nobody could fire it, and what another server may be about to fire."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from builders import cron_draft
from cronlane_service.domain.models import TickOutcome
from cronlane_service.domain.policies import CatchUp, Policies
from cronlane_service.scheduler.scheduler import GAP, Scheduler
from store.engines import ON_POSTGRESQL, ON_SQLITE
from store.house import House

MINUTE, MOMENT = timedelta(minutes=1), timedelta(microseconds=1)


def starting(house: House) -> Scheduler:
    return Scheduler(house.database, house.scheduler._ticks, house.clock)


def waking(house: House) -> Scheduler:
    """It has not looked at the clock since the cron was made."""
    return house.scheduler


def decided(house: House, policy: CatchUp, late: timedelta, scheduler: Callable[[House], Scheduler]) -> Any:
    """The tick of a cron that came due so long before the scheduler looked."""
    cron = house.cron(cron_draft(policies=Policies(catch_up=policy)))
    house.clock.advance(seconds=(MINUTE + late).total_seconds())
    scheduler(house).tick()
    [tick] = house.do(lambda tx: tx.ticks.of_cron(cron.cron_id))
    return tick


@ON_POSTGRESQL
@pytest.mark.parametrize("scheduler", [starting, waking])
@pytest.mark.parametrize("policy", CatchUp)
def test_what_another_server_may_be_about_to_fire_is_fired(
    house: House, policy: CatchUp, scheduler: Callable[[House], Scheduler]
) -> None:
    tick = decided(house, policy, GAP, scheduler)
    assert (tick.outcome, tick.reason) == (TickOutcome.FIRED, None)


@ON_POSTGRESQL
@pytest.mark.parametrize("scheduler", [starting, waking])
def test_what_no_other_server_was_there_to_fire_is_missed(
    house: House, scheduler: Callable[[House], Scheduler]
) -> None:
    tick = decided(house, CatchUp.SKIP, GAP + MOMENT, scheduler)
    assert tick.outcome is TickOutcome.MISSED


@ON_SQLITE
@pytest.mark.parametrize("scheduler", [starting, waking])
def test_a_server_that_is_alone_misses_what_was_due_before_it_looked(
    house: House, scheduler: Callable[[House], Scheduler]
) -> None:
    tick = decided(house, CatchUp.SKIP, MOMENT, scheduler)
    assert tick.outcome is TickOutcome.MISSED
