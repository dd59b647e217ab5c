"""How long a thousand runs take that are due together, against plain LangGraph's time for as many `ainvoke`s."""

from __future__ import annotations

import argparse
import asyncio
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import psycopg
from langgraph_sdk import get_client

sys.path.insert(0, str(Path(__file__).parent.parent))

from cronlane_service.domain.clock import SystemClock
from ledger import EPOCH
from serving import Served, wait_until

AT_ONCE = 16  # requests, while crons are made
QUESTION = {"messages": [{"role": "user", "content": "What time is it?"}]}
COUNTED = """
SELECT count(*), count(ended_at), max(ended_at) - min(scheduled_for), count(CASE status WHEN 'error' THEN 1 END)
FROM runs WHERE scheduled_for = """
PLAIN = Path(__file__).with_name("plain_runs.py")


@dataclass(frozen=True)
class Case:
    """``database``: a URL of an empty PostgreSQL, or "" for a SQLite file. ``at_once``: runs that execute together."""

    runs: int = 1000
    at_once: int = 10
    database: str = ""


@dataclass
class Times:
    """Seconds, round by round: from the tick to the last run's end; and plain LangGraph's."""

    ours: list[float] = field(default_factory=list)
    plain: list[float] = field(default_factory=list)

    @property
    def ratios(self) -> list[float]:
        return [ours / plain for ours, plain in zip(self.ours, self.plain, strict=True)]

    def __str__(self) -> str:
        low, high = min(self.ratios), max(self.ratios)
        return (
            f"ours {median(self.ours):.2f} s, plain LangGraph {median(self.plain):.2f} s, "
            f"ratio {median(self.ratios):.2f} ({low:.2f} to {high:.2f})"
        )


def measure(case: Case, rounds: int) -> Times:
    """In turns, each on a new server and in a new file; PostgreSQL is given by the case and filled up."""
    times = Times()
    for number in range(rounds):
        measured: list[Callable[[], None]] = [
            lambda: times.ours.append(fired(case)),
            lambda: times.plain.append(invoked(case)),
        ]
        for each in measured if number % 2 else reversed(measured):
            each()
    return times


def invoked(case: Case) -> float:
    command = [sys.executable, str(PLAIN), case.database, str(case.runs), str(case.at_once)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def fired(case: Case) -> float:
    """From the instant that all crons name to the end of the last run."""
    database = ["--database", case.database] if case.database else []
    with TemporaryDirectory() as folder:
        server = Served(Path(folder), *database, CRONLANE_CONCURRENCY=str(case.at_once))
        try:
            return asyncio.run(_fired(case, server))
        finally:
            server.stop()


async def _fired(case: Case, server: Served) -> float:
    async with get_client(url=server.url) as client:
        at = await _due_together(client, case.runs)
        found = await asyncio.to_thread(_ended, case, server, at)
        assert found is not None
        return found


async def _due_together(client: Any, crons: int) -> datetime:
    """The instant, a few seconds after the last cron was made."""
    at = SystemClock().now().replace(microsecond=0) + timedelta(seconds=5 + crons // 100)
    schedule = f"{at.minute} {at.hour} {at.day} {at.month} * {at.second}"
    gate = asyncio.Semaphore(AT_ONCE)

    async def one() -> None:
        async with gate:
            await client.crons.create("agent", schedule=schedule, input=QUESTION, on_run_completed="keep")

    await asyncio.gather(*(one() for _ in range(crons)))
    assert SystemClock().now() < at, "the crons were made too slowly"
    return at


def _ended(case: Case, server: Served, at: datetime) -> float:
    due = (at - EPOCH) // timedelta(microseconds=1)

    def ended() -> float | None:
        runs, over, took, failed = _counted(case, server, due)
        assert not failed
        return took / 1e6 if runs == over == case.runs else None

    within = 30 + case.runs / 20
    return wait_until(ended, description="the runs have ended", within=within, every=0.25) or 0.0


def _counted(case: Case, server: Served, due: int) -> tuple[int, int, int, int]:
    if case.database:
        with psycopg.connect(case.database) as connection:
            found = connection.execute(f"{COUNTED} %s".encode(), (due,)).fetchone()
    else:
        with closing(sqlite3.connect(f"file:{server.database}?mode=ro", uri=True)) as connection:
            found = connection.execute(f"{COUNTED} ?", (due,)).fetchone()
    assert found is not None
    return found


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--runs", type=int, default=1000)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--at-once", type=int, nargs="*", default=[10])
    options.add_argument("--database", default="", help="an empty PostgreSQL; default: a SQLite file")
    wanted = options.parse_args()
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; {wanted.runs} runs, {wanted.rounds} rounds")
    for at_once in wanted.at_once:
        found = measure(Case(wanted.runs, at_once, wanted.database), wanted.rounds)
        print(f"{at_once:>4} at once: {found}", flush=True)


if __name__ == "__main__":
    main()
