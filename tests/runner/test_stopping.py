"""An orderly stop: time to end, then back to the queue."""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress
from datetime import timedelta
from types import SimpleNamespace

import pytest
from structlog.testing import capture_logs

from cronlane_service.domain.runs import RunStatus
from runner.house import GRACE, NO_GRACE, House, steps
from runner.sample import Gate, Steps, chain, first, second


def test_stopping_gives_runs_under_way_their_time(house: House) -> None:
    gate = Gate()
    pool = house.pool(chain(gate.waiting))
    run, later = house.run(house.thread()), None
    gate.wait_until_reached()
    stopping = threading.Thread(target=pool.stop, args=(GRACE,))
    stopping.start()
    later = house.run(house.thread())
    gate.opened.set()
    stopping.join(20)
    assert not stopping.is_alive()
    assert house.find(run).status is RunStatus.SUCCESS  # type: ignore[union-attr]
    assert house.find(later).status in (RunStatus.PENDING, RunStatus.SUCCESS)  # type: ignore[union-attr]


@pytest.mark.parametrize("kind", ["waiting", "blocking"])
def test_after_the_grace_a_run_is_handed_back_and_the_next_worker_goes_on(house: House, kind: str) -> None:
    gate = Gate()
    graph = chain(first, getattr(gate, kind), second)
    pool = house.pool(graph)
    run = house.run(house.thread(), durability="sync")
    gate.wait_until_reached()
    with capture_logs() as logs:
        assert pool.stop(timedelta(seconds=0.1)) is (kind == "waiting")
    assert [e["event"] for e in logs if e.get("run_id") == run.run_id] == ["run_handed_back"]
    handed_back = house.find(run)
    assert handed_back is not None
    assert (handed_back.status, handed_back.worker) == (RunStatus.PENDING, None)
    gate.opened.set()
    house.pool(graph)
    assert house.ended(run).status is RunStatus.SUCCESS
    assert steps(house.do(house.threads.get, "", run.thread_id).values) == ["input", "first", kind, "second"]


def test_a_node_that_does_not_let_itself_be_cancelled_is_handed_back_all_the_same(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cronlane_service.runner.worker.CLEANING_UP", timedelta(seconds=0.2))
    gate = Gate()

    async def deaf(state: Steps) -> Steps:
        with suppress(asyncio.CancelledError):
            return await gate.waiting(state)
        return await gate.waiting(state)

    pool = house.pool(chain(deaf))
    run = house.run(house.thread())
    gate.wait_until_reached()
    pool.stop(NO_GRACE)
    assert house.find(run).status is RunStatus.PENDING  # type: ignore[union-attr]
    gate.opened.set()


def test_no_thread_is_left_after_a_stop(house: House) -> None:
    before = SimpleNamespace(names={thread.name for thread in threading.enumerate()})
    pool = house.pool(chain(first))
    house.ended(house.run(house.thread()))
    assert pool.stop(GRACE)
    assert pool.stop(GRACE)
    left = {t.name for t in threading.enumerate() if not t.name.startswith("cronlane-node")} - before.names
    assert {name for name in left if "reader" not in name} == set()
