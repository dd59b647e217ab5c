"""What time it is for a database that several machines share."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import NamedTuple

# Counts on while the machine sleeps, and no step of its clock moves it.
_TICKING = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class _Sample(NamedTuple):
    instant: datetime
    ticking: float  # seconds, when it was that instant
    doubt: float  # seconds


class DatabaseClock:
    """The database's clock, told by this machine's ticking since it was last asked.

    It is off by at most half the round trip of the best of three questions, and by what a quartz drifts until the next
    ones: with a question every five seconds and 500 ppm that is 2.5 milliseconds. A step of the database's own clock is
    noticed at the next question; a step of this machine's clock is not noticed at all.
    """

    def __init__(self) -> None:
        self._sample: _Sample | None = None

    @property
    def doubt(self) -> timedelta:
        """How far off the last answer may have been."""
        return timedelta(seconds=self._latest.doubt)

    def now(self) -> datetime:
        sample = self._latest
        return sample.instant + timedelta(seconds=ticking() - sample.ticking)

    def ask(self, instant: Callable[[], datetime], times: int = 3) -> None:
        """Sets the clock by the answer that came back soonest."""
        samples = []
        for _ in range(times):
            before = ticking()
            answer = instant()
            after = ticking()
            samples.append(_Sample(answer, (before + after) / 2, (after - before) / 2))
        self._sample = min(samples, key=lambda sample: sample.doubt)

    @property
    def _latest(self) -> _Sample:
        assert self._sample is not None, "it is asked when the database is opened"
        return self._sample


def ticking() -> float:
    return time.clock_gettime(_TICKING)
