"""What happens in an attempt, on its way to the database."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from cronlane_service.domain import events, protocol
from cronlane_service.domain.events import RunEvent
from cronlane_service.domain.runs import Run
from cronlane_service.runner import values
from cronlane_service.runner.watched import Watched

MOST_WAITING = 200
"""Events that may wait for the database; beyond, the graph waits."""

Write = Callable[[Sequence[RunEvent]], Awaitable[bool]]


class Recorder:
    """Collects events while others are written, and then writes them together, in order.

    Of a run that nobody follows, and that is not to be recorded, nothing is kept. ``write`` answers False when the
    attempt has lost its run: then nothing more is kept.
    """

    def __init__(self, run: Run, watched: Watched, write: Write) -> None:
        self._run, self._watched, self._write = run, watched, write
        self._waiting: list[RunEvent] = []
        self._writing: asyncio.Task[None] | None = None
        self._closed = self._last = False
        self.used = False  # whether anything was kept

    @property
    def on(self) -> bool:
        followed = self._run.recorded or self._watched.has(self._run.run_id, self._run.thread_id)
        return followed and not self._closed and not self._last

    async def begin(self) -> None:
        if self.on:
            await self._keep(events.begun(self._run), protocol.begun(self._run))

    async def add(self, event: str, value: Any) -> None:
        """Waits while too much is to be written. The value is read now: the graph may change it later."""
        if self.on:
            await self._keep(RunEvent(event, values.text(value)))

    async def _keep(self, *happened: RunEvent) -> None:
        self.used = True
        self._waiting += happened
        if self._writing is None:
            self._writing = asyncio.ensure_future(self._write_all())
        while len(self._waiting) >= MOST_WAITING and self._writing is not None and not self._writing.done():
            await asyncio.wait([self._writing])

    async def _write_all(self) -> None:
        while self._waiting and not self._closed:
            batch, self._waiting = self._waiting, []
            self._closed = not await self._write(batch)
        self._writing = None

    async def close(self) -> BaseException | None:
        """Writes what waits; from here on nothing is kept. Answers what kept it from being written."""
        self._last = True
        writing = self._writing
        if writing is None:
            return None
        await asyncio.wait([writing])
        return writing.exception()
