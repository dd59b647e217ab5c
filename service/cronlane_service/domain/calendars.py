"""The local times of a cron expression, found by arithmetic where its fields are plain lists.

croniter moves from field to field by relative deltas, which takes longer than all else that is done to make a cron.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Sequence
from datetime import date, datetime, time, timedelta

from cronlane_service.domain.immutable import immutable

_DAY = timedelta(days=1)
_FOUR_DAYS = timedelta(days=4)
_NEAR = timedelta(days=400)
"""How far days are looked at: a year and some. What comes more seldom is left to croniter."""
_LAST = date.max - _NEAR - timedelta(days=31)


@immutable
class Calendar:
    """Months, days and weekdays (0 is Sunday), None: every one; hours, minutes and seconds in ascending order."""

    months: Collection[int] | None
    days: Collection[int] | None
    weekdays: Collection[int] | None
    hours: Sequence[int]
    minutes: Sequence[int]
    seconds: Sequence[int]

    def next(self, wall: datetime) -> datetime | None:
        """The first local time strictly after that one; None: it is not near, or beyond the calendar."""
        day = wall.date()
        if self._has(day) and (later := self._later(wall.hour, wall.minute, wall.second)) is not None:
            return datetime.combine(day, later)
        if day >= _LAST:
            return None
        until = day + _NEAR
        while (day := self._after(day)) <= until:
            if self._has(day):
                return datetime.combine(day, time(self.hours[0], self.minutes[0], self.seconds[0]))
        return None

    def _after(self, day: date) -> date:
        """The day after it, or the first of the month after one in which there is no tick."""
        if self.months is None or day.month in self.months:
            return day + _DAY
        return (day.replace(day=28) + _FOUR_DAYS).replace(day=1)

    def _has(self, day: date) -> bool:
        if self.months is not None and day.month not in self.months:
            return False
        if self.days is None:
            return self.weekdays is None or day.isoweekday() % 7 in self.weekdays
        if day.day in self.days:
            return True
        return self.weekdays is not None and day.isoweekday() % 7 in self.weekdays  # both restricted: either is enough

    def _later(self, hour: int, minute: int, second: int) -> time | None:
        """The first time of a day strictly after that one."""
        for next_hour in self.hours[bisect_left(self.hours, hour) :]:
            if next_hour > hour:
                return time(next_hour, self.minutes[0], self.seconds[0])
            for next_minute in self.minutes[bisect_left(self.minutes, minute) :]:
                if next_minute > minute:
                    return time(hour, next_minute, self.seconds[0])
                place = bisect_right(self.seconds, second)
                if place < len(self.seconds):
                    return time(hour, minute, self.seconds[place])
        return None
