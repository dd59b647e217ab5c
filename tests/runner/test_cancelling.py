"""Runs that somebody stops, and threads that go away under them."""

from __future__ import annotations

import asyncio

import pytest
from structlog.testing import capture_logs

from cronlane_service.domain.errors import NotFound
from cronlane_service.domain.models import OnCompletion, ThreadStatus
from cronlane_service.domain.runs import CancelAction, RunStatus
from runner.house import GRACE, House, steps
from runner.sample import Gate, Steps, chain, first, second


@pytest.mark.parametrize("kind", ["waiting", "blocking"])
def test_a_stuck_run_can_be_interrupted_and_what_it_wrote_stays(house: House, kind: str) -> None:
    gate = Gate()
    house.pool(chain(first, getattr(gate, kind), second))
    run = house.run(house.thread())
    gate.wait_until_reached()
    with capture_logs() as logs:
        house.do(house.runs.cancel, "", run.thread_id, run.run_id, CancelAction.INTERRUPT)
        assert house.ended(run).status is RunStatus.INTERRUPTED
        assert house.pools[0].stop(GRACE) is (kind == "waiting")  # a thread cannot be stopped
    gate.opened.set()
    assert "run_cancelled" in [entry["event"] for entry in logs]
    thread = house.do(house.threads.get, "", run.thread_id)
    assert (thread.status, steps(thread.values)) == (ThreadStatus.INTERRUPTED, ["input", "first"])


def test_a_node_that_answers_a_cancellation_with_an_error_is_interrupted_all_the_same(house: House) -> None:
    gate = Gate()

    async def stubborn(state: Steps) -> Steps:
        try:
            return await gate.waiting(state)
        except asyncio.CancelledError:
            raise ValueError("I was not done") from None

    house.pool(chain(first, stubborn))
    run = house.run(house.thread())
    gate.wait_until_reached()
    house.do(house.runs.cancel, "", run.thread_id, run.run_id, CancelAction.INTERRUPT)
    ended = house.ended(run)
    assert (ended.status, ended.error) == (RunStatus.INTERRUPTED, None)


def test_a_rollback_undoes_the_run_before_the_next_one_starts(house: House) -> None:
    gate = Gate()

    async def sometimes(state: Steps) -> Steps:
        return await gate.waiting(state) if state["steps"][-1] == "stuck" else {"steps": ["done"]}

    house.pool(chain(sometimes))
    thread_id = house.thread()
    house.ended(house.run(thread_id))
    stuck = house.run(thread_id, input='{"steps":["stuck"]}')
    gate.wait_until_reached()
    following = house.run(thread_id)
    house.do(house.runs.cancel, "", thread_id, stuck.run_id, CancelAction.ROLLBACK)
    house.ended(following)
    assert house.find(stuck) is None
    assert steps(house.do(house.threads.get, "", thread_id).values) == ["input", "done", "input", "done"]
    assert house.do(lambda tx: tx.purges.list(10)) == []


def test_a_deleted_thread_stops_its_run_and_loses_its_checkpoints(house: House) -> None:
    gate = Gate()
    pool = house.pool(chain(first, gate.waiting, second))
    run = house.run(house.thread())
    gate.wait_until_reached()
    with capture_logs() as logs:
        house.do(house.threads.delete, "", run.thread_id)
        house.wait_until(lambda: not house.do(lambda tx: tx.purges.list(10)), "the purge was not done")
        state = asyncio.run(pool.graphs.state("agent", run.thread_id))  # type: ignore[attr-defined]
    assert state.checkpoint is None
    assert "run_fenced" in [entry["event"] for entry in logs]
    with pytest.raises(NotFound):
        house.do(house.threads.get, "", run.thread_id)


def test_a_stateless_run_leaves_nothing_behind_unless_it_is_to_be_kept(house: House) -> None:
    pool = house.pool(chain(first))
    gone, kept = house.run(), house.run(on_completion=OnCompletion.KEEP)
    assert steps(house.ended(gone).values) == ["input", "first"]
    house.ended(kept)
    house.wait_until(lambda: not house.do(lambda tx: tx.purges.list(10)), "the purge was not done")
    states = [asyncio.run(pool.graphs.state("agent", run.thread_id)) for run in (gone, kept)]  # type: ignore[attr-defined]
    assert [state.checkpoint is None for state in states] == [True, False]
