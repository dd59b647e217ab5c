"""How late runs are there when many crons are due at the same instant, and what the API does meanwhile.

A run counts from when another connection sees its tick, that is from the commit: that is later than its `created_at`.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg

from bench import bare_disk, calls, due, servers
from bench.calls import CRONS, clock
from bench.jobs import GRPC, Job, Result
from bench.load import Load
from bench.pairs import Pairs, run
from bench.seeding import Bench
from bench.servers import Address
from bench.table import Row, absolute, at_most, compared

BOUNDS = {100: 15.0, 1_000: 30.0, 10_000: 250.0, 100_000: 3_000.0}
"""Milliseconds, by the crons that are due together; on PostgreSQL half as much again."""
SPACES = {100: 1, 1_000: 4, 10_000: 10, 100_000: 60}
"""Seconds until the next instant."""
SEVERAL = (100, 100, 100, 100, 1_000, 1_000, 1_000, 10_000)
STARTING = 3
"""Times that a start may take as long as on the empty database."""
PATIENCE = 60  # seconds
LOOK, LOOK_AGAIN = 0.0005, 0.01
"""Seconds between two looks, and what part of the time that has passed, if that is more: PostgreSQL counts every row,
on a processor that whoever is measured needs."""
UNDER_FIRE = 10_000
CALLING = 0.5  # seconds


@dataclass(frozen=True)
class Firing:
    """One instant: the crons that were due, and what part of their ticks was seen when, in milliseconds after it."""

    crons: int
    seen: list[tuple[float, int]]

    def within(self, percent: float) -> float:
        """Until so many percent of the ticks were there."""
        enough = ceil(self.crons * percent / 100)
        return next(late for late, ticks in self.seen if ticks >= enough)


@contextmanager
def due_soon(folder: Path, postgres: str, together: tuple[int, ...], expressions: int) -> Iterator[Soon]:
    """A server with crons that are due together, so many at each of the next instants."""
    began = time.monotonic()
    with servers.cronlane(folder, postgres) as served:
        starting = max((time.monotonic() - began) * STARTING, 8) + sum(together) // 2_500
        address = Address.of(served.grpc)
        created = f"{CRONS}/CreateCron"
        one = [calls.create_cron("0 0 1 1 *").SerializeToString()]
        with Load() as load:
            run(load, Job(GRPC, address.host, address.port, one, 1, seconds=9, method=created, repeat=False))
    at = clock.now().replace(microsecond=0) + timedelta(seconds=round(starting))
    instants = {}
    for crons in together:
        instants[at] = crons
        at += timedelta(seconds=SPACES[crons])
    due.fill(postgres or served.database, instants, expressions)
    with servers.cronlane(folder, postgres, orderly=False) as served:
        assert clock.now() < min(instants), "it started too late"
        yield Soon(served.grpc, postgres or str(served.database), instants)


@dataclass(frozen=True)
class Soon:
    """The server's address and database, and how many crons are due when."""

    grpc: str
    database: str
    instants: dict[datetime, int]

    def watched(self) -> list[Firing]:
        """Waits for all instants."""
        with looking(self.database) as look:
            return [self._watched(look, at, crons) for at, crons in self.instants.items()]

    def _watched(self, look: Callable[[], int], at: datetime, crons: int) -> Firing:
        pause = threading.Event()
        pause.wait(max((at - clock.now()).total_seconds() - 0.05, 0))
        before, seen = look(), [(0.0, 0)]
        while seen[-1][1] < crons:
            ticks = look() - before
            late = time.time() - at.timestamp()
            assert late < PATIENCE, f"{ticks} of {crons} ticks after {late:.0f} s"
            if ticks > seen[-1][1]:
                seen.append((late * 1000, ticks))
            pause.wait(max(LOOK, late * LOOK_AGAIN))
        return Firing(crons, seen)


@contextmanager
def looking(database: str) -> Iterator[Callable[[], int]]:
    """Counts the ticks that are committed. On SQLite none is deleted here, and counting is one step."""
    if database.startswith("postgresql://"):
        with psycopg.connect(database, autocommit=True) as served:
            yield lambda: int((served.execute("SELECT count(*) FROM ticks").fetchone() or (0,))[0])
    else:
        with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True, isolation_level=None)) as file:
            yield lambda: int(file.execute("SELECT max(rowid) FROM ticks").fetchone()[0] or 0)


