"""The ticks that came due while nobody was there to fire them: which are run late, and which were missed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import islice, takewhile

from cronlane_service.domain.immutable import immutable
from cronlane_service.domain.models import TickOutcome
from cronlane_service.domain.policies import CatchUp, Policies
from cronlane_service.domain.timetable import Timetable

CAUGHT_UP = 1000
"""So many of the newest missed ticks does ``catch_up`` ALL run; older ones are missed."""
_COUNTED = 10_000  # missed ticks: enough for a week of a per-minute cron, and less than half a second's work
_MICROSECOND = timedelta(microseconds=1)
_SECOND = timedelta(seconds=1)
_AWAY = "while the scheduler was not running"


@immutable
class PlannedTick:
    """A tick that is to be written. ``count`` > 1: it stands for later missed ones too."""

    scheduled_for: datetime
    outcome: TickOutcome
    reason: str | None = None
    count: int = 1


def ticks_from(timetable: Timetable, due: datetime, after: datetime, until: datetime) -> Iterator[datetime]:
    """The first due instant, which need not be a tick of the schedule any more, and the ticks that follow it."""
    if after < due:
        yield due
    yield from timetable.between(max(after, due) + _MICROSECOND, until)


def backlog(
    policies: Policies, timetable: Timetable, due: datetime, until: datetime, now: datetime, limit: int, most: int
) -> list[PlannedTick]:
    """The ticks from ``due`` to ``until``: at most ``most`` to be fired, at most ``limit`` rows of missed ones."""
    boundary = _first_to_run(policies, timetable, due, until, now)
    missed = missed_ticks(timetable, due, until, boundary, _reason(policies, boundary), limit)
    if boundary is None:
        return missed
    late = f"due {_AWAY}; fired late"
    late_ones = islice(ticks_from(timetable, due, boundary - _MICROSECOND, until), most)
    return [*missed, *(PlannedTick(tick, TickOutcome.FIRED, late) for tick in late_ones)]


def missed_ticks(
    timetable: Timetable, due: datetime, until: datetime, boundary: datetime | None, reason: str, limit: int
) -> list[PlannedTick]:
    """A row for each tick from ``due`` to ``until`` that is before the boundary; the last stands for more than fit."""
    ticks = ticks_from(timetable, due, due - _MICROSECOND, until)
    ticks = takewhile(lambda tick: boundary is None or tick < boundary, ticks)
    missed = list(islice(ticks, max(_COUNTED, limit)))
    counted = next(ticks, None) is None
    single = missed if counted and len(missed) <= limit else missed[: limit - 1]
    planned = [PlannedTick(tick, TickOutcome.MISSED, reason) for tick in single]
    if rest := missed[len(single) :]:
        planned.append(_closing(rest, reason, counted))
    return planned


def _first_to_run(
    policies: Policies, timetable: Timetable, due: datetime, until: datetime, now: datetime
) -> datetime | None:
    """The oldest tick to be run late; None: none is."""
    if policies.catch_up is CatchUp.SKIP:
        return None
    newest = timetable.last(due, until) or due
    since = due if policies.catch_up_window is None else max(due, now - policies.catch_up_window)
    if newest < since:
        return None
    return newest if policies.catch_up is CatchUp.LATEST else _oldest_of_newest(timetable, due, since, newest)


def _oldest_of_newest(timetable: Timetable, due: datetime, since: datetime, newest: datetime) -> datetime:
    """The oldest of the last CAUGHT_UP ticks from ``since`` to ``newest``, which is one."""

    def ticks(start: datetime, most: int) -> list[datetime]:
        return list(islice(ticks_from(timetable, due, start - _MICROSECOND, newest), most))

    found = ticks(since, _COUNTED)
    if found[-1] == newest:
        return found[-CAUGHT_UP:][0]
    low, high = since, newest  # from low there are too many, from high there are not
    while high - low > _SECOND:
        middle = low + (high - low) // 2
        if len(ticks(middle, CAUGHT_UP + 1)) > CAUGHT_UP:
            low = middle
        else:
            high = middle
    return ticks(high, 1)[0]


def _reason(policies: Policies, boundary: datetime | None) -> str:
    if policies.catch_up is CatchUp.SKIP:
        return f"missed {_AWAY}; the cron does not catch up"
    if boundary is None:
        return f"missed {_AWAY}; older than the cron catches up"
    if policies.catch_up is CatchUp.ALL:
        return f"missed {_AWAY}; the cron catches up from {boundary.isoformat()}"
    return f"missed {_AWAY}; collapsed into the tick at {boundary.isoformat()}"


def _closing(rest: Sequence[datetime], reason: str, counted: bool) -> PlannedTick:
    number = f"{len(rest)} ticks" if counted else f"at least {len(rest)} ticks, which were not all counted"
    return PlannedTick(rest[0], TickOutcome.MISSED, f"{reason}; stands for {number}", len(rest))
