"""Schedules in words."""

from __future__ import annotations

from cron_descriptor import ExpressionDescriptor, FormatError, MissingFieldError

from cronlane_service.domain.schedule import ALIASES
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
    words = schedule.strip().lower()
    minute, hour, day, month, weekday, *finer = ALIASES.get(words, words).split()
    clauses = [_words(" ".join((minute, hour, day, month, weekday)))]
    for name, content in zip(("second", "year"), finer, strict=False):
        if content not in (("*",) if name == "year" else ("0",)):
            clauses.append(f"at each {name}" if content == "*" else f"in {name}s {content}")
    return f"{', '.join(clauses)} ({timezone or 'UTC'})"


def _words(expression: str) -> str:
    try:
        return str(ExpressionDescriptor(expression, use_24hour_time_format=True).get_description())
    except (FormatError, MissingFieldError, ValueError, IndexError):
        return f"At {expression}"  # the schedule can be more than the describer understands
