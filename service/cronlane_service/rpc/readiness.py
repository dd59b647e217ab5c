"""Whether the database can be written, told by health also while nobody calls."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

import structlog

log = structlog.get_logger(__name__)

EVERY = 1.0
"""Seconds."""


class Probed(Protocol):
    async def probe(self) -> str | None:
        """Tries to write; answers what is wrong, None when nothing is."""
        ...


class Readiness:
    """A task of one loop, between ``start`` and ``stop``. ``tick`` asks once."""

    def __init__(self, database: Probed, tell: Callable[[bool], None]) -> None:
        self._database, self._tell = database, tell
        self._problem: str | None = None
        self._stopped = asyncio.Event()
        self._asking: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._asking = asyncio.get_running_loop().create_task(self._run(), name="cronlane-readiness")

    async def stop(self) -> None:
        """Nothing is told any more when this answers."""
        self._stopped.set()
        if self._asking is not None:
            await self._asking

    async def tick(self) -> None:
        problem = await self._database.probe()
        if (problem is None) != (self._problem is None) and not self._stopped.is_set():
            if problem is None:
                log.info("database_back")
            else:
                log.error("database_away", problem=problem)
            self._tell(problem is None)
        self._problem = problem

    async def _run(self) -> None:
        while not self._stopped.is_set():
            await self.tick()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopped.wait(), EVERY)
