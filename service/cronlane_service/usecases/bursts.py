"""Many ticks at one instant: runs wait for them."""

from __future__ import annotations

from datetime import datetime, timedelta

LONGEST = timedelta(seconds=5)
"""So long runs wait for ticks: to execute one takes as much of the interpreter as to fire fifty. Who has so many ticks
at one instant has runs for minutes then."""


class Burst:
    """Whether this process has ticks to fire that are due. Others have an interpreter of their own."""

    def __init__(self) -> None:
        self._since: datetime | None = None

    def note(self, now: datetime, more: bool) -> None:
        """``more``: whether ticks are still due when a batch of them is fired. To note it again changes nothing."""
        self._since = (self._since or now) if more else None

    def until(self, now: datetime) -> datetime | None:
        """When it will have lasted long enough for runs to be taken up beside it; None: they can be."""
        since = self._since
        return since + LONGEST if since is not None and since <= now < since + LONGEST else None
