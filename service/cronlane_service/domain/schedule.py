"""Schedules: the instants that a cron expression names in a time zone.

croniter reads the expression and enumerates local times; which instants these are is decided here, because croniter's
own answer loses ticks or doubles them where a zone changes its offset:

- A local time that is skipped (spring) runs at the end of the gap, once for all that the gap swallows. When the hour
  field starts with ``*`` the schedule follows real time, and what is skipped does not exist.
- A local time that comes twice (autumn) runs the first time. When the minute or the hour field starts with ``*`` it
  runs both times.

A DstPolicy can say otherwise: gap SKIP lets what is skipped not come at all; fold FIRST, LAST and BOTH hold for every
expression.
"""

from __future__ import annotations

import copy
import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache, lru_cache
from itertools import product
from zoneinfo import ZoneInfo, available_timezones

from croniter import CroniterBadDateError, croniter

from cronlane_service.domain.calendars import Calendar
from cronlane_service.domain.errors import InvalidField
from cronlane_service.domain.policies import DstPolicy, Fold, Gap
from cronlane_service.domain.zones import shift_around

_LONGEST = 256  # characters: croniter's cost grows with the length
_SECOND = timedelta(seconds=1)
_MICROSECOND = timedelta(microseconds=1)
_PLAIN = DstPolicy()

# Ticks are looked for between these; arithmetic on local times stays far from the ends of the calendar.
_EARLIEST = datetime(1900, 1, 1, tzinfo=UTC)
_LATEST = datetime(9900, 1, 1, tzinfo=UTC)
_BEFORE_ALL_YEARS = datetime(1969, 12, 31, 23, 59, 59, tzinfo=UTC).replace(tzinfo=None)  # year fields begin with 1970

# Longest search for a tick. A 29 February on a given weekday can be 40 years away, a year field's first from 1900 199.
_YEARS, _YEARS_OF_A_YEAR_FIELD = 50, 200

ALIASES = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}

