"""What is kept only for a while goes, in small transactions."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from builders import FakeClock, counting_ids
from cronlane_service.domain.drafts import ThreadDraft
from cronlane_service.domain.errors import StoreUnavailable
from cronlane_service.domain.lifetimes import Ttl
from cronlane_service.domain.ports import Transaction
from cronlane_service.scheduler import sweeper
from cronlane_service.scheduler.stranded import Stranded
from cronlane_service.scheduler.sweeper import Sweeper
from cronlane_service.usecases.attempts import Attempts
from cronlane_service.usecases.threads import Threads


def test_a_sweep_goes_on_until_nothing_is_left(database: Any) -> None:
    clock = FakeClock()
    threads = Threads(clock, counting_ids())
    for minutes in (1, 1, 1, 90):
        draft = ThreadDraft(ttl=Ttl(timedelta(minutes=minutes)))
        database.submit(lambda tx, draft=draft: threads.create(tx, "", draft)).result(10)
    batches: list[int] = []

    def expire(tx: Transaction) -> int:
        batches.append(threads.expire(tx, 2))
        return batches[-1]

    sweeper = Sweeper(database, Attempts(clock, ["agent"]).sweep, expire)
    assert sweeper.tick() == 0
    clock.advance(hours=1)
    assert sweeper.tick() == 3
    assert batches == [0, 2, 1, 0]
    clock.advance(hours=1)
    assert sweeper.tick() == 1


def test_a_sweeper_that_was_stopped_sweeps_nothing(database: Any) -> None:
    sweeper = Sweeper(database, lambda tx: 1)
    sweeper.start()
    sweeper.stop()
    assert sweeper.tick() == 0


def test_a_sweep_that_fails_does_not_end_the_sweeper(database: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweeper, "EVERY", timedelta(milliseconds=1))
    swept = threading.Event()
    faults = iter([ZeroDivisionError(), StoreUnavailable("gone")])

    def sweep(tx: Transaction) -> int:
        if (fault := next(faults, None)) is not None:
            raise fault
        swept.set()
        return 0

    running = Sweeper(database, sweep)
    with capture_logs() as logs:
        running.start()
        assert swept.wait(10)
        running.stop()
    assert [entry["event"] for entry in logs] == ["sweep_failed"] * 2


def test_a_graph_that_runs_wait_for_in_vain_is_told_once(database: Any) -> None:
    waiting = ["gone"]
    sweeper = Sweeper(database, Stranded(lambda tx: waiting).tell)
    with capture_logs() as logs:
        assert [sweeper.tick(), sweeper.tick()] == [0, 0]
        waiting.append("lost")
        sweeper.tick()
    assert [(entry["event"], entry["graph_id"]) for entry in logs] == [
        ("graph_missing", "gone"),
        ("graph_missing", "lost"),
    ]
