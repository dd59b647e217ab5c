"""Ticks: which instants of a cron are due, and what becomes of each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice, takewhile

from cronlane_service.domain.models import Cron, TickOutcome
from cronlane_service.domain.schedule import Schedule

_COUNTED = 10_000  # missed ticks: enough for a week of a per-minute cron, and less than half a second's work
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class PlannedTick:
    """A tick that is to be written. ``count`` > 1: it stands for later missed ones too."""

    scheduled_for: datetime
    outcome: TickOutcome
    reason: str | None = None
    count: int = 1


@dataclass(frozen=True, slots=True)
class Decision:
    """Ticks in ascending order, and the cron's next instant, which can be due too; None: there is none any more."""

    ticks: tuple[PlannedTick, ...]
    next_run_date: datetime | None


def first(cron: Cron, now: datetime) -> datetime | None:
    """The first tick after now; None when the cron has ended. Raises InvalidField for its schedule or timezone."""
    return _unless_ended(cron, Schedule.parse(cron.schedule, cron.timezone).next(now))


def decide(cron: Cron, now: datetime, watching_since: datetime, limit: int = 1000) -> Decision:
    """What becomes of ``next_run_date`` and all ticks after it that are due.

    Of those before ``watching_since``, when nobody was there to fire them, only the newest is fired. Every later one
    is. At most ``limit`` are fired and at most ``limit`` rows say what was missed; when more are to be fired, the next
    instant is the first of these. Raises InvalidField for a schedule that cannot be evaluated.
    """
    due = cron.next_run_date and _unless_ended(cron, cron.next_run_date)
    if due is None or due > now:
        return Decision((), due)
    schedule = Schedule.parse(cron.schedule, cron.timezone)
    until = now if cron.end_time is None else min(now, cron.end_time)
    planned: list[PlannedTick] = []
    if due < watching_since:
        planned = _collapsed(schedule, due, min(until, watching_since - _MICROSECOND), limit)
    fired = 1 if planned else 0
    after = planned[-1].scheduled_for if planned else due - _MICROSECOND
    for instant in islice(_due(schedule, due, after, until), limit - fired):
        planned.append(PlannedTick(instant, TickOutcome.FIRED))
    return Decision(tuple(planned), _unless_ended(cron, schedule.next(planned[-1].scheduled_for)))


def _unless_ended(cron: Cron, instant: datetime | None) -> datetime | None:
    ended = instant is not None and cron.end_time is not None and instant > cron.end_time
    return None if ended else instant


def _due(schedule: Schedule, due: datetime, after: datetime, until: datetime) -> Iterator[datetime]:
    """The first due instant, which need not be a tick of the schedule any more, and the ticks that follow it."""
    if after < due:
        yield due
    yield from schedule.between(max(after, due) + _MICROSECOND, until)


def _collapsed(schedule: Schedule, due: datetime, until: datetime, limit: int) -> list[PlannedTick]:
    """The newest of the ticks is fired, the others were missed."""
    newest = schedule.last(due, until) or due
    ticks = takewhile(lambda tick: tick < newest, _due(schedule, due, due - _MICROSECOND, newest))
    missed = list(islice(ticks, max(_COUNTED, limit)))
    counted = next(ticks, None) is None
    into = f"missed while the scheduler was not running; collapsed into the tick at {newest.isoformat()}"
    single = missed if counted and len(missed) <= limit else missed[: limit - 1]
    planned = [PlannedTick(tick, TickOutcome.MISSED, into) for tick in single]
    if rest := missed[len(single) :]:
        planned.append(_closing(rest, into, counted))
    late = "due while the scheduler was not running; fired late"
    return [*planned, PlannedTick(newest, TickOutcome.FIRED, late)]


def _closing(rest: Sequence[datetime], into: str, counted: bool) -> PlannedTick:
    number = f"{len(rest)} ticks" if counted else f"at least {len(rest)} ticks, which were not all counted"
    return PlannedTick(rest[0], TickOutcome.MISSED, f"{into}; stands for {number}", len(rest))
