"""What a cron's ``schedule`` can say: a cron expression, one instant, or an interval.

``at 2027-01-01T00:00:00Z`` is one instant. ``every 90s``, ``every 1h30m``, ``every 1d phase 8h`` come at each instant
that is a whole number of intervals, and the phase, after 1970-01-01T00:00:00Z.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Protocol

from cronlane_service.domain.errors import InvalidField
from cronlane_service.domain.immutable import immutable
from cronlane_service.domain.memory import remembered
from cronlane_service.domain.policies import DstPolicy
from cronlane_service.domain.schedule import Schedule

LONGEST_INTERVAL = timedelta(days=3660)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST = datetime(9900, 1, 1, tzinfo=UTC)
_SECOND = timedelta(seconds=1)
_MICROSECOND = timedelta(microseconds=1)
_PLAIN = DstPolicy()
_UNITS = {"w": 604_800, "d": 86_400, "h": 3600, "m": 60, "s": 1}
_SPAN = re.compile("".join(rf"(?:(\d{{1,9}}){unit})?" for unit in _UNITS))


class Timetable(Protocol):
    """Instants, aware and in UTC."""

    def next(self, after: datetime) -> datetime | None:
        """The first instant strictly after; None: there is none any more."""
        ...

    def between(self, start: datetime, end: datetime) -> Iterator[datetime]:
        """The instants from start to end, both included, ascending."""
        ...

    def last(self, after: datetime, until: datetime) -> datetime | None:
        """The last instant that is after ``after`` and not after ``until``, found without walking there."""
        ...


@immutable
class Once:
    """One instant."""

    instant: datetime

    def next(self, after: datetime) -> datetime | None:
        return self.instant if after < self.instant else None

    def between(self, start: datetime, end: datetime) -> Iterator[datetime]:
        if start <= self.instant <= end:
            yield self.instant

    def last(self, after: datetime, until: datetime) -> datetime | None:
        return self.instant if after < self.instant <= until else None

    def __str__(self) -> str:
        return f"at {self.instant.isoformat().replace('+00:00', 'Z')}"


@immutable
class Every:
    """Each instant that is a whole number of intervals, and the phase, after the epoch."""

    interval: timedelta
    phase: timedelta = timedelta(0)

    def next(self, after: datetime) -> datetime | None:
        if after >= _LATEST:
            return None
        return self._instant((after - _EPOCH - self.phase) // self.interval + 1)

    def between(self, start: datetime, end: datetime) -> Iterator[datetime]:
        tick = self.next(start - _MICROSECOND)
        while tick is not None and tick <= end:
            yield tick
            tick = self.next(tick)

    def last(self, after: datetime, until: datetime) -> datetime | None:
        newest = self._instant((until - _EPOCH - self.phase) // self.interval)
        return newest if newest > after else None

    def _instant(self, number: int) -> datetime:
        return _EPOCH + self.phase + number * self.interval

    def __str__(self) -> str:
        phase = f" phase {_written(self.phase)}" if self.phase else ""
        return f"every {_written(self.interval)}{phase}"


def parse(text: str, timezone: str | None, dst: DstPolicy = _PLAIN) -> Timetable:
    """Raises InvalidField naming ``schedule`` or ``timezone``."""
    kind, _, rest = text.strip(" \t").partition(" ")
    if kind.lower() == "at":
        Schedule.check_timezone(timezone)
        return _once(text, rest.strip())
    if kind.lower() == "every":
        Schedule.check_timezone(timezone)
        return _every(text, rest)
    return Schedule.parse(text, timezone, dst)


@remembered
def special(text: str) -> Once | Every | None:
    """None for a cron expression, and for what cannot be read."""
    if not re.match(r"[ \t]*(at|every)[ \t]", text, re.IGNORECASE):
        return None
    try:
        found = parse(text, None)
    except InvalidField:
        return None
    return found if isinstance(found, (Once, Every)) else None


def every(interval: timedelta, phase: timedelta) -> Every:
    """Raises InvalidField naming ``every``."""
    if interval % _SECOND or not _SECOND <= interval <= LONGEST_INTERVAL:
        raise InvalidField("every.interval", f"must be whole seconds, from 1 to {LONGEST_INTERVAL // _SECOND}")
    if phase % _SECOND or not timedelta(0) <= phase < interval:
        raise InvalidField("every.phase", "must be whole seconds, from 0 up to the interval")
    return Every(interval, phase)


def _once(text: str, written: str) -> Once:
    try:
        instant = datetime.fromisoformat(written)
        if instant.tzinfo is None:
            raise ValueError("the time has no offset: write Z for UTC")
        return Once(instant.astimezone(UTC))
    except (ValueError, OverflowError) as error:
        raise _refused(text, str(error)) from None


def _every(text: str, written: str) -> Every:
    interval, said, phase = written.strip().partition("phase")
    try:
        return every(_span(interval), _span(phase) if said else timedelta(0))
    except (ValueError, OverflowError) as error:
        raise _refused(text, str(error)) from None
    except InvalidField as error:
        raise _refused(text, f"{error.field.partition('.')[2]} {error.problem}") from None


def _span(written: str) -> timedelta:
    found = _SPAN.fullmatch(written.strip().lower())
    if found is None or not any(found.groups()):
        raise ValueError(f"'{written.strip()[:40]}' is no span such as 90s, 15m or 1h30m")
    return timedelta(seconds=sum(int(n or 0) * size for n, size in zip(found.groups(), _UNITS.values(), strict=True)))


def _written(span: timedelta) -> str:
    """In the largest unit that says it exactly: 90s, 15m, 1d."""
    seconds = span // _SECOND
    unit = next(unit for unit, size in _UNITS.items() if seconds % size == 0)
    return f"{seconds // _UNITS[unit]}{unit}"


def _refused(text: str, why: str) -> InvalidField:
    return InvalidField("schedule", f"is not valid: {why}", f"Invalid cron schedule: '{text[:256]}'. Reason: {why}")
