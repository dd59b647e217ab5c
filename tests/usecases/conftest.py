"""The use cases over a real SQLite file, with a clock that stands still."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from builders import FakeClock, counting_ids, cron_draft
from cronlane_service.domain.models import Cron
from cronlane_service.domain.policies import Policies
from cronlane_service.domain.runs import Outcome, Run, RunStatus
from cronlane_service.usecases.assistants import Assistants
from cronlane_service.usecases.attempts import Attempts
from cronlane_service.usecases.bursts import Burst
from cronlane_service.usecases.crons import Crons
from cronlane_service.usecases.runs import Runs
from cronlane_service.usecases.threads import Threads
from cronlane_service.usecases.ticks import Ticks


@pytest.fixture
def house(clock: FakeClock, do: Callable[..., Any]) -> SimpleNamespace:
    """Every use case, with the graph `agent` known."""
    new_id, burst = counting_ids(), Burst()
    house = SimpleNamespace(
        assistants=Assistants(clock, new_id, ["agent"]),
        threads=Threads(clock, new_id),
        crons=Crons(clock, new_id),
        runs=Runs(clock, new_id),
        attempts=Attempts(clock, ["agent"], burst=burst),
        ticks=Ticks(clock, new_id, burst=burst),
    )
    do(house.assistants.sync)
    return house


@pytest.fixture
def create(house: SimpleNamespace, do: Callable[..., Any]) -> Callable[..., Cron]:
    """Makes crons: create("0 * * * *", overlap=..., thread_id=...)."""

    def create(schedule: str = "* * * * *", **changes: Any) -> Cron:
        said = {name: changes.pop(name) for name in list(changes) if name in Policies.__slots__}
        made: Cron = do(house.crons.create, "", cron_draft(schedule, policies=Policies(**said), **changes))
        return made

    return create


@pytest.fixture
def work(house: SimpleNamespace, do: Callable[..., Any]) -> Callable[..., list[Run]]:
    """Claims what can be claimed and ends each attempt in the given way."""
    from datetime import timedelta

    def work(outcome: Outcome | None = None) -> list[Run]:
        claimed = do(house.attempts.claim, "worker", timedelta(seconds=30), 100)
        for run in claimed:
            assert do(house.attempts.finish, run, outcome or Outcome(RunStatus.SUCCESS, values='{"n": 1.0}'))
        return list(claimed)

    return work
