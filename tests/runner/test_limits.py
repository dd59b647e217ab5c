"""Graphs that take too long, and graphs that do not let themselves be stopped."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from builders import cron_draft
from cronlane_service.domain.models import ThreadStatus
from cronlane_service.domain.runs import CancelAction, Run, RunStatus
from cronlane_service.runner.attempt import Attempt
from runner.house import GRACE, House, steps
from runner.sample import Gate, Steps, chain, first, second

SOON = timedelta(seconds=0.3)


class Deaf(Gate):
    """Its node hears no cancellation, and goes on when the gate is opened."""

    async def deaf(self, state: Steps) -> Steps:
        self.reached.release()
        while not self.opened.is_set():
            with suppress(asyncio.CancelledError):
                await asyncio.sleep(0.005)
        return {"steps": ["deaf"]}


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cronlane_service.runner.attempt.PATIENCE", 0.2)


@pytest.mark.parametrize("kind", ["waiting", "blocking", "deaf"])
def test_a_run_that_takes_too_long_ends_as_timeout(house: House, kind: str) -> None:
    gate = Deaf()
    house.pool(chain(first, getattr(gate, kind), second), longest=SOON)
    ended = house.ended(house.run(house.thread()))
    gate.opened.set()
    assert ended.status is RunStatus.TIMEOUT
    assert ended.error is not None
    assert (ended.error.error, ended.error.message) == ("RunTimeout", "the run took longer than 0.3 seconds")
    thread = house.do(house.threads.get, "", ended.thread_id)
    assert (thread.status, thread.error, steps(thread.values)) == (ThreadStatus.ERROR, ended.error, ["input", "first"])


def test_a_run_that_ended_in_time_is_not_kept_in_memory_until_its_time_is_over(house: House) -> None:
    house.pool(chain(first), longest=timedelta(hours=1))
    ended = house.ended(house.run(house.thread()))

    def kept() -> bool:
        gc.collect()
        attempts = [each for each in gc.get_objects() if isinstance(each, Attempt)]
        return any(each.run.run_id == ended.run_id for each in attempts)

    house.wait_until(lambda: not kept(), "the attempt is still there")


def test_the_time_of_a_run_is_counted_from_the_start_of_its_attempt(house: House) -> None:
    gate = Gate()
    house.pool(chain(gate.waiting), concurrency=1, longest=SOON)
    thread = house.thread()
    runs = [house.run(thread) for _ in range(3)]
    ended = [house.ended(run) for run in runs]
    assert [run.status for run in ended] == [RunStatus.TIMEOUT] * 3
    assert gate.entered == 3
    assert all(run.ended_at - run.started_at >= SOON for run in ended if run.ended_at and run.started_at)


def test_a_run_within_its_time_is_left_alone(house: House) -> None:
    house.pool(chain(first, second), longest=timedelta(minutes=1))
    assert house.ended(house.run(house.thread())).status is RunStatus.SUCCESS


def test_a_timeout_is_a_failure_to_the_cron(house: House) -> None:
    gate = Gate()
    house.pool(chain(gate.waiting), longest=SOON)
    cron = house.cron(cron_draft("0 0 1 1 *"))
    house.ended(house.triggered(cron))
    counters = house.do(lambda tx: tx.crons.get("", cron.cron_id)).counters
    assert (counters.failed, counters.last_outcome) == (1, RunStatus.TIMEOUT)


@pytest.mark.parametrize("action", list(CancelAction))
def test_a_graph_that_ignores_its_cancellation_is_let_go_and_its_late_work_does_not_count(
    house: House, action: CancelAction
) -> None:
    gate = Deaf()
    graph: Callable[..., Any] = chain(first, gate.deaf, second)
    house.pool(graph, concurrency=1)
    thread = house.thread()
    run = house.run(thread)
    gate.wait_until_reached()
    with capture_logs() as logs:
        house.do(house.runs.cancel, "", thread, run.run_id, action)
        _gone_or_interrupted(house, run, action)
        following = house.run(thread)
        gate.wait_until_reached()  # the thread is free, and so is the worker
        gate.opened.set()
        assert house.ended(following).status is RunStatus.SUCCESS
        house.wait_until(lambda: "run_gone" in [entry["event"] for entry in logs], "the graph ended at last")
    kept = ["input", "first"] if action is CancelAction.INTERRUPT else []
    values = steps(house.do(house.threads.get, "", thread).values)
    assert values == [*kept, "input", "first", "deaf", "second"]
    assert "run_let_go" in [entry["event"] for entry in logs]


def _gone_or_interrupted(house: House, run: Run, action: CancelAction) -> None:
    if action is CancelAction.ROLLBACK:
        house.wait_until(lambda: house.find(run) is None, "the run is rolled back")
    else:
        assert house.ended(run).status is RunStatus.INTERRUPTED


def test_a_deleted_thread_frees_its_worker_though_the_graph_ignores_that(house: House) -> None:
    gate = Deaf()
    pool = house.pool(chain(first, gate.deaf, second), concurrency=1)
    run = house.run(house.thread())
    gate.wait_until_reached()
    with capture_logs() as logs:
        house.do(house.threads.delete, "", run.thread_id)
        following = house.run(house.thread())
        gate.wait_until_reached()
        gate.opened.set()
        assert house.ended(following).status is RunStatus.SUCCESS
        house.wait_until(lambda: "run_gone" in [entry["event"] for entry in logs], "the graph ended at last")
    state = asyncio.run(pool.graphs.state("agent", run.thread_id))  # type: ignore[attr-defined]
    assert state.checkpoint is None, "nothing of the deleted thread came back"
    assert pool.stop(GRACE)
