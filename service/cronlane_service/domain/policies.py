"""How a cron is to deal with time: bounds, spread, daylight saving, what was missed, what overlaps, what fails."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

from cronlane_service.domain.errors import InvalidField
from cronlane_service.domain.immutable import immutable


class Gap(StrEnum):
    """What becomes of a fixed local time that a change of the clock skips."""

    SHIFT = "shift"  # it comes at the end of the gap
    SKIP = "skip"


class Fold(StrEnum):
    """What becomes of a local time that a change of the clock repeats."""

    BY_EXPRESSION = "by_expression"  # fixed times come the first time, those that follow real time both times
    FIRST = "first"
    LAST = "last"
    BOTH = "both"


class CatchUp(StrEnum):
    """Which of the ticks that nobody was there to fire are run late."""

    LATEST = "latest"
    SKIP = "skip"
    ALL = "all"


class Overlap(StrEnum):
    """What a tick of a stateless cron does while an earlier run of the cron is unfinished."""

    ALLOW = "allow"
    SKIP = "skip"
    QUEUE = "queue"


@immutable
class DstPolicy:
    gap: Gap = Gap.SHIFT
    fold: Fold = Fold.BY_EXPRESSION


_PLAIN = DstPolicy()


@immutable
class Policies:
    """The defaults are what a cron does of which nothing else was said."""

    start_time: datetime | None = None
    max_runs: int | None = None
    jitter: timedelta = timedelta(0)
    dst_policy: DstPolicy = _PLAIN
    catch_up: CatchUp = CatchUp.LATEST
    catch_up_window: timedelta | None = None
    overlap: Overlap = Overlap.ALLOW
    pause_after_failures: int | None = None


DEFAULT = Policies()
LONGEST_JITTER = timedelta(days=1)


def check(policies: Policies, end_time: datetime | None, stateless: bool) -> None:
    """Raises InvalidField naming what is out of bounds."""
    if policies.start_time is not None and end_time is not None and policies.start_time > end_time:
        raise InvalidField("start_time", "must not be after end_time")
    if not timedelta(0) <= policies.jitter <= LONGEST_JITTER:
        raise InvalidField("jitter", f"must be from 0 to {LONGEST_JITTER // timedelta(seconds=1)} seconds")
    if policies.catch_up_window is not None and policies.catch_up_window < timedelta(0):
        raise InvalidField("catch_up_window", "must be 0 or more")
    for name in ("max_runs", "pause_after_failures"):
        if (number := getattr(policies, name)) is not None and number < 1:
            raise InvalidField(name, "must be 1 or more")
    if not stateless and policies.overlap is not Overlap.ALLOW:
        raise InvalidField("overlap", "is for stateless crons; on a thread multitask_strategy decides")
