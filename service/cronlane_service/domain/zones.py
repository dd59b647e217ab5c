"""Where a time zone changes its offset, and what that does to local times."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta, tzinfo
from importlib.resources import files
from pathlib import Path
from zoneinfo import TZPATH, ZoneInfo

from cronlane_service.domain.immutable import immutable

_SECOND = timedelta(seconds=1)


@immutable
class Shift:
    """A change of a zone's offset: it skips the local times from ``lower`` up to ``upper``, or repeats them."""

    instant: datetime
    before: timedelta
    after: timedelta

    @property
    def skips(self) -> bool:
        return self.after > self.before

    @property
    def lower(self) -> datetime:
        return (self.instant + min(self.before, self.after)).replace(tzinfo=None)

    @property
    def upper(self) -> datetime:
        return (self.instant + max(self.before, self.after)).replace(tzinfo=None)


def shift_around(wall: datetime, zone: tzinfo) -> Shift | None:
    """The shift that skips or repeats a local time; None for one that comes just once."""
    if zone is UTC:
        return None  # the zone of most schedules
    local = wall.replace(tzinfo=zone)
    folded = local.replace(fold=1)
    before, after = local.utcoffset(), folded.utcoffset()
    if before == after or before is None or after is None:
        return None
    low, high = sorted((local.astimezone(UTC), folded.astimezone(UTC)))
    while high - low > _SECOND:
        middle = low + (high - low) // _SECOND // 2 * _SECOND
        if middle.astimezone(zone).utcoffset() == before:
            low = middle
        else:
            high = middle
    return Shift(high, before, after)


def named(timezone: str | None) -> tzinfo:
    """The zone of that name, which is one; None: UTC."""
    return ZoneInfo(timezone or "UTC")


def rules(timezone: str) -> str:
    """A digest of a zone's rules as this machine has them: another one when they have changed."""
    parts = timezone.split("/")
    for folder in TZPATH:
        file = Path(folder, *parts)
        if file.is_file():
            return hashlib.sha256(file.read_bytes()).hexdigest()
    return hashlib.sha256(files("tzdata").joinpath("zoneinfo", *parts).read_bytes()).hexdigest()
