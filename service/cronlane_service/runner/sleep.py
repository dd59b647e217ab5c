"""How the parts of a loop sleep between their passes: until an instant, or until they are woken."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import datetime, timedelta

from cronlane_service.domain.clock import Clock

LONGEST = timedelta(seconds=1)
"""The clock is looked at this often while an instant is waited for, so that a step of it is noticed."""
SHORTEST = timedelta(milliseconds=50)


async def sleep_until(instant: datetime | None, clock: Clock, wake: asyncio.Event) -> None:
    """``instant``: None for when it is woken."""
    if instant is None:
        await wake.wait()
        return
    # An instant that has passed, and still nothing could be done: never spin.
    left = max(instant - clock.now(), SHORTEST)
    while left > timedelta(0) and not wake.is_set():
        with suppress(TimeoutError):
            await asyncio.wait_for(wake.wait(), min(left, LONGEST).total_seconds())
        left = instant - clock.now()
