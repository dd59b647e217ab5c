"""Cron expressions: the local times that they name, whatever the zone.

croniter reads every expression, and enumerates the times where days are no plain lists.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from croniter import CroniterBadDateError, croniter

from cronlane_service.domain.calendars import Calendar

_LONGEST = 256  # characters: croniter's cost grows with the length
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
class Expression:
    """Hours, minutes and seconds are in ascending order.

    ``every_minute`` and ``every_hour``: whether these fields start with ``*``.
    """

    hours: Sequence[int]
    minutes: Sequence[int]
    seconds: Sequence[int]
    every_minute: bool
    every_hour: bool
    _local: croniter[datetime]  # a template: only copies of it are moved
    _calendar: Calendar | None  # None: its days are not plain lists

    @classmethod
    def read(cls, text: str) -> Expression:
        """Raises ValueError and OverflowError, also for one that never comes."""
        fields = _fields(text)
        local = _enumerator(fields)
        times = (_values(local, _HOUR, 24), _values(local, _MINUTE, 60), _values(local, _SECONDS, 60))
        every_minute, every_hour = fields[_MINUTE].startswith("*"), fields[_HOUR].startswith("*")
        return cls(*times, every_minute, every_hour, local, _calendar(local, times))

    def next(self, wall: datetime) -> datetime | None:
        """The first local time strictly after that one; None: there is none any more."""
        if self._calendar is not None and (found := self._calendar.next(wall)) is not None:
            return found
        walls = copy.copy(self._local)
        walls.set_current(wall)
        try:
            return walls.get_next(datetime)
        except CroniterBadDateError:
            return None


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
