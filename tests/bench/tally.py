"""Hands out the calls of a job, and notes what became of them."""

from __future__ import annotations

import asyncio
from time import perf_counter, process_time

from bench.jobs import Job, Result

PATIENCE = 60
"""Seconds that the last calls may take when the time is up."""


class Tally:
    """Shared by the connections of a job. A caller that is handed no call any more is done."""

    def __init__(self, job: Job, calls: list[bytes]) -> None:
        """``calls``: the job's, as they go on the wire."""
        self.job, self.result = job, Result()
        self._calls, self._next, self._under_way = calls, 0, 0
        self._done = asyncio.Event()
        self._cpu, self._started = process_time(), perf_counter()
        self._ends = self._started + job.seconds

    def next(self) -> bytes | None:
        number = self._next
        if perf_counter() >= self._ends or (number >= len(self._calls) and not self.job.repeat):
            if not self._under_way:
                self._done.set()
            return None
        self._next += 1
        self._under_way += 1
        return self._calls[number % len(self._calls)]

    def answered(self, started: float, size: int, body: bytes | None) -> None:
        self._under_way -= 1
        self.result.times.append(perf_counter() - started)
        self.result.reply_size = size
        if body is not None:
            self.result.bodies.append(body)

    def failed(self, how: str, *, calls: int = 1) -> None:
        self._under_way -= calls
        self.result.errors[how] = self.result.errors.get(how, 0) + calls

    def lost(self, calls: int) -> None:
        """A connection has ended with so many calls under way."""
        if calls:
            self.failed("connection lost", calls=calls)
        if not self._under_way:
            self._done.set()

    async def finished(self) -> Result:
        """When the last call has been answered."""
        await asyncio.wait_for(self._done.wait(), self.job.seconds + PATIENCE)
        self.result.seconds = perf_counter() - self._started
        self.result.client_cpu = process_time() - self._cpu
        return self.result
