"""Schedules: the instants that a cron expression names in a time zone.

The expression enumerates local times; which instants these are is decided here, because croniter's own answer loses
ticks or doubles them where a zone changes its offset:

- A local time that is skipped (spring) runs at the end of the gap, once for all that the gap swallows. When the hour
  field starts with ``*`` the schedule follows real time, and what is skipped does not exist.
- A local time that comes twice (autumn) runs the first time. When the minute or the hour field starts with ``*`` it
  runs both times.

A DstPolicy can say otherwise: gap SKIP lets what is skipped not come at all; fold FIRST, LAST and BOTH hold for every
expression.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import field
from datetime import UTC, datetime, timedelta, tzinfo
from functools import cache, lru_cache
from itertools import product
from zoneinfo import ZoneInfo, available_timezones

from cronlane_service.domain.errors import InvalidField
from cronlane_service.domain.expressions import Expression
from cronlane_service.domain.immutable import immutable
from cronlane_service.domain.policies import DstPolicy, Fold, Gap
from cronlane_service.domain.zones import shift_around

_SHOWN = 256  # characters of what was sent, in a message
_SECOND = timedelta(seconds=1)
_MICROSECOND = timedelta(microseconds=1)
_PLAIN = DstPolicy()

# Ticks are looked for between these; arithmetic on local times stays far from the ends of the calendar.
_EARLIEST = datetime(1900, 1, 1, tzinfo=UTC)
_LATEST = datetime(9900, 1, 1, tzinfo=UTC)


@immutable
class Schedule:
    """A cron expression, understood, in a time zone (None: UTC). Instants are aware, in UTC, in whole seconds.

    Day-of-month and day-of-week, both restricted: either is enough.
    """

    expression: str
    timezone: str | None
    _zone: tzinfo = field(repr=False, compare=False)
    _local: Expression = field(repr=False, compare=False)
    _skips_gaps: bool = field(repr=False, compare=False)
    _fold: Fold = field(repr=False, compare=False)  # not BY_EXPRESSION
    dst: DstPolicy = field(default=_PLAIN, repr=False)
    _found: list[tuple[datetime, datetime | None]] = field(default_factory=list, repr=False, compare=False)
    """At most one: an instant, and the first tick after it. It is that of every instant in between too."""

    @classmethod
    def parse(cls, expression: str, timezone: str | None, dst: DstPolicy = _PLAIN) -> Schedule:
        """Raises InvalidField naming ``schedule`` or ``timezone``; a schedule that never comes is invalid too."""
        return _parse(expression, timezone, dst.gap, dst.fold)

    @staticmethod
    def check_timezone(timezone: str | None) -> None:
        """Raises InvalidField naming ``timezone``."""
        _zone(timezone)

    def next(self, after: datetime) -> datetime | None:
        """The first instant strictly after; None: there is none any more."""
        for start, tick in self._found:
            if start <= after and (tick is None or after < tick):
                return tick
        if after >= _LATEST:
            return None
        after = max(after, _EARLIEST).astimezone(UTC).replace(microsecond=0)
        here = after.astimezone(self._zone)
        wall = here.replace(tzinfo=None, fold=0)
        shift = shift_around(wall, self._zone)
        if shift and here.fold and self._fold is Fold.FIRST:
            wall = shift.upper - _SECOND  # the second pass is not for this schedule
        if shift and not shift.skips and not here.fold and self._fold is Fold.LAST:
            wall = shift.lower - _SECOND  # the first pass is not for this schedule
        tick = self._local.next(wall)
        if shift and not here.fold and self._fold is Fold.BOTH and (tick is None or tick >= shift.upper):
            tick = self._local.next(shift.lower - _SECOND)  # the first pass is done, the second one begins
        found = self._instant(tick, after)
        self._found[:] = [(after, found)]
        return found

    def between(self, start: datetime, end: datetime) -> Iterator[datetime]:
        """The instants from start to end, both included, ascending."""
        opening = self.next(max(start, _EARLIEST) - _MICROSECOND)
        while opening is not None:
            for tick in self._day_from(opening):
                if tick > end:
                    return
                yield tick
            opening = self.next(tick)

    def last(self, after: datetime, until: datetime) -> datetime | None:
        """The last instant that is after ``after`` and not after ``until``, found without walking there."""
        found = self.next(after)
        if found is None or found > until:
            return None
        end = until  # between it and until there is none
        while found < end:
            middle = found + (end - found) // _SECOND // 2 * _SECOND
            tick = self.next(middle)
            if tick is None or tick > until:
                end = middle
            else:
                found = tick
        return found

    def _day_from(self, tick: datetime) -> Iterator[datetime]:
        """The tick and the later ones of its local day, without croniter; of a day with a shift only the tick."""
        yield tick
        here = tick.astimezone(self._zone)
        midnight = here.replace(hour=0, minute=0, second=0, fold=0)
        next_midnight = (midnight + timedelta(days=1)).replace(fold=1)  # fold: as it is after a shift across it
        before = (tick - _SECOND).astimezone(self._zone)  # a tick moved to the end of a gap can be of the day before
        if not before.utcoffset() == here.utcoffset() == midnight.utcoffset() == next_midnight.utcoffset():
            return
        start = midnight.astimezone(UTC)
        hours = self._local.hours[bisect_left(self._local.hours, here.hour) :]
        for hour, minute, second in product(hours, self._local.minutes, self._local.seconds):
            later = start + timedelta(seconds=hour * 3600 + minute * 60 + second)
            if later > tick:
                yield later

    def _instant(self, wall: datetime | None, after: datetime) -> datetime | None:
        """When a local time comes: the first time that is after ``after``."""
        if wall is None:
            return None
        shift = shift_around(wall, self._zone)
        if shift is None:
            return wall.replace(tzinfo=self._zone).astimezone(UTC)
        if not shift.skips:
            first = wall.replace(tzinfo=self._zone).astimezone(UTC)
            second = wall.replace(tzinfo=self._zone, fold=1).astimezone(UTC)
            return first if first > after and self._fold is not Fold.LAST else second
        if not self._skips_gaps:
            return shift.instant
        return self._instant(self._local.next(shift.upper - _SECOND), after)


@lru_cache(maxsize=1024)
def _parse(expression: str, timezone: str | None, gap: Gap, said_fold: Fold) -> Schedule:
    try:
        local = Expression.read(expression)
    except (ValueError, OverflowError) as error:
        shown = expression if len(expression) <= _SHOWN else expression[:_SHOWN] + "..."
        message = f"Invalid cron schedule: '{shown}'. Reason: {error}"
        raise InvalidField("schedule", f"is not a valid cron schedule: {error}", message) from error
    fold = said_fold
    if fold is Fold.BY_EXPRESSION:
        fold = Fold.BOTH if local.every_minute or local.every_hour else Fold.FIRST
    skips_gaps = local.every_hour or gap is Gap.SKIP
    return Schedule(expression, timezone, _zone(timezone), local, skips_gaps, fold, DstPolicy(gap, said_fold))


def _zone(timezone: str | None) -> tzinfo:
    if timezone is None or timezone == "UTC":
        return UTC
    if timezone not in _zone_names():
        message = f"Invalid timezone: '{timezone[:_SHOWN]}'. Use IANA timezone format, for example 'America/New_York'."
        raise InvalidField("timezone", "must be the name of an IANA time zone", message)
    return ZoneInfo(timezone)


@cache
def _zone_names() -> frozenset[str]:
    # What the machine calls local is no zone of IANA's, and not the same on every server.
    return frozenset(available_timezones() - {"localtime", "posixrules"})
