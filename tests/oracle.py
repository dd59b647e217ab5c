"""A slow reading of the rules for schedules, which shares nothing with the service: walk real time, look at the local
clock, compare fields.

Fields: minute, hour, day of month, month, day of week, second. Forms: ``*``, ``*/n``, ``a``, ``a-b``, ``a-b/n``, and
lists of these.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
RANGES = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 6), (0, 59))


def values(content: str, low: int, high: int) -> set[int]:
    found: set[int] = set()
    for item in content.split(","):
        body, _, step = item.partition("/")
        first, _, last = body.partition("-")
        start, end = (low, high) if body == "*" else (int(first), int(last or first))
        found |= set(range(start, end + 1, int(step or 1)))
    return found


class Fields:
    def __init__(self, expression: str) -> None:
        self.texts = [*expression.split(), "0"][:6]
        self.sets = [values(text, low, high) for text, (low, high) in zip(self.texts, RANGES, strict=True)]

    def match(self, wall: datetime) -> bool:
        minutes, hours, days, months, weekdays, seconds = self.sets
        if wall.second not in seconds or wall.minute not in minutes or wall.hour not in hours:
            return False
        day, weekday = wall.day in days, wall.isoweekday() % 7 in weekdays
        either = self.texts[2] != "*" and self.texts[4] != "*"
        return wall.month in months and ((day or weekday) if either else (day and weekday))


def walk(expression: str, zone: ZoneInfo, start: datetime, end: datetime) -> Iterator[datetime]:
    """The ticks after start, up to end, of expressions whose offsets and steps are whole ``unit``s."""
    fields = Fields(expression)
    unit = SECOND if len(expression.split()) == 6 else MINUTE
    real_time = fields.texts[1].startswith("*")
    repeats = real_time or fields.texts[0].startswith("*")
    instant = start.replace(second=0) if unit is MINUTE else start
    before = instant.astimezone(zone)
    while (instant := instant + unit) <= end:
        here = instant.astimezone(zone)
        wall, expected = here.replace(tzinfo=None, fold=0), before.replace(tzinfo=None, fold=0) + unit
        swallowed = []
        while expected < wall:  # the clock was put forward
            swallowed.append(expected)
            expected += unit
        collapsed = not real_time and any(fields.match(skipped) for skipped in swallowed)
        if collapsed or (fields.match(wall) and (repeats or not here.fold)):
            yield instant
        before = here
