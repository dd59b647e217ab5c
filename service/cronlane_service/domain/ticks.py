"""Ticks: which instants of a cron are due, and what becomes of each.

A tick is its nominal instant. With jitter it is fired later, at its due instant, which is before the next tick.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from itertools import islice

from cronlane_service.domain import timetable
from cronlane_service.domain.backlog import PlannedTick as PlannedTick
from cronlane_service.domain.backlog import backlog, missed_ticks, ticks_from
from cronlane_service.domain.immutable import immutable
from cronlane_service.domain.models import Cron, TickOutcome
from cronlane_service.domain.timetable import Timetable

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@immutable
class Decision:
    """Ticks in ascending order, and the cron's next instant, which can be due too; None: there is none any more."""

    ticks: tuple[PlannedTick, ...]
    next_run_date: datetime | None


def times(cron: Cron) -> Timetable:
    """Raises InvalidField for the cron's schedule or timezone."""
    return timetable.parse(cron.schedule, cron.timezone, cron.policies.dst_policy)


def first(cron: Cron, after: datetime) -> datetime | None:
    """The first tick after that instant; None when there is none any more. Raises InvalidField."""
    following = opening(times(cron), cron.policies.start_time, cron.end_time, after)
    return None if exhausted(cron) else following


def opening(schedule: Timetable, start: datetime | None, end: datetime | None, after: datetime) -> datetime | None:
    """The same of a cron that has not fired yet."""
    return _unless_ended(end, schedule.next(after if start is None else max(after, start - _MICROSECOND)))


def exhausted(cron: Cron, more: int = 0) -> bool:
    """Whether as many ticks were fired as the cron wants in all, with so many more."""
    most = cron.policies.max_runs
    return most is not None and cron.counters.fired + more >= most


def due_at(cron: Cron, tick: datetime | None) -> datetime | None:
    """When a tick is fired: always the same, never before it, and before the next one. Raises InvalidField."""
    jitter = cron.policies.jitter
    if tick is None or not jitter:
        return tick
    following = times(cron).next(tick)
    room = jitter if following is None else min(jitter, following - tick)
    drawn = hashlib.sha256(f"{cron.cron_id}/{(tick - _EPOCH) // _MICROSECOND}".encode()).digest()
    return tick + (room // _MICROSECOND * int.from_bytes(drawn[:8]) >> 64) * _MICROSECOND


def decide(cron: Cron, now: datetime, watching_since: datetime, limit: int = 1000) -> Decision:
    """What becomes of ``next_run_date`` and all ticks after it that are due.

    Of those due before ``watching_since``, when nobody was there to fire them, the cron's ``catch_up`` says which are
    fired. Every later one is. At most ``limit`` are fired and at most ``limit`` rows say what was missed; when more are
    to be fired, the next instant is the first of these. Raises InvalidField for a schedule that cannot be evaluated.
    """
    due = None if exhausted(cron) else _unless_ended(cron.end_time, cron.next_run_date)
    if due is None or due > now:
        return Decision((), due)
    schedule = times(cron)
    until = now if cron.end_time is None else min(now, cron.end_time)
    until = _reached(cron, schedule, due, until, now)
    if until < due:
        return Decision((), due)
    most = limit if cron.policies.max_runs is None else min(limit, cron.policies.max_runs - cron.counters.fired)
    planned: list[PlannedTick] = []
    stale = _reached(cron, schedule, due, min(until, watching_since - _MICROSECOND), watching_since - _MICROSECOND)
    decided = due - _MICROSECOND
    if due <= stale:
        planned = backlog(cron.policies, schedule, due, stale, now, limit, most)
        most -= sum(plan.outcome is TickOutcome.FIRED for plan in planned)
        decided = stale if most else planned[-1].scheduled_for
    for instant in islice(ticks_from(schedule, due, decided, until), most):
        planned.append(PlannedTick(instant, TickOutcome.FIRED))
        decided = instant
    return Decision(tuple(planned), _unless_ended(cron.end_time, schedule.next(max(decided, due))))


def is_single(due: datetime, following: datetime | None, now: datetime, watching_since: datetime) -> bool:
    """Whether `decide` fires that one tick of a plain cron, which is due, and goes on with the one that follows it."""
    return due >= watching_since and (following is None or following > now)


def missed(cron: Cron, now: datetime, reason: str, limit: int = 1000) -> list[PlannedTick]:
    """Rows for the ticks from ``next_run_date`` on that came due and are not to be run. Raises InvalidField."""
    due = _unless_ended(cron.end_time, cron.next_run_date)
    if due is None or due > now:
        return []
    until = now if cron.end_time is None else min(now, cron.end_time)
    return missed_ticks(times(cron), due, until, None, reason, limit)


def _unless_ended(end: datetime | None, instant: datetime | None) -> datetime | None:
    ended = end is not None and instant is not None and instant > end
    return None if ended else instant


def _reached(cron: Cron, schedule: Timetable, due: datetime, until: datetime, now: datetime) -> datetime:
    """``until``, or just before the newest tick till then if its jitter holds that one back until after now."""
    if not cron.policies.jitter or until < due:
        return until
    newest = schedule.last(due, until) or due
    fired_at = due_at(cron, newest)
    return until if fired_at is not None and fired_at <= now else newest - _MICROSECOND
