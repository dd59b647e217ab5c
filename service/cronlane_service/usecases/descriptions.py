"""Schedules in words."""

from __future__ import annotations

from cron_descriptor import ExpressionDescriptor, FormatError, MissingFieldError

from cronlane_service.domain.expressions import ALIASES
from cronlane_service.domain.timetable import Every, Once, parse


def describe(schedule: str, timezone: str | None) -> str:
    """An English clause. Raises InvalidField for what is no schedule."""
    read = parse(schedule, timezone)
    if isinstance(read, Once):
        return f"Once, at {read.instant.isoformat(sep=' ', timespec='seconds').replace('+00:00', '')} UTC"
    if isinstance(read, Every):
        return f"Every {read.interval}, counted from 1970-01-01 00:00:00 UTC" + (
            f" plus {read.phase}" if read.phase else ""
        )
    return f"{_words(schedule.strip().lower())} ({timezone or 'UTC'})"


def _words(expression: str) -> str:
    minute, hour, day, month, weekday, *finer = ALIASES.get(expression, expression).split()
    second, year = (*finer, *("0", "*")[len(finer) :])
    read = " ".join((second, minute, hour, day, month, weekday, year)).upper()  # of "l" and "w" nothing is known there
    try:
        return str(ExpressionDescriptor(read, use_24hour_time_format=True).get_description())
    except (FormatError, MissingFieldError, ValueError, IndexError):
        return f"At {expression}"  # the schedule can be more than the describer understands