def lags(key: str, engine: str, firings: list[Firing], more: float, mix: str = "") -> Iterator[Row]:
    """``more``: by what the bounds are wider."""
    for crons in sorted({firing.crons for firing in firings}):
        same = [firing for firing in firings if firing.crons == crons]
        what = f"tick to run row, {engine}, {crons:,} due at once{mix}"
        bound = at_most(BOUNDS[crons] * more)
        yield absolute(f"lag/{key}/{crons}", f"{what}: p99", "ms", [each.within(99) for each in same], bound)
        yield absolute(f"lag/{key}/{crons}/p50", f"{what}: p50", "ms", [each.within(50) for each in same])


def sqlite(bench: Bench) -> Iterator[Row]:
    """And the last firing against writing its rows with nothing else to do."""
    with TemporaryDirectory() as folder, due_soon(Path(folder), "", SEVERAL, max(SEVERAL)) as soon:
        firings = soon.watched()
        bare = bare_disk.seconds(soon.database, max(soon.instants)) * 1000
    yield from lags("sqlite", "SQLite", firings, 1.0)
    what = f"tick to run row, SQLite, {firings[-1].crons:,} due at once: the last"
    yield compared("lag/disk", what, "ms", [firings[-1].within(100)], "bare sqlite3, same rows", [bare])


def postgres(bench: Bench) -> Iterator[Row]:
    with servers.postgres() as url:
        yield from lags("postgresql", "PostgreSQL", fired(SEVERAL, max(SEVERAL), url), 1.5)


def many(bench: Bench) -> Iterator[Row]:
    yield from lags("sqlite", "SQLite", fired((100_000,), 100_000), 1.0)


def many_alike(bench: Bench) -> Iterator[Row]:
    """As people have them: a hundred crons share an expression."""
    yield from lags("sqlite-alike", "SQLite", fired((100_000,), 1_000), 1.0, ", 1,000 expressions")


def many_postgres(bench: Bench) -> Iterator[Row]:
    with servers.postgres() as url:
        yield from lags("postgresql", "PostgreSQL", fired((100_000,), 100_000, url), 1.5)


def fired(together: tuple[int, ...], expressions: int, postgres: str = "") -> list[Firing]:
    with TemporaryDirectory() as folder, due_soon(Path(folder), postgres, together, expressions) as soon:
        return soon.watched()


def under_fire(bench: Bench) -> Iterator[Row]:
    """GetCron in the half second from the instant at which 10,000 are due, against the quietest one before it."""
    pairs = Pairs()
    for _ in range(2):
        with TemporaryDirectory() as folder, due_soon(Path(folder), "", (UNDER_FIRE,), UNDER_FIRE) as soon:
            pairs.add(called(bench.load, soon))
    what = f"GetCron, SQLite, 4 callers, while {UNDER_FIRE:,} ticks fire"
    yield pairs.p99("lag/api", f"{what}: p99", "quiet", at_most(2.0))


def called(load: Load, soon: Soon) -> tuple[Result, Result]:
    """While the ticks fire, and before."""
    address, [at] = Address.of(soon.grpc), soon.instants
    with closing(sqlite3.connect(f"file:{soon.database}?mode=ro", uri=True)) as file:
        ids = [cron_id for (cron_id,) in file.execute("SELECT cron_id FROM crons LIMIT 1000")]
    gets = [calls.get_cron(each) for each in ids]
    job = Job(GRPC, address.host, address.port, gets, 4, seconds=CALLING, method=f"{CRONS}/GetCron")
    run(load, job)
    # A server that has just begun looks ahead, and has no quiet half second then.
    quiet = min((run(load, job) for _ in range(3)), key=lambda each: each.p99)
    left = (at - clock.now()).total_seconds()
    assert left > 0, "the instant has passed"
    threading.Event().wait(left)
    return run(load, job), quiet
