"""Ten minutes of 100,000 crons, each once an hour: 28 ticks a second. Nothing may grow but the ledger.

Each sample tells how late ticks were committed since the last one, how many runs have not ended, the memory of the
server and the size of its files. The last third of the time is held against the third before it; the first is for
settling.
"""

from __future__ import annotations

import argparse
import json
import sqlite3
import sys
import threading
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import monotonic
from typing import Any

import uuid_utils

sys.path.insert(0, str(Path(__file__).parent.parent))

from bench import seeding, servers
from bench.calls import CRONS, clock, create_cron
from bench.jobs import GRPC, Job, percentile
from bench.load import Load
from bench.pairs import run
from bench.servers import Address
from serving import Served

HOUR = 3600
MEGABYTE = 1e6
A_TICK = 700  # bytes that a tick's row may take in the file, with its indexes
SLACK = 12.0  # MB by which files breathe: the log of what is written, pages that are free
MEMORY = 10.0  # MB by which memory may differ from one third to the other
LAG = 2.0  # times


@dataclass(frozen=True)
class Sample:
    """``late``: milliseconds, of each tick since the last sample; sizes in megabytes."""

    second: float
    late: list[float]
    waiting: int
    memory: float
    files: float


def main() -> int:
    options = argparse.ArgumentParser(prog="make bench-soak", description=__doc__)
    options.add_argument("--crons", type=int, default=100_000)
    options.add_argument("--minutes", type=float, default=10)
    options.add_argument("--every", type=float, default=20, help="seconds between two samples")
    told = options.parse_args()
    with TemporaryDirectory() as folder:
        fill(Path(folder), told.crons)
        with servers.cronlane(Path(folder), CRONLANE_LOG_FORMAT="json") as served:
            samples = watch(served, told.minutes * 60, told.every)
    faults = grown(samples)
    print("\n".join(f"FAILED: {fault}" for fault in faults) or "nothing grew but the ledger")
    return 1 if faults else 0


def fill(folder: Path, crons: int) -> None:
    """As many at each second of the hour."""
    with servers.cronlane(folder) as served, Load() as load:
        address = Address.of(served.grpc)
        one = [create_cron("0 0 1 1 *").SerializeToString()]
        run(load, Job(GRPC, address.host, address.port, one, 1, seconds=9, method=f"{CRONS}/CreateCron", repeat=False))
    with closing(sqlite3.connect(served.database)) as database, database:
        database.row_factory = sqlite3.Row
        template = dict(database.execute("SELECT * FROM crons").fetchone())
        database.execute("DELETE FROM crons")
        first = clock.now().replace(microsecond=0) + timedelta(seconds=20)
        rows = [hourly(template, first + timedelta(seconds=number % HOUR)) for number in range(crons)]
        seeding.insert(database, "crons", rows)


def hourly(template: dict[str, Any], at: datetime) -> dict[str, Any]:
    instant = int(at.timestamp()) * 1_000_000
    schedule = f"{at.minute} * * * * {at.second}"
    own = {"cron_id": str(uuid_utils.uuid7()), "schedule": schedule, "next_run_date": instant, "due_at": instant}
    return template | own


def watch(served: Served, seconds: float, every: float) -> list[Sample]:
    began, told = monotonic(), 0
    samples: list[Sample] = []
    print(f"{'s':>6} {'ticks':>7} {'p50 ms':>8} {'p99 ms':>8} {'waiting':>8} {'memory MB':>10} {'files MB':>9}")
    while (second := monotonic() - began) < seconds:
        threading.Event().wait(min(every, seconds - second))
        lines = served.log.read_text().splitlines()
        late = lateness(lines[told:])
        told = len(lines)
        sample = Sample(monotonic() - began, late, waiting(served), servers.resident(served.process.pid), size(served))
        samples.append(sample)
        p50, p99 = (percentile(late, percent) if late else 0.0 for percent in (50, 99))
        print(
            f"{sample.second:>6.0f} {len(late):>7} {p50:>8.1f} {p99:>8.1f} {sample.waiting:>8} "
            f"{sample.memory:>10.1f} {sample.files:>9.1f}",
            flush=True,
        )
    return samples


def lateness(lines: Sequence[str]) -> list[float]:
    """Of each tick, as the server's log tells it for each batch once that is committed."""
    told = [json.loads(line) for line in lines if '"ticks_decided"' in line]
    return [each["late_ms"] for each in told for _ in range(each.get("fired", 0))]


def waiting(served: Served) -> int:
    """Runs that have not ended."""
    with closing(sqlite3.connect(f"file:{served.database}?mode=ro", uri=True)) as database:
        active = "SELECT count(*) FROM runs WHERE status = 'pending' OR status = 'running'"
        return int(database.execute(active).fetchone()[0])


def size(served: Served) -> float:
    return sum(file.stat().st_size for file in served.database.parent.iterdir()) / MEGABYTE


def grown(samples: Sequence[Sample]) -> list[str]:
    """What was more in the last third than in the one before."""
    third = len(samples) // 3
    if third == 0:
        return ["there were too few samples"]
    before, last = samples[third : 2 * third], samples[2 * third :]
    faults = []
    was, now = (percentile([late for each in part for late in each.late] or [0.0], 99) for part in (before, last))
    if now > LAG * was:
        faults.append(f"p99 of the lag went from {was:.1f} to {now:.1f} ms")
    was, now = (median(each.waiting for each in part) for part in (before, last))
    if now > 2 * was + 100:
        faults.append(f"runs that wait went from {was:.0f} to {now:.0f}")
    was, now = (median(each.memory for each in part) for part in (before, last))
    if now > was + MEMORY:
        faults.append(f"memory went from {was:.1f} to {now:.1f} MB")
    was, now = (median(each.files for each in part) for part in (before, last))
    ledger = sum(len(each.late) for each in samples[third:]) * A_TICK / MEGABYTE
    if now > was + ledger + SLACK:
        faults.append(f"files went from {was:.1f} to {now:.1f} MB, of which the ledger takes {ledger:.1f} at most")
    return faults


if __name__ == "__main__":
    sys.exit(main())
