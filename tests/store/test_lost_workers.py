"""Runs whose workers are lost: tried again after a pause that grows, and they remember it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from builders import NOON, run_draft
from cronlane_service.domain.drafts import ThreadDraft
from cronlane_service.domain.models import ThreadStatus
from cronlane_service.domain.runs import AttemptOutcome, CancelAction, Outcome, RunStatus
from cronlane_service.usecases.attempts import LONGEST_PAUSE
from store.house import LEASE, PAUSE, House
from store.rows import later


@pytest.fixture
def run(house: House) -> Any:
    thread = house.do(house.threads.create, "", ThreadDraft())
    return house.do(house.runs.create, "", thread.thread_id, run_draft())


def lost(house: House, worker: str) -> datetime:
    """Somebody takes the run up and is never heard of again; when that is noticed."""
    (claimed,) = house.claimed(worker)
    house.clock.advance(seconds=LEASE.total_seconds())
    assert house.claimed("another") == [], "not at once"
    assert house.find(claimed).worker is None
    return house.clock.now()


def test_a_lost_run_is_tried_again_after_a_pause_that_doubles(house: House, run: Any) -> None:
    for factor in (1, 2):
        noticed = lost(house, f"worker-{factor}")
        assert house.do(house.attempts.next_available) == noticed + PAUSE * factor, "the runner knows when"
        house.clock.advance(seconds=PAUSE.total_seconds() * factor - 0.001)
        assert house.claimed() == []
        house.clock.advance(seconds=0.001)
    (again,) = house.claimed()
    assert (again.run_id, again.attempt) == (run.run_id, 3)
    assert house.do(house.attempts.finish, again, Outcome(RunStatus.SUCCESS))


def test_a_run_remembers_who_tried_it_when_and_what_became_of_that(house: House, run: Any) -> None:
    lost(house, "first")
    house.clock.advance(seconds=PAUSE.total_seconds())
    (second,) = house.claimed("second")
    house.clock.advance(seconds=1)
    assert house.do(house.attempts.hand_back, second)
    (third,) = house.claimed("third")
    assert third.attempt == 3, "what was handed back is taken up at once"
    assert house.do(house.attempts.finish, third, Outcome(RunStatus.SUCCESS))
    history = [(past.attempt, past.worker, past.started_at, past.ended_at) for past in house.find(run).history]
    assert history == [(1, "first", NOON, later(30)), (2, "second", later(32), later(33))]
    outcomes = [past.outcome for past in house.find(run).history]
    assert outcomes == [AttemptOutcome.LOST, AttemptOutcome.HANDED_BACK]


def test_a_run_that_was_lost_too_often_ends_with_its_history_in_the_error(house: House, run: Any) -> None:
    for number in (1, 2, 3):
        lost(house, f"worker-{number}")
        house.clock.advance(minutes=1)
    ended = house.find(run)
    assert (ended.status, ended.error.error) == (RunStatus.ERROR, "WorkerLost")
    assert ended.error.message.startswith("3 attempts were lost with their workers: attempt 1 on worker-1 from 2026-")
    assert [past.worker for past in ended.history] == ["worker-1", "worker-2", "worker-3"]
    assert house.do(house.threads.get, "", run.thread_id).status is ThreadStatus.ERROR


def test_what_is_handed_back_in_good_order_does_not_count_as_lost(house: House, run: Any) -> None:
    for _ in range(5):
        (claimed,) = house.claimed()
        assert house.do(house.attempts.hand_back, claimed)
    (claimed,) = house.claimed()
    assert claimed.attempt == 6


def test_who_lost_a_run_can_write_nothing_while_it_waits_for_another(house: House, run: Any) -> None:
    (claimed,) = house.claimed("slow")
    house.clock.advance(seconds=LEASE.total_seconds())
    house.claimed("another")
    assert not house.do(house.attempts.finish, claimed, Outcome(RunStatus.SUCCESS))
    assert not house.do(house.attempts.hand_back, claimed)
    house.do(house.attempts.renew, "slow", {claimed.run_id: claimed.attempt}, LEASE)
    assert house.find(run).worker is None


def test_a_lost_run_keeps_its_turn_on_the_thread_while_it_waits(house: House, run: Any) -> None:
    house.do(house.runs.create, "", run.thread_id, run_draft())
    lost(house, "first")
    house.clock.advance(seconds=PAUSE.total_seconds())
    assert [claimed.run_id for claimed in house.claimed()] == [run.run_id]


def test_a_lost_run_that_is_cancelled_does_not_wait_for_its_pause(house: House, run: Any) -> None:
    lost(house, "first")
    house.do(house.runs.cancel, "", run.thread_id, run.run_id, CancelAction.ROLLBACK)
    (claimed,) = house.claimed()
    assert (claimed.run_id, claimed.cancel) == (run.run_id, CancelAction.ROLLBACK)


def test_the_pause_has_an_end(house: House, run: Any) -> None:
    house.attempts._most = 100
    for _ in range(8):
        noticed = lost(house, "worker")
        waits = house.do(house.attempts.next_available) - noticed
        house.clock.advance(seconds=waits.total_seconds())
    assert waits == LONGEST_PAUSE
