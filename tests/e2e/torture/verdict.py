"""Whether what was written is what had to be: each tick once, each run once, each end once."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from operator import attrgetter

from e2e.torture.journal import Entry
from e2e.torture.population import Planted
from ledger import WrittenTick

CLOCKS = 0.5  # seconds by which the reckoning of a lease's end may differ between two processes
SKIPPED = {"skip": "skipped_overlap", "reject": "skipped_busy"}
WITH_RUN = "fired"
SETTLED, IN_TIME = 6.0, 2.0  # seconds: to be itself again after it was disturbed, and to fire


def crons(planted: Sequence[Planted], made: Sequence[str]) -> Iterator[str]:
    """Each cron that somebody was told of is there, and no other: what is asked for again is not made again."""
    told = Counter(cron.cron_id for cron in planted)
    yield from (f"cron {cron_id} is gone" for cron_id in told.keys() - set(made))
    yield from (f"cron {cron_id} was made, and nobody was told" for cron_id in set(made) - told.keys())
    yield from (f"cron {cron_id} answered {times} requests" for cron_id, times in told.items() if times > 1)


def ticks(crons: Sequence[Planted], ledger: Sequence[WrittenTick]) -> Iterator[str]:
    """What is wrong with the ledger: each tick that the oracle names has one row, and no other has any."""
    rows: defaultdict[str, list[WrittenTick]] = defaultdict(list)
    for row in ledger:
        rows[row.cron_id].append(row)
    for cron in crons:
        written, expected = rows.pop(cron.cron_id, []), set(cron.expected())
        seen = Counter(row.scheduled_for for row in written)
        yield from (f"no row: {cron} at {at}" for at in sorted(expected - set(seen)))
        yield from (f"a row for no tick: {cron} at {at}" for at in sorted(set(seen) - expected))
        yield from (f"{times} rows: {cron} at {at}" for at, times in seen.items() if times > 1)
        fired = {row.scheduled_for: row for row in written if row.outcome == WITH_RUN}
        for row in written:
            yield from _row(cron, row, fired)
    yield from (f"rows of an unknown cron: {cron_id}" for cron_id in rows)


def _row(cron: Planted, row: WrittenTick, fired: dict[datetime, WrittenTick]) -> Iterator[str]:
    where = f"{cron} at {row.scheduled_for}: {row.outcome}, {row.reason}"
    if row.count != 1:
        yield f"it stands for {row.count} ticks: {where}"
    if row.decided_at < row.scheduled_for - timedelta(milliseconds=50):
        yield f"decided at {row.decided_at}, too early: {where}"
    if (row.outcome == WITH_RUN) != (row.run_id is not None):
        yield f"run {row.run_id}: {where}"
    if row.outcome == "missed":
        yield from _missed(cron, row, fired, where)
    elif row.outcome != WITH_RUN and row.outcome != SKIPPED.get(
        cron.body.get("overlap") or cron.body.get("multitask_strategy", "")
    ):
        yield f"an outcome that this cron cannot have: {where}"


def _missed(cron: Planted, row: WrittenTick, fired: dict[datetime, WrittenTick], where: str) -> Iterator[str]:
    """Of a cron that catches up none; of one that runs the latest, that one was run in its place."""
    catch_up = cron.body.get("catch_up", "latest")
    if catch_up == "all":
        yield f"missed by a cron that catches up on all: {where}"
    may_skip = cron.body.get("overlap") == "skip" or cron.body.get("multitask_strategy") == "reject"
    if catch_up == "latest" and not may_skip and not any(_stands_for(later, row) for later in fired.values()):
        yield f"collapsed into nothing: {where}"


def _stands_for(later: WrittenTick, missed: WrittenTick) -> bool:
    named = (missed.reason or "").endswith(later.scheduled_for.isoformat())
    return named and later.scheduled_for > missed.scheduled_for and later.decided_at >= missed.decided_at


def late(ledger: Sequence[WrittenTick], watched: Sequence[tuple[float, float]]) -> int:
    """How many ticks were missed, or fired as such that had been, while a server was there that had time to fire them.

    That is no fault: on a busy machine the one that watched may have been held up.
    """
    behind = [row for row in ledger if row.outcome == "missed" or (row.outcome == WITH_RUN and row.reason is not None)]
    due = [row.scheduled_for.timestamp() for row in behind]
    return sum(any(since + SETTLED < at < until - IN_TIME for since, until in watched) for at in due)


def runs(ledger: Sequence[WrittenTick], journal: Sequence[Entry]) -> Iterator[str]:
    """What is wrong with the runs: each tick that fired has one, and each has one end, by the attempt that owned it."""
    made = {entry.run_id: entry for entry in journal if entry.operation == "INSERT"}
    keys = Counter((entry.cron_id, entry.scheduled_for) for entry in made.values())
    yield from (f"{times} runs of one tick: {key}" for key, times in keys.items() if times > 1)
    fired = {row.run_id: row for row in ledger if row.run_id is not None}
    yield from (f"a tick whose run was never made: {fired[run_id]}" for run_id in fired.keys() - made.keys())
    yield from (f"a run of no tick: {made[run_id]}" for run_id in made.keys() - fired.keys())
    histories = groupby(sorted(journal, key=attrgetter("run_id")), attrgetter("run_id"))
    for run_id, entries in histories:
        yield from _history(run_id, list(entries), fired.get(run_id))


def _history(run_id: str, entries: Sequence[Entry], tick: WrittenTick | None) -> Iterator[str]:
    told = ", ".join(f"{entry.was}→{entry.status or 'deleted'} ({entry.attempt})" for entry in entries)
    ends = [entry for entry in entries if entry.ends]
    if len(ends) != 1:
        yield f"run {run_id} ended {len(ends)} times: {told}"
        return
    attempts = [entry.attempt for entry in entries if entry.claims]
    if attempts != list(range(1, len(attempts) + 1)):
        yield f"attempts of run {run_id} out of order: {told}"
    if attempts and ends[0].attempt != attempts[-1]:
        yield f"run {run_id} was ended by attempt {ends[0].attempt}: {told}"
    if tick is not None and ends[0].status is not None and tick.run_status != ends[0].status:
        yield f"the tick of run {run_id} says {tick.run_status}: {told}"
    for entry in entries:
        if entry.takes_over and (entry.lease_left or 0) > CLOCKS:
            yield f"run {run_id} was taken from an attempt with {entry.lease_left} s of its lease left: {told}"


def outcomes(crons: Sequence[Planted], journal: Sequence[Entry]) -> Iterator[str]:
    """Each run succeeds, but where the cron wants runs cancelled."""
    cancels = {cron.cron_id for cron in crons if cron.body.get("multitask_strategy") in ("interrupt", "rollback")}
    for entry in journal:
        if entry.ends and entry.status != "success" and entry.cron_id not in cancels:
            yield f"run {entry.run_id} ended as {entry.status}"


def one_at_a_time(journal: Sequence[Entry]) -> Iterator[str]:
    """A thread runs one run at a time."""
    running: dict[str, str] = {}
    for entry in journal:
        holder = running.get(entry.thread_id)
        if entry.status == "running":
            if holder not in (None, entry.run_id):
                yield f"run {entry.run_id} began on thread {entry.thread_id} while {holder} was running"
            running[entry.thread_id] = entry.run_id
        elif holder == entry.run_id:
            del running[entry.thread_id]


def marks(journal: Sequence[Entry], states: dict[str, list[str]]) -> Iterator[str]:
    """Each run that succeeded on a thread left each of its marks once in its state, in the order of their ends."""
    succeeded: defaultdict[str, list[str]] = defaultdict(list)
    cancelled = {entry.run_id for entry in journal if entry.ends and entry.status == "interrupted"}
    for entry in journal:
        if entry.ends and entry.status == "success":
            succeeded[entry.thread_id] += [f"{entry.run_id} first", f"{entry.run_id} second"]
    for thread_id, state in states.items():
        whole = [mark for mark in state if mark.split()[0] not in cancelled]  # these left what they had done
        if whole != succeeded[thread_id]:
            yield f"thread {thread_id} has {whole}, not {succeeded[thread_id]}"


def witnessed(journal: Sequence[Entry], lines: Sequence[str]) -> Iterator[str]:
    """Each step of a run that succeeded was taken, and not more often than there were attempts."""
    taken = Counter(tuple(line.split()[:2]) for line in lines)
    attempts = Counter(entry.run_id for entry in journal if entry.claims)
    for entry in journal:
        if not (entry.ends and entry.status == "success"):
            continue
        for step in ("first", "second"):
            times = taken[entry.run_id, step]
            if not 1 <= times <= attempts[entry.run_id]:
                yield f"{step} of run {entry.run_id} was taken {times} times in {attempts[entry.run_id]} attempts"
