"""Who executes runs is told of a burst of ticks when it is over, or has lasted: executing would hold it up."""

from __future__ import annotations

import pytest

from builders import NOON, cron_draft
from cronlane_service.domain.ports import Topic
from cronlane_service.usecases.manual_runs import ManualRuns
from cronlane_service.usecases.ticks import BURST


@pytest.fixture
def told(database, house, do):
    """Answers how often it was. Two ticks are a batch."""
    house.ticks._batch = 2
    told = []
    database.listen(Topic.RUNS, told.append)

    def count():
        do(lambda _: None)  # the listeners of what was committed before have been told
        return len(told)

    return count


@pytest.fixture
def due(house, do, clock):
    """Makes so many crons that are due."""

    def due(crons):
        for _ in range(crons):
            do(house.crons.create, "", cron_draft())
        clock.advance(minutes=1)

    return due


def test_a_burst_is_told_when_its_last_ticks_are_committed(house, do, due, told, clock) -> None:
    due(5)
    untold, counts = None, []
    for _ in range(3):
        untold = do(house.ticks.fire, NOON, clock.now(), untold).untold
        counts.append((told(), untold))
    assert counts == [(0, clock.now()), (0, clock.now()), (1, None)]


def test_a_single_batch_is_told_at_once(house, do, due, told) -> None:
    due(2)
    assert do(house.ticks.fire, NOON).untold is None
    assert told() == 1


def test_a_burst_that_lasts_is_told_in_the_middle(house, do, due, told, clock) -> None:
    due(7)
    untold = do(house.ticks.fire, NOON).untold
    clock.advance(seconds=BURST.total_seconds() / 2)
    untold = do(house.ticks.fire, NOON, None, untold).untold
    assert told() == 0
    clock.advance(seconds=BURST.total_seconds() / 2)
    assert do(house.ticks.fire, NOON, None, untold).untold is None
    assert told() == 1


def test_a_pass_with_nothing_to_fire_tells_of_the_runs_before_it(house, do, told, clock) -> None:
    assert do(house.ticks.fire, NOON).untold is None
    assert told() == 0
    assert do(house.ticks.fire, NOON, None, clock.now()).untold is None
    assert told() == 1


def test_a_run_that_somebody_asked_for_is_told_at_once(house, do, due, told, clock) -> None:
    due(3)
    cron = do(house.crons.create, "", cron_draft("0 0 1 1 *"))
    do(ManualRuns(clock, house.ticks._new_id).trigger, "", cron.cron_id)
    assert told() == 1
