"""Cron expressions: the local times that they name, whatever the zone.

croniter reads every field, and enumerates the times where days are no plain lists. What it read is remembered: most
expressions that were never seen before are made of minutes, hours and days that were.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache

from croniter import CroniterBadDateError, croniter

from cronlane_service.domain.calendars import Calendar
from cronlane_service.domain.immutable import immutable

_LONGEST = 256  # characters: croniter's cost grows with the length
_BEFORE_ALL_YEARS = datetime(1969, 12, 31, 23, 59, 59, tzinfo=UTC).replace(tzinfo=None)  # year fields begin with 1970

# Longest search for a tick. A 29 February on a given weekday can be 40 years away, a year field's first from 1900 199.
_YEARS, _YEARS_OF_A_YEAR_FIELD = 50, 200

Plain = tuple[frozenset[int] | None, frozenset[int] | None, frozenset[int] | None]
"""Months, days and weekdays; None: every one."""

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


@immutable
class Expression:
    """Hours, minutes and seconds are in ascending order.

    ``every_minute`` and ``every_hour``: whether these fields start with ``*``.
    """

    hours: Sequence[int]
    minutes: Sequence[int]
    seconds: Sequence[int]
    every_minute: bool
    every_hour: bool
    _fields: tuple[str, ...]
    _calendar: Calendar | None  # None: its days are not plain lists

    @classmethod
    def read(cls, text: str) -> Expression:
        """Raises ValueError and OverflowError, also for one that never comes."""
        fields = _fields(text)
        try:
            dates, plain = _dates(fields[_DAY:_SECONDS], fields[_YEAR:])
            minutes, hours = _values(fields[_MINUTE], _MINUTE, 60), _values(fields[_HOUR], _HOUR, 24)
            seconds = _values(fields[_SECONDS], _SECONDS, 60) if len(fields) > _SECONDS else (0,)
        except (ValueError, OverflowError):
            _build(fields)  # says what is wrong of the whole
            raise
        calendar = None if plain is None else Calendar(*plain, hours, minutes, seconds)
        every_minute, every_hour = fields[_MINUTE].startswith("*"), fields[_HOUR].startswith("*")
        kept = (*fields[:_DAY], *dates, *fields[_SECONDS:])
        return cls(hours, minutes, seconds, every_minute, every_hour, kept, calendar)

    def next(self, wall: datetime) -> datetime | None:
        """The first local time strictly after that one; None: there is none any more."""
        if self._calendar is not None and (found := self._calendar.next(wall)) is not None:
            return found
        walls = copy.copy(_enumerator(self._fields))
        walls.set_current(wall)
        try:
            return walls.get_next(datetime)
        except CroniterBadDateError:
            return None


def _is_plain(local: croniter[datetime]) -> bool:
    """Whether month, day and weekday are numbers, and all years alike."""
    special = local.nth_weekday_of_month or local.nearest_weekday or "l" in local.expanded[_DAY]
    return not special and len(local.expanded) <= _YEAR


def _fields(expression: str) -> tuple[str, ...]:
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
    return tuple(fields)


@lru_cache(maxsize=1024)
def _dates(days: tuple[str, ...], years: tuple[str, ...]) -> tuple[tuple[str, ...], Plain | None]:
    """The fields of days, months and weekdays without what never comes, and what is in them if they are plain lists.

    They are read together: what one of them means depends on the others. Raises ValueError and OverflowError.
    """
    midnights = ("0", "0", *days, *(("0", *years) if years else ()))
    coming = _coming(midnights)
    local = _enumerator(coming)
    plain = (_listed(local, _MONTH), _listed(local, _DAY), _listed(local, _WEEKDAY)) if _is_plain(local) else None
    return coming[_DAY:_SECONDS], plain


def _coming(fields: tuple[str, ...]) -> tuple[str, ...]:
    """Without the half of the days that never comes. Raises ValueError and OverflowError."""
    whole = _enumerator(fields)
    kept = [fields]
    if whole.expanded[_DAY][0] != "*" and whole.expanded[_WEEKDAY][0] != "*":
        if whole.nth_weekday_of_month or whole.nearest_weekday:
            raise ValueError("with #, W or a last weekday, day-of-month and day-of-week cannot both be set")
        # Each half by itself: one that never comes would be searched for, for years, at every step.
        kept = [_with_any(fields, _WEEKDAY), _with_any(fields, _DAY)]
    coming = kept if _surely_comes(whole) else [candidate for candidate in kept if _comes(candidate)]
    if not coming:
        raise ValueError("failed to find next date: it never comes")
    return fields if len(coming) == len(kept) else coming[0]


def _with_any(fields: tuple[str, ...], index: int) -> tuple[str, ...]:
    return (*fields[:index], "*", *fields[index + 1 :])


@lru_cache(maxsize=256)
def _enumerator(fields: tuple[str, ...]) -> croniter[datetime]:
    """A template: only copies of it are moved."""
    return _build(fields)


def _build(fields: Sequence[str]) -> croniter[datetime]:
    years = _YEARS_OF_A_YEAR_FIELD if len(fields) > _YEAR and fields[_YEAR] != "*" else _YEARS
    return croniter(" ".join(fields), _BEFORE_ALL_YEARS, datetime, max_years_between_matches=years)


def _surely_comes(whole: croniter[datetime]) -> bool:
    """Without looking for a tick: every month has one of the days, or every day can be one of the weekdays."""
    days = whole.expanded[_DAY]
    if not _is_plain(whole):
        return False
    return days == ["*"] or (whole.expanded[_WEEKDAY] == ["*"] and all(int(day) < 29 for day in days))


def _comes(fields: tuple[str, ...]) -> bool:
    try:
        copy.copy(_enumerator(fields)).get_next(datetime)
    except CroniterBadDateError:
        return False
    return True


def _listed(local: croniter[datetime], index: int) -> frozenset[int] | None:
    content = local.expanded[index]
    return None if content == ["*"] else frozenset(int(value) for value in content)


@lru_cache(maxsize=1024)
def _values(content: str, index: int, size: int) -> Sequence[int]:
    """Of a field of times. Raises ValueError."""
    read = _build([*("*" * index), content, *("*" * (_WEEKDAY - index))]).expanded[index]
    return range(size) if "*" in read else [int(value) for value in read]