_MONTHS = {"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"}
_WEEKDAYS = {"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

# By position: what the field is called, and the words that may stand in it. Others croniter would take, as random.
_FIELDS: tuple[tuple[str, set[str]], ...] = (
    ("minute", set()),
    ("hour", set()),
    ("day-of-month", {"l", "w"}),
    ("month", _MONTHS),
    ("day-of-week", _WEEKDAYS | {"l"}),
    ("second", set()),
    ("year", set()),
)
_MINUTE, _HOUR, _DAY, _MONTH, _WEEKDAY, _SECONDS, _YEAR = range(7)


@dataclass(frozen=True, slots=True)
class Schedule:
    """A cron expression, understood, in a time zone (None: UTC). Instants are aware, in UTC, in whole seconds.

    Day-of-month and day-of-week, both restricted: either is enough.
    """

    expression: str
    timezone: str | None
    _zone: ZoneInfo = field(repr=False, compare=False)
    _local: croniter[datetime] = field(repr=False, compare=False)  # a template: only copies of it are moved
    _calendar: Calendar | None = field(repr=False, compare=False)  # None: its days are not plain lists
    _times: tuple[Sequence[int], ...] = field(repr=False, compare=False)  # hours, minutes, seconds
    _skips_gaps: bool = field(repr=False, compare=False)
    _fold: Fold = field(repr=False, compare=False)  # not BY_EXPRESSION
    dst: DstPolicy = field(default=_PLAIN, repr=False)
    _found: list[tuple[datetime, datetime | None]] = field(default_factory=list, repr=False, compare=False)
    """At most one: an instant, and the first tick after it. It is that of every instant in between too."""

    @classmethod
    def parse(cls, expression: str, timezone: str | None, dst: DstPolicy = _PLAIN) -> Schedule:
        """Raises InvalidField naming ``schedule`` or ``timezone``; a schedule that never comes is invalid too."""
        return _parse(expression, timezone, dst)

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
        tick = self._wall_after(wall)
        if shift and not here.fold and self._fold is Fold.BOTH and (tick is None or tick >= shift.upper):
            tick = self._wall_after(shift.lower - _SECOND)  # the first pass is done, the second one begins
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
        hours, minutes, seconds = self._times
        for hour, minute, second in product(hours[bisect_left(hours, here.hour) :], minutes, seconds):
            later = start + timedelta(seconds=hour * 3600 + minute * 60 + second)
            if later > tick:
                yield later

    def _wall_after(self, wall: datetime) -> datetime | None:
        if self._calendar is not None and (found := self._calendar.next(wall)) is not None:
            return found
        walls = copy.copy(self._local)
        walls.set_current(wall)
        try:
            return walls.get_next(datetime)
        except CroniterBadDateError:
            return None

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
        return self._instant(self._wall_after(shift.upper - _SECOND), after)


@lru_cache(maxsize=1024)
def _parse(expression: str, timezone: str | None, dst: DstPolicy) -> Schedule:
    try:
        fields = _fields(expression)
        local = _enumerator(fields)
    except (ValueError, OverflowError) as error:
        shown = expression if len(expression) <= _LONGEST else expression[:_LONGEST] + "..."
        message = f"Invalid cron schedule: '{shown}'. Reason: {error}"
        raise InvalidField("schedule", f"is not a valid cron schedule: {error}", message) from error
    minute, hour = fields[0].startswith("*"), fields[1].startswith("*")
    times = (_values(local, _HOUR, 24), _values(local, _MINUTE, 60), _values(local, _SECONDS, 60))
    fold = dst.fold
    if fold is Fold.BY_EXPRESSION:
        fold = Fold.BOTH if minute or hour else Fold.FIRST
    skips_gaps = hour or dst.gap is Gap.SKIP
    return Schedule(expression, timezone, _zone(timezone), local, _calendar(local, times), times, skips_gaps, fold, dst)


def _calendar(local: croniter[datetime], times: tuple[Sequence[int], ...]) -> Calendar | None:
    if not _is_plain(local):
        return None
    days, months, weekdays = (
        None if local.expanded[index] == ["*"] else frozenset(int(value) for value in local.expanded[index])
        for index in (_DAY, _MONTH, _WEEKDAY)
    )
    return Calendar(months, days, weekdays, *times)


def _is_plain(local: croniter[datetime]) -> bool:
    """Whether month, day and weekday are numbers, and all years alike."""
    special = local.nth_weekday_of_month or local.nearest_weekday or "l" in local.expanded[_DAY]
    return not special and len(local.expanded) <= _YEAR


def _fields(expression: str) -> Sequence[str]:
    """In lower case, aliases replaced. Raises ValueError."""
    if len(expression) > _LONGEST:
        raise ValueError(f"it is longer than {_LONGEST} characters")
    text = expression.strip(" \t").lower()
    fields = re.split("[ \t]+", ALIASES.get(text, text)) if text else []
    if text.startswith("@") and text not in ALIASES:
        raise ValueError(f"the aliases are {', '.join(ALIASES)}")
    if not 5 <= len(fields) <= 7:
        raise ValueError(f"it has {len(fields)} fields, not 5, 6 (the last: seconds) or 7 (the last: years)")
    for content, (name, words) in zip(fields, _FIELDS, strict=False):
        if content == "*" or (content.isdecimal() and content.isascii()):
            continue
        if not re.fullmatch("[0-9a-z*/,#?-]+", content):
            raise ValueError(f"'{content}' is not acceptable in the {name} field")
        if unknown := set(re.findall("[a-z]+", content)) - words:
            raise ValueError(f"'{min(unknown)}' is not acceptable in the {name} field")
    return fields


def _enumerator(fields: Sequence[str]) -> croniter[datetime]:
    """Enumerates the local times. Raises ValueError and OverflowError."""
    whole = _build(fields)
    kept = [whole]
    if whole.expanded[_DAY][0] != "*" and whole.expanded[_WEEKDAY][0] != "*":
        if whole.nth_weekday_of_month or whole.nearest_weekday:
            raise ValueError("with #, W or a last weekday, day-of-month and day-of-week cannot both be set")
        # Each half by itself: one that never comes would be searched for, for years, at every step.
        kept = [_build(_with_any(fields, _WEEKDAY)), _build(_with_any(fields, _DAY))]
    coming = kept if _surely_comes(whole) else [candidate for candidate in kept if _comes(candidate)]
    if not coming:
        raise ValueError("failed to find next date: it never comes")
    return whole if len(coming) == len(kept) else coming[0]


def _with_any(fields: Sequence[str], index: int) -> Sequence[str]:
    return [*fields[:index], "*", *fields[index + 1 :]]


def _build(fields: Sequence[str]) -> croniter[datetime]:
    years = _YEARS_OF_A_YEAR_FIELD if len(fields) > _YEAR and fields[_YEAR] != "*" else _YEARS
    return croniter(" ".join(fields), _BEFORE_ALL_YEARS, datetime, max_years_between_matches=years)


def _surely_comes(whole: croniter[datetime]) -> bool:
    """Without looking for a tick: every month has one of the days, or every day can be one of the weekdays."""
    days = whole.expanded[_DAY]
    if not _is_plain(whole):
        return False
    return days == ["*"] or (whole.expanded[_WEEKDAY] == ["*"] and all(int(day) < 29 for day in days))


def _comes(local: croniter[datetime]) -> bool:
    try:
        copy.copy(local).get_next(datetime)
    except CroniterBadDateError:
        return False
    return True


def _values(local: croniter[datetime], index: int, size: int) -> Sequence[int]:
    if index >= len(local.expanded):
        return (0,)
    content = local.expanded[index]
    return range(size) if "*" in content else [int(value) for value in content]


def _zone(timezone: str | None) -> ZoneInfo:
    if timezone is not None and timezone not in _zone_names():
        message = (
            f"Invalid timezone: '{timezone[:_LONGEST]}'. Use IANA timezone format, for example 'America/New_York'."
        )
        raise InvalidField("timezone", "must be the name of an IANA time zone", message)
    return ZoneInfo(timezone or "UTC")


@cache
def _zone_names() -> frozenset[str]:
    # What the machine calls local is no zone of IANA's, and not the same on every server.
    return frozenset(available_timezones() - {"localtime", "posixrules"})
