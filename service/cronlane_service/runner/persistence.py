"""Work that is not given up while the database is away."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TypeVar

import structlog

from cronlane_service.domain.errors import Overloaded, StoreUnavailable

T = TypeVar("T")

FIRST_PAUSE, LONGEST_PAUSE = 0.1, 5.0
"""Seconds between tries."""

log = structlog.get_logger(__name__)


class Persistence:
    """Tries work again and again, until it is closed."""

    def __init__(self) -> None:
        self._closing = asyncio.Event()

    def close(self) -> None:
        """Everything is tried one last time."""
        self._closing.set()

    @property
    def closed(self) -> bool:
        return self._closing.is_set()

    async def done(self, work: Callable[[], Awaitable[T]]) -> T:
        """What it answers. Raises what its last try raised, StoreUnavailable or Overloaded."""
        pause = FIRST_PAUSE
        while True:
            last = self._closing.is_set()
            try:
                return await work()
            except (StoreUnavailable, Overloaded) as problem:
                if last:
                    raise
                log.warning("run_write_delayed", problem=str(problem))
            with suppress(TimeoutError):
                await asyncio.wait_for(self._closing.wait(), pause)
            pause = min(2 * pause, LONGEST_PAUSE)
