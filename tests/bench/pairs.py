"""The same calls to two servers, one after the other, and again the other way round."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from bench.jobs import GRPC, Job, Result
from bench.load import Load
from bench.servers import Address, cpu
from bench.table import Row, Target, compared

PHASE = 0.4
"""Seconds of a job: short, and many of them, since what else the machine does comes and goes."""


class MeasuredNothing(Exception):
    """Calls failed that should not have."""


@dataclass
class Pairs:
    """What two servers did, round by round."""

    ours: list[Result] = field(default_factory=list)
    theirs: list[Result] = field(default_factory=list)

    def add(self, pair: tuple[Result, Result]) -> tuple[Result, Result]:
        ours, theirs = pair
        self.ours.append(ours)
        self.theirs.append(theirs)
        return pair

    def rate(self, key: str, what: str, against: str, target: Target | None = None) -> Row:
        ours, theirs = ([each.rate for each in side] for side in (self.ours, self.theirs))
        return compared(key, what, "/s", ours, against, theirs, target)

    def p99(self, key: str, what: str, against: str, target: Target | None = None) -> Row:
        ours, theirs = ([each.p99 * 1000 for each in side] for side in (self.ours, self.theirs))
        return compared(key, what, "ms", ours, against, theirs, target)

    def cpu(self, key: str, what: str, against: str) -> Row:
        """Of the servers, a call."""
        ours, theirs = ([each.server_cpu / each.calls * 1e6 for each in side] for side in (self.ours, self.theirs))
        return compared(key, what, "µs", ours, against, theirs)


def run(load: Load, job: Job, server: int = 0) -> Result:
    """``server``: the process whose CPU is noted. Raises MeasuredNothing when a call fails."""
    before = cpu(server) if server else 0.0
    result = load.run(job)
    if result.errors or not result.calls:
        raise MeasuredNothing(f"{job.method or job.calls[0][:60]!r}: {result.errors or 'no calls'}")
    result.server_cpu = cpu(server) - before if server else 0.0
    return result


class Wire:
    """Our server beside the bare echo, over gRPC."""

    def __init__(self, load: Load, echo: Address, ours: Address) -> None:
        self._load, self._echo, self._ours = load, echo, ours
        self._sizes: dict[str, int] = {}  # of the replies, by method
        self._ours_first = True

    def pair(
        self, method: str, calls: list[bytes], callers: int, *, repeat: bool = True, keep: bool = False
    ) -> tuple[Result, Result]:
        """Ours and the echo's, which gets the same messages and answers as many bytes."""
        job = Job(GRPC, self._ours.host, self._ours.port, calls, callers, seconds=PHASE, method=method)
        ours = replace(job, repeat=repeat, keep=keep)
        self._ours_first = not self._ours_first
        if method in self._sizes and not self._ours_first:
            echoed = self._echoed(job)
            return run(self._load, ours, self._ours.process), echoed
        mine = run(self._load, ours, self._ours.process)
        self._sizes[method] = mine.reply_size
        return mine, self._echoed(job)

    def _echoed(self, job: Job) -> Result:
        method = f"/echo/{self._sizes[job.method]}"
        there = replace(job, host=self._echo.host, port=self._echo.port, method=method)
        return run(self._load, there, self._echo.process)
