"""The pool over the real store, with real graphs: what it claims, and how runs end."""

from __future__ import annotations

import asyncio
import json
import sys
from datetime import timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from cronlane_service.domain.clock import SystemClock
from cronlane_service.domain.models import ThreadStatus
from cronlane_service.domain.ports import Transaction
from cronlane_service.domain.runs import CancelAction, RunStatus
from cronlane_service.runner.worker import Worker
from cronlane_service.usecases.attempts import Attempts
from runner.house import GRACE, House, steps
from runner.sample import Gate, Steps, chain, failing, first


def test_a_pending_run_is_executed_and_its_end_is_on_run_and_thread(house: House) -> None:
    run = house.run(house.thread())
    with capture_logs() as logs:
        house.pool(chain(first))
        ended = house.ended(run)
        assert house.pools[0].stop(GRACE)
    assert (ended.status, ended.attempt, ended.error) == (RunStatus.SUCCESS, 1, None)
    thread = house.do(house.threads.get, "", run.thread_id)
    assert (thread.status, thread.values) == (ThreadStatus.IDLE, '{"steps":["input","first"]}')
    events = [entry for entry in logs if entry.get("run_id") == run.run_id]
    assert [entry["event"] for entry in events] == ["run_started", "run_ended"]
    assert {"thread_id", "cron_id", "attempt"} <= set(events[0])
    assert [e["event"] for e in logs if e["event"].startswith("runner")] == ["runner_started", "runner_stopped"]
    assert "input" not in json.dumps(logs, default=str)


def test_a_run_made_later_wakes_the_pool(house: House) -> None:
    house.pool(chain(first))
    assert house.ended(house.run(house.thread())).status is RunStatus.SUCCESS


def test_a_delayed_run_starts_at_its_instant(house: House) -> None:
    house.pool(chain(first))
    run = house.run(house.thread(), after=timedelta(seconds=0.3))
    ended = house.ended(run)
    assert ended.started_at is not None
    assert timedelta(0) <= ended.started_at - run.created_at < timedelta(seconds=2)


def test_a_failing_run_touches_no_other(house: House) -> None:
    def sometimes(state: Steps) -> Steps:
        return failing(state) if "bad" in state["steps"] else {"steps": ["good"]}

    house.pool(chain(sometimes))
    runs = [house.run(house.thread(), input=json.dumps({"steps": [kind]})) for kind in ("bad", "x", "bad", "x")]
    ended = [house.ended(run) for run in runs]
    assert [run.status.value for run in ended] == ["error", "success", "error", "success"]
    assert ended[0].error is not None
    assert (ended[0].error.error, ended[0].error.message) == ("ValueError", "no such luck")


@pytest.mark.parametrize("kind", ["sync", "async"])
@pytest.mark.parametrize("way", [sys.exit, KeyboardInterrupt, asyncio.CancelledError])
def test_a_graph_that_wants_everything_to_end_only_ends_its_run(house: House, kind: str, way: Any) -> None:
    def leaving(state: Steps) -> Steps:
        raise way(3) if isinstance(way, type) else SystemExit(3)

    async def leaving_async(state: Steps) -> Steps:
        return leaving(state)

    house.pool(chain(leaving if kind == "sync" else leaving_async))
    for run in (house.run(house.thread()), house.run(house.thread())):
        ended = house.ended(run)
        assert ended.status is RunStatus.ERROR
        assert ended.error is not None
        assert ended.error.error in {"SystemExit", "KeyboardInterrupt", "NodeCancelledError"}


class Looking(Attempts):
    """Counts how often a worker asks what has become of its runs."""

    looks = 0

    def held(self, tx: Transaction, worker: str) -> Any:
        self.looks += 1
        return super().held(tx, worker)


async def asleep(worker: Worker) -> None:
    while worker.wake.is_set() or worker._ticking.locked():  # noqa: ASYNC110 - nobody says so
        await asyncio.sleep(0)


def test_who_executes_as_many_runs_as_it_may_is_not_woken_by_new_ones_and_takes_them_afterwards(house: House) -> None:
    gate, attempts = Gate(), Looking(SystemClock(), ["agent"])
    first_run = house.run(house.thread())
    pool = house.pool(chain(gate.waiting), concurrency=1, attempts=attempts)
    gate.wait_until_reached()
    assert pool._worker is not None

    def looks() -> int:
        asyncio.run_coroutine_threadsafe(asleep(pool._worker), pool._ready.result()).result(10)
        return attempts.looks

    before = looks()
    later = [house.run(house.thread()) for _ in range(3)]
    assert looks() == before
    house.do(house.runs.cancel, "", first_run.thread_id, first_run.run_id, CancelAction.INTERRUPT)
    assert house.ended(first_run).status is RunStatus.INTERRUPTED
    gate.opened.set()
    assert [house.ended(run).status for run in later] == [RunStatus.SUCCESS] * 3


def test_runs_of_one_thread_go_one_after_the_other(house: House) -> None:
    house.pool(chain(first))
    thread_id = house.thread()
    runs = [house.run(thread_id) for _ in range(5)]
    ended = [house.ended(run) for run in runs]
    assert [run.started_at for run in ended] == sorted(run.started_at for run in ended)  # type: ignore[type-var]
    assert steps(house.do(house.threads.get, "", thread_id).values) == ["input", "first"] * 5


@pytest.mark.parametrize("kind", ["waiting", "blocking"])
def test_no_more_runs_go_at_once_than_the_limit(house: House, kind: str) -> None:
    gate = Gate()
    house.pool(chain(getattr(gate, kind)), concurrency=2)
    runs = [house.run(house.thread()) for _ in range(4)]
    gate.wait_until_reached()
    gate.wait_until_reached()
    assert not gate.reached.acquire(timeout=0.2)
    assert sorted(house.find(run).status.value for run in runs) == ["pending", "pending", "running", "running"]  # type: ignore[union-attr]
    gate.opened.set()
    assert {house.ended(run).status for run in runs} == {RunStatus.SUCCESS}
