"""Leases, fencing, and a database that is away."""

from __future__ import annotations

import asyncio
import dataclasses
import threading
from concurrent.futures import Future
from datetime import timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from cronlane_service.domain.clock import SystemClock
from cronlane_service.domain.errors import StoreUnavailable
from cronlane_service.domain.ports import Topic
from cronlane_service.domain.runs import RunStatus
from cronlane_service.usecases.attempts import Attempts
from runner.house import GRACE, House
from runner.sample import Gate, Steps, chain, first


def test_a_lease_is_kept_while_a_graph_blocks_the_loop(house: House) -> None:
    gate = Gate()

    async def rude(state: Steps) -> Steps:
        return gate.blocking(state)

    house.pool(chain(rude), lease=timedelta(seconds=0.3))
    run = house.run(house.thread())
    gate.wait_until_reached()
    claimed = house.find(run)
    assert claimed is not None
    for _ in range(2):  # longer than the lease that it was claimed with
        before = house.find(run).lease_until  # type: ignore[union-attr]
        renewed = threading.Event()
        while not renewed.wait(0.05):
            if house.find(run).lease_until > before:  # type: ignore[union-attr, operator]
                renewed.set()
    gate.opened.set()
    ended = house.ended(run)
    assert (ended.status, ended.attempt) == (RunStatus.SUCCESS, 1)


def test_an_attempt_that_lost_its_run_writes_nothing(house: House) -> None:
    gate = Gate()

    async def deaf(state: Steps) -> Steps:
        try:
            return await gate.waiting(state)
        except asyncio.CancelledError:
            return {"steps": ["late"]}

    pool = house.pool(chain(deaf))
    run = house.run(house.thread())
    gate.wait_until_reached()
    stolen = dataclasses.replace(house.find(run), attempt=7, worker="another")  # type: ignore[type-var]
    with capture_logs() as logs:
        house.do(lambda tx: (tx.runs.save(stolen), tx.notify(Topic.RUNS)))
        gate.opened.set()
        assert pool.stop(GRACE)
    assert "run_fenced" in [entry["event"] for entry in logs]
    assert house.find(run) == stolen


class Flaky:
    """A database of which some operations fail a number of times."""

    def __init__(self, database: Any) -> None:
        self._database, self.failures = database, 0
        self.failed = threading.Semaphore(0)

    def _maybe(self) -> None:
        if self.failures:
            self.failures -= 1
            self.failed.release()
            raise StoreUnavailable("disk full")

    def submit(self, operation: Any) -> Future[Any]:
        self._maybe()
        return self._database.submit(operation)

    async def write(self, operation: Any) -> Any:
        self._maybe()
        return await self._database.write(operation)

    async def read(self, operation: Any) -> Any:
        self._maybe()
        return await self._database.read(operation)

    def listen(self, topic: Any, listener: Any) -> None:
        self._database.listen(topic, listener)


def test_an_outcome_waits_until_the_database_is_back(house: House) -> None:
    gate, flaky = Gate(), Flaky(house.database)
    house.pool(chain(gate.waiting), database=flaky)
    run = house.run(house.thread())
    gate.wait_until_reached()
    with capture_logs() as logs:
        flaky.failures = 3
        gate.opened.set()
        assert house.ended(run).status is RunStatus.SUCCESS
    assert [entry["event"] for entry in logs].count("run_write_delayed") >= 2
    assert gate.entered == 1


def test_a_pass_that_fails_is_made_again(house: House) -> None:
    flaky = Flaky(house.database)
    with capture_logs() as logs:
        flaky.failures = 1
        house.pool(chain(first), database=flaky)
        assert house.ended(house.run(house.thread())).status is RunStatus.SUCCESS
    assert "runner_delayed" in [entry["event"] for entry in logs]


def test_a_fault_in_a_pass_does_not_end_the_runner(house: House) -> None:
    faults = iter([True])

    class Faulty(Attempts):
        def claim(self, *args: Any) -> Any:
            if next(faults, False):
                raise ZeroDivisionError
            return super().claim(*args)

    with capture_logs() as logs:
        house.pool(chain(first), attempts=Faulty(SystemClock(), ["agent"]))
        assert house.ended(house.run(house.thread())).status is RunStatus.SUCCESS
    assert "runner_pass_failed" in [entry["event"] for entry in logs]


def test_a_broken_checkpoint_file_is_told_at_the_start(house: House) -> None:
    (house.folder / "checkpoints.db").write_bytes(b"no database" * 1000)
    with pytest.raises(StoreUnavailable, match=r"checkpoints\.db"):
        house.pool(chain(first))
