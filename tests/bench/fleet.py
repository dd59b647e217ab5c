"""What more servers and more workers on one PostgreSQL bring."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg

from bench import calls, servers
from bench.calls import CRONS, clock
from bench.jobs import GRPC, Job
from bench.lateness import Soon
from bench.load import Load
from bench.pairs import run
from bench.seeding import Bench
from bench.servers import Address
from bench.table import Row, absolute, compared
from cronlane.v1 import common_pb2
from ledger import EPOCH
from serving import wait_until

RUNS = 300
ROUNDS = 2
FLEETS = {"1 server": (1, 0), "2 servers": (2, 0), "1 server, 1 worker": (1, 1), "1 server, 3 workers": (1, 3)}
ALONE = "1 server"
ENDED = "SELECT ended_at FROM runs WHERE scheduled_for = %s AND ended_at IS NOT NULL"


def sharing(bench: Bench) -> Iterator[Row]:
    """So many runs due at one instant: how late they are made, and when the last of them has ended."""
    late: dict[str, list[float]] = {name: [] for name in FLEETS}
    ended: dict[str, list[float]] = {name: [] for name in FLEETS}
    with servers.postgres_databases() as databases:
        for _ in range(ROUNDS):
            for name, (serving, working) in FLEETS.items():
                with databases.lent() as url:
                    lag, end = fired(bench.load, url, serving, working)
                late[name].append(lag)
                ended[name].append(end)
    for name in FLEETS:
        what = f"{RUNS} runs due together, PostgreSQL, {name}"
        yield absolute(f"fleet/lag/{name}", f"{what}: tick to run row, p99", "ms", late[name])
        if name == ALONE:
            yield absolute(f"fleet/ended/{name}", f"{what}: tick to last run finished", "s", ended[name])
        else:
            key = f"fleet/ended/{name}"
            yield compared(key, f"{what}: tick to last run finished", "s", ended[name], ALONE, ended[ALONE])


def fired(load: Load, database: str, serving: int, working: int) -> tuple[float, float]:
    """The 99th percentile of the lag in milliseconds, and seconds to the end of the last run."""
    with ExitStack() as stack:
        folders = [Path(stack.enter_context(TemporaryDirectory())) for _ in range(serving + working)]
        served = [stack.enter_context(servers.cronlane(each, database)) for each in folders[:serving]]
        for each in folders[serving:]:
            stack.enter_context(servers.worker(each, database))
        at = clock.now().replace(microsecond=0) + timedelta(seconds=6)
        due = (at - EPOCH) // timedelta(microseconds=1)
        address = Address.of(served[0].grpc)
        created = f"{CRONS}/CreateCron"
        run(load, Job(GRPC, address.host, address.port, [due_at(at)] * RUNS, seconds=60, method=created, repeat=False))
        assert clock.now() < at, "the crons were made too slowly"
        late = Soon(served[0].grpc, database, {at: RUNS}).watched()[0].within(99)
        with psycopg.connect(database, autocommit=True) as connection:

            def over() -> list[int]:
                rows = connection.execute(ENDED, (due,)).fetchall()
                return [end for (end,) in rows] if len(rows) == RUNS else []

            ended = wait_until(over, description="the runs have ended", within=90, every=0.25)
    return late, (max(ended) - due) / 1e6


def due_at(at: datetime) -> bytes:
    made = calls.create_cron(f"{at.minute} {at.hour} {at.day} {at.month} * {at.second}")
    made.cron.on_run_completed = common_pb2.ON_COMPLETION_KEEP
    return made.SerializeToString()
