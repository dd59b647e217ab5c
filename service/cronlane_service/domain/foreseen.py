"""The instants that follow those which are coming, found before they are due: a tick then costs a look-up."""

from __future__ import annotations

from datetime import UTC, datetime

from cronlane_service.domain import timetable
from cronlane_service.domain.errors import InvalidField

_Key = tuple[str, str | None]  # schedule, timezone


class Foreseen:
    """What comes after a tick, by tick, schedule and timezone. One thread at a time uses it."""

    def __init__(self, most: int = 200_000) -> None:
        """``most``: instants that are kept, so that memory is bounded; beyond it they are found when they are due."""
        self.until = datetime(1970, 1, 1, tzinfo=UTC)
        """What is due till then was looked through; what comes to be due before it has to be said: `want`."""
        self._most, self._kept = most, 0
        self._known: dict[datetime, dict[_Key, datetime | None]] = {}
        self._wanted: dict[datetime, dict[_Key, None]] = {}

    def next(self, schedule: str, timezone: str | None, tick: datetime) -> datetime | None:
        """As the timetable says it. Raises InvalidField."""
        known = self._known.get(tick)
        if known is not None and (key := (schedule, timezone)) in known:
            return known[key]
        return self._find(schedule, timezone, tick)

    def want(self, schedule: str, timezone: str | None, tick: datetime) -> None:
        """What follows that tick will be asked for."""
        key = (schedule, timezone)
        if key not in self._known.get(tick, ()):
            wanted = self._wanted.setdefault(tick, {})
            if len(wanted) < self._most:
                wanted[key] = None

    def find_some(self, limit: int) -> bool:
        """Finds so many of those that are wanted, those of the nearest tick; False: none is."""
        if not self._wanted:
            return False
        tick = min(self._wanted)
        wanted = self._wanted[tick]
        for _ in range(min(limit, len(wanted))):
            (schedule, timezone), _none = wanted.popitem()
            try:
                self._find(schedule, timezone, tick)
            except InvalidField:
                continue  # whoever fires it is told
        if not wanted:
            del self._wanted[tick]
        return True

    def forget(self, before: datetime) -> None:
        """Ticks before that instant will not be asked for."""
        for tick in [tick for tick in self._known if tick < before]:
            self._kept -= len(self._known.pop(tick))
        for tick in [tick for tick in self._wanted if tick < before]:
            del self._wanted[tick]

    def _find(self, schedule: str, timezone: str | None, tick: datetime) -> datetime | None:
        following = timetable.parse(schedule, timezone).next(tick)
        if self._kept < self._most:
            self._known.setdefault(tick, {})[schedule, timezone] = following
            self._kept += 1
        return following
