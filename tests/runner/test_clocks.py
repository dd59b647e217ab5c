"""Machines whose clocks differ, and one whose clock is put back: a thread's checkpoints stay in order."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import time_machine
from langgraph.checkpoint.base import id as ids

from builders import NOON
from cronlane_service.domain.models import Thread
from cronlane_service.domain.runs import Outcome
from cronlane_service.runner.local import LocalGraphs
from cronlane_service.runner.postgres import PostgresCheckpoints
from cronlane_service.store import open_database
from runner.sample import THREAD, chain, first, loaded, run, second

Execute = Callable[[int, float], Awaitable[Outcome]]


@pytest.fixture(params=["sqlite", "postgres"])
async def execute(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Execute]:
    """Executes a run, by its number, on a machine whose clock is off by so many seconds."""
    shared = request.param == "postgres"
    url = request.getfixturevalue("postgres_url") if shared else str(tmp_path / "cronlane.db")
    database = open_database(url)
    database.migrate()
    database.start()
    await database.write(lambda tx: tx.threads.insert(Thread(THREAD, "", NOON, NOON, NOON)))

    async def execute(number: int, off: float) -> Outcome:
        mine = run(number)
        await database.write(lambda tx: tx.runs.insert_many([mine]))
        graphs = LocalGraphs(
            loaded(chain(first, second)), PostgresCheckpoints(url) if shared else tmp_path / "checkpoints.db"
        )
        await graphs.open()
        monkeypatch.setattr(ids, "_last_v6_timestamp", None)  # as in a process that has made none yet
        there = datetime.now(UTC) + timedelta(seconds=off)  # noqa: TID251 - a machine's own clock
        with time_machine.travel(there, tick=True):
            outcome = await graphs.execute(mine)
        await graphs.close()
        await database.write(lambda tx: tx.runs.delete(mine.run_id))
        return outcome

    yield execute
    database.stop()


@pytest.mark.parametrize("clocks", [(0, -90), (90, 0), (90, -90), (0, -86_400)])
async def test_a_run_on_a_machine_whose_clock_is_behind_continues_the_thread(
    execute: Execute, clocks: tuple[float, float]
) -> None:
    for number, off in enumerate((*clocks, *clocks), 1):
        outcome = await execute(number, off)
        assert outcome.values == '{"steps":[' + ",".join(['"input","first","second"'] * number) + "]}"
