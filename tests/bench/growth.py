"""What a hundred thousand crons cost: creating, finding and reading among them, and doing nothing at all."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

from bench import calls, servers
from bench.calls import CRONS, Schedules
from bench.jobs import GRPC, Job, Result
from bench.load import Load
from bench.pairs import PHASE, Pairs, run
from bench.seeding import Bench
from bench.servers import Address
from bench.table import Row, absolute, at_least, at_most, compared

ROUNDS = 7
SETTLING, IDLE = 5, 15  # seconds
STARTS = 2
FEW, SOME, MANY = 1_000, 10_000, 100_000
PAGES: dict[str, tuple[str, Callable[[list[str]], list[bytes]]]] = {
    "SearchCrons, a quarter matches": ("SearchCrons", lambda _: [calls.search_crons({"team": "night"}, 100)]),
    "SearchCrons, 100 match": ("SearchCrons", lambda _: [calls.search_crons({"number": 3}, 100)]),
    "ListTicks": ("ListTicks", lambda long: [calls.list_ticks(each) for each in long]),
}
"""What is asked for, given the crons with a long ledger."""


def creating(bench: Bench) -> Iterator[Row]:
    """Creates a second among 100,000 and among 10,000."""
    pairs = Pairs()
    with ExitStack() as stack:
        some, many = (stack.enter_context(bench.stored(crons)) for crons in (SOME, MANY))
        for number in range(ROUNDS):
            order = (many, some) if number % 2 else (some, many)
            done = {address: _created(bench.load, address) for address in order}
            pairs.add((done[many], done[some]))
    what = "CreateCron, 16 callers, 100,000 crons stored"
    yield pairs.rate("growth/create", what, "10,000 stored", at_least(0.85))


def _created(load: Load, address: Address) -> Result:
    """And deleted again, so that the next round finds the same."""
    made = run(load, replace(_job(address, "CreateCron", Schedules().mixed(), 16), keep=True))
    deletes = [calls.delete_cron(each) for each in calls.cron_ids(made.bodies)]
    run(load, replace(_job(address, "DeleteCron", deletes, 16), seconds=60, repeat=False))
    return made


def _job(to: Address, method: str, asked: list[bytes], callers: int) -> Job:
    return Job(GRPC, to.host, to.port, asked, callers, seconds=PHASE, method=f"{CRONS}/{method}")


def finding(bench: Bench) -> Iterator[Row]:
    """A page of 100 among 100,000 and among 1,000, one caller."""
    with ExitStack() as stack:
        few, many = (stack.enter_context(bench.stored(crons)) for crons in (FEW, MANY))
        for name, (method, asked) in PAGES.items():
            pairs = Pairs()
            for _ in range(ROUNDS):
                asks = ((many, bench.long[MANY]), (few, bench.long[FEW]))
                ours, theirs = (run(bench.load, _job(to, method, asked(long), 1)) for to, long in asks)
                pairs.add((ours, theirs))
            key = f"growth/{name.lower().replace(', ', '-').replace(' ', '-')}"
            what = f"{name}, page of 100 among 100,000 crons: p99"
            yield absolute(key, what, "ms", [each.p99 * 1000 for each in pairs.ours], at_most(20))
            yield pairs.p99(f"{key}/flat", what, "among 1,000", at_most(1.5))


def idling(bench: Bench) -> Iterator[Row]:
    """With 100,000 crons that are far off, and with none."""
    with ExitStack() as stack:
        folder, empty = bench.folder(MANY), Path(stack.enter_context(TemporaryDirectory()))
        yield from _starting(folder, empty)
        full, none = (stack.enter_context(servers.cronlane(each)).process.pid for each in (folder, empty))
        pause = threading.Event()
        pause.wait(SETTLING)  # what starting has left to do is not idling
        before = [servers.cpu(each) for each in (full, none)]
        pause.wait(IDLE)
        busy, bare = ((servers.cpu(each) - was) / IDLE * 100 for each, was in zip((full, none), before, strict=True))
        what = "idle with 100,000 far-off crons"
        yield absolute("idle/cpu", f"{what}: CPU (with none {bare:.2f} %)", "% of a core", [busy], at_most(0.5))
        memory = servers.resident(full) - servers.resident(none)
        yield absolute("idle/memory", f"{what}: memory above that with none", "MB", [memory], at_most(50))


def _starting(folder: Path, empty: Path) -> Iterator[Row]:
    ready: dict[Path, list[float]] = {folder: [], empty: []}
    for each in (empty, *([folder, empty] * STARTS)):
        began = perf_counter()
        with servers.cronlane(each):
            ready[each].append(perf_counter() - began)
    what = "command to ready with 100,000 far-off crons"
    yield absolute("idle/ready", what, "s", ready[folder], at_most(3))
    yield compared("idle/ready/empty", what, "s", ready[folder], "with none", ready[empty][1:])
