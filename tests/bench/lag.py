"""How late ticks are: the time from the instant a schedule names to the `created_at` of its run."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import tempfile
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from statistics import median, quantiles
from time import monotonic
from typing import Any

from langgraph_sdk import get_client

sys.path.insert(0, str(Path(__file__).parent.parent))

from ledger import EPOCH, Ledger
from serving import Served, wait_until

AT_ONCE = 16  # requests, while crons are made
QUESTION = {"messages": [{"role": "user", "content": "What time is it?"}]}


@dataclass(frozen=True)
class Case:
    """So many crons, all due in the same second, each so many seconds."""

    crons: int
    every: int


@dataclass(frozen=True)
class Measured:
    """Lags in milliseconds; ``started``: until the graph was begun with, half of the runs and the last.

    ``drained``: seconds from the instant until the last of its runs had ended, at worst.
    """

    crons: int
    firings: int
    ticks: int
    p50: float
    p90: float
    p99: float
    max: float
    started_p50: float
    started_max: float
    drained: float


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--crons", type=int, nargs="*", default=[100, 1000])
    options.add_argument("--firings", type=int, default=5)
    options.add_argument("--json", type=Path, help="a file for the numbers")
    wanted = options.parse_args()
    print(
        f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; {wanted.firings} firings each, stateless, threads kept"
    )
    print(
        f"{'crons':>6} {'ticks':>6} {'p50 ms':>8} {'p90 ms':>8} {'p99 ms':>8} {'max ms':>8} "
        f"{'started p50':>12} {'max ms':>8} {'drained s':>10}"
    )
    measured = []
    for crons in wanted.crons:
        found = measure(Case(crons, 10 if crons <= 200 else 30), wanted.firings)
        measured.append(found)
        print(
            f"{found.crons:>6} {found.ticks:>6} {found.p50:>8.1f} {found.p90:>8.1f} {found.p99:>8.1f} "
            f"{found.max:>8.1f} {found.started_p50:>12.1f} {found.started_max:>8.1f} {found.drained:>10.1f}",
            flush=True,
        )
    if wanted.json:
        cores = os.cpu_count()
        wanted.json.write_text(json.dumps({"cores": cores, "lag": [asdict(each) for each in measured]}, indent=2))


def measure(case: Case, firings: int) -> Measured:
    """On a server and a database of its own."""
    with tempfile.TemporaryDirectory() as folder:
        server = Served(Path(folder))
        try:
            complete_at = asyncio.run(create(server.url, case))
            ledger = Ledger(server.database)
            return summary(ledger, case, fired(ledger, case, firings, complete_at))
        finally:
            server.stop()


def fired(ledger: Ledger, case: Case, firings: int, since: datetime) -> list[int]:
    """Waits for so many instants, and for the end of all their runs."""
    within = (firings + 2) * case.every + 120
    wait_until(lambda: len(instants(ledger, since)) > firings, description="the firings", within=within, every=1)
    at = instants(ledger, since)[:firings]
    wait_until(lambda: ended(ledger, at), description="the runs have ended", within=120, every=1)
    return at


async def create(url: str, case: Case) -> datetime:
    """Makes the crons; answers when the last one was there."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(client: Any) -> str:
        async with gate:
            cron = await client.crons.create(
                "agent", schedule=f"* * * * * */{case.every}", input=QUESTION, on_run_completed="keep"
            )
            return str(cron["created_at"])

    async with get_client(url=url) as client:
        made = await asyncio.gather(*(one(client) for _ in range(case.crons)))
    return datetime.fromisoformat(max(made))


def instants(ledger: Ledger, since: datetime) -> list[int]:
    """The ticks' instants at which every cron was there, in microseconds."""
    query = "SELECT DISTINCT scheduled_for FROM ticks WHERE scheduled_for > ? ORDER BY 1"
    return [at for (at,) in ledger.rows(query, (since - EPOCH).total_seconds() * 1_000_000)]


def ended(ledger: Ledger, at: list[int]) -> bool:
    marks = ", ".join("?" for _ in at)
    query = f"SELECT count(*) FROM ticks WHERE run_status IS NULL AND scheduled_for IN ({marks})"
    return ledger.rows(query, *at) == [(0,)]


def summary(ledger: Ledger, case: Case, at: list[int]) -> Measured:
    marks = ", ".join("?" for _ in at)
    columns = ", ".join(f"{name}_at - scheduled_for" for name in ("created", "started", "ended"))
    rows = ledger.rows(f"SELECT {columns} FROM runs WHERE scheduled_for IN ({marks})", *at)
    lags, started = (sorted(row[column] / 1000 for row in rows) for column in (0, 1))
    cuts = quantiles(lags, n=100, method="inclusive")
    drained = max(row[2] for row in rows) / 1_000_000
    begun = (median(started), started[-1])
    return Measured(case.crons, len(at), len(lags), cuts[49], cuts[89], cuts[98], lags[-1], *begun, drained)


if __name__ == "__main__":
    began = monotonic()
    main()
    print(f"took {monotonic() - began:.0f} s")
