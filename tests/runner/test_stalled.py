"""A graph that blocks the loop in which all graphs of a server run: its run can be ended all the same."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from cronlane_service.domain.models import ThreadStatus
from cronlane_service.domain.runs import CancelAction, RunStatus
from runner.house import GRACE, House, steps
from runner.sample import Gate, Steps, chain, first, second

LEASE = timedelta(seconds=0.6)


class Rude(Gate):
    """Its node is asynchronous and waits as if it were not."""

    async def rude(self, state: Steps) -> Steps:
        self.reached.release()
        assert self.opened.wait(30)
        return {"steps": ["rude"]}


@pytest.fixture
def gate() -> Iterator[Rude]:
    gate = Rude()
    yield gate
    gate.opened.set()


@pytest.mark.parametrize("action", list(CancelAction))
def test_a_run_that_blocks_the_loop_can_be_cancelled(house: House, gate: Rude, action: CancelAction) -> None:
    house.pool(chain(first, gate.rude, second), lease=LEASE)
    thread = house.thread()
    run = house.run(thread, durability="sync")
    gate.wait_until_reached()
    with capture_logs() as logs:
        house.do(house.runs.cancel, "", thread, run.run_id, action)
        if action is CancelAction.ROLLBACK:
            house.wait_until(lambda: house.find(run) is None, "the run is rolled back")
        else:
            assert house.ended(run).status is RunStatus.INTERRUPTED
        assert not gate.opened.is_set()
        following = house.run(thread)
        gate.opened.set()
        assert house.ended(following).status is RunStatus.SUCCESS
    kept = ["input", "first"] if action is CancelAction.INTERRUPT else []
    assert steps(house.do(house.threads.get, "", thread).values) == [*kept, "input", "first", "rude", "second"]
    assert [entry["run_ids"] for entry in logs if entry["event"] == "runner_blocked"] == [[run.run_id]]


def test_a_run_that_blocks_the_loop_ends_when_its_time_is_over(house: House, gate: Rude) -> None:
    house.pool(chain(first, gate.rude, second), lease=LEASE, longest=timedelta(seconds=0.3))
    run = house.run(house.thread())
    gate.wait_until_reached()
    ended = house.ended(run)
    assert (ended.status, ended.error and ended.error.error) == (RunStatus.TIMEOUT, "RunTimeout")
    assert house.do(house.threads.get, "", run.thread_id).status is ThreadStatus.ERROR
    assert not gate.opened.is_set()


def test_others_that_a_blocked_loop_holds_up_are_not_ended_for_it(house: House, gate: Rude) -> None:
    other = Gate()

    async def either(state: Steps) -> Steps:
        return await (gate.rude(state) if "rude" in state["steps"] else other.waiting(state))

    pool = house.pool(chain(either), lease=LEASE)
    calm = house.run(house.thread())
    other.wait_until_reached()
    stuck = house.run(house.thread(), input='{"steps": ["rude"]}')
    gate.wait_until_reached()
    house.do(house.runs.cancel, "", stuck.thread_id, stuck.run_id, CancelAction.INTERRUPT)
    assert house.ended(stuck).status is RunStatus.INTERRUPTED
    assert house.find(calm).status is RunStatus.RUNNING
    gate.opened.set()
    other.opened.set()
    assert house.ended(calm).status is RunStatus.SUCCESS
    assert house.find(calm).attempt == 1
    assert pool.stop(GRACE)
