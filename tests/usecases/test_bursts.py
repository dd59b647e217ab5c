"""Runs wait for the end of a burst of ticks, or until it has lasted: executing them would hold it up."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest

from builders import NOON, cron_draft
from cronlane_service.domain.policies import CatchUp, Policies
from cronlane_service.domain.ports import Topic
from cronlane_service.usecases.bursts import LONGEST, Burst
from cronlane_service.usecases.manual_runs import ManualRuns


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


def test_no_run_is_taken_up_before_the_last_ticks_of_a_burst_are_fired(house, do, due, told, work, clock) -> None:
    due(5)
    do(house.ticks.fire, NOON)
    assert work() == []
    assert do(house.attempts.next_available) == clock.now() + LONGEST
    do(house.ticks.fire, NOON)
    assert work() == []
    do(house.ticks.fire, NOON)
    assert len(work()) == 5


def test_runs_are_taken_up_beside_a_burst_that_lasts(house, do, due, told, work, clock) -> None:
    due(7)
    do(house.ticks.fire, NOON)
    clock.advance(seconds=LONGEST.total_seconds())
    assert len(work()) == 2
    do(house.ticks.fire, NOON)
    assert len(work()) == 2


def test_the_end_of_a_burst_is_told_also_when_nothing_was_left_to_fire(house, do, due, told) -> None:
    due(3)
    untold = do(house.ticks.fire, NOON).untold
    assert told() == 0
    (left,) = do(lambda tx: tx.crons.due(house.ticks._clock.now(), 10))
    do(house.crons.delete, "", left.cron_id)
    do(house.ticks.fire, NOON, untold=untold)
    assert told() == 1


def test_the_end_of_a_burst_is_told_also_when_its_last_batch_is_carried_out_again(
    house, do, database, told, clock
) -> None:
    for _ in range(3):
        do(house.crons.create, "", cron_draft(policies=Policies(catch_up=CatchUp.SKIP)))
    missing = clock.advance(minutes=1) + timedelta(seconds=1)  # so that no run says that there was something
    began = do(house.ticks.fire, missing)
    assert (told(), began.made_runs) == (0, False)
    assert do(house.attempts.next_available) == clock.now() + LONGEST
    times, held = [], threading.Event()

    def fire(tx):
        times.append(house.ticks.fire(tx, missing, untold=began.untold))

    def fail(tx):
        tx.purges.insert("thread", "run")
        raise ValueError("no")

    writes = [database.submit(each) for each in (lambda _: held.wait(10), fire, fail)]
    held.set()
    assert [type(write.exception(10)) for write in writes] == [type(None), type(None), ValueError]
    assert len(times) == 2, "it was carried out with the one that failed, and again without"
    assert told() == 1


def test_a_single_batch_is_told_at_once(house, do, due, told) -> None:
    due(2)
    assert do(house.ticks.fire, NOON).untold is None
    assert told() == 1


def test_a_burst_that_lasts_is_told_in_the_middle(house, do, due, told, clock) -> None:
    due(7)
    untold = do(house.ticks.fire, NOON).untold
    clock.advance(seconds=LONGEST.total_seconds() / 2)
    untold = do(house.ticks.fire, NOON, None, untold).untold
    assert told() == 0
    clock.advance(seconds=LONGEST.total_seconds() / 2)
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


def test_a_clock_that_is_put_back_in_a_burst_keeps_no_run_waiting(clock):
    burst = Burst()
    burst.note(clock.now(), more=True)
    assert burst.until(clock.now()) == clock.now() + LONGEST
    clock.advance(hours=-1)
    assert burst.until(clock.now()) is None
