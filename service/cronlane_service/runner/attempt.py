"""One try at a run, while it is under way."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine
from datetime import timedelta
from enum import StrEnum
from typing import Any

import structlog

from cronlane_service.domain.runs import Outcome, Run, RunError, RunStatus
from cronlane_service.runner.fences import Fence
from cronlane_service.runner.recorder import Recorder

log = structlog.get_logger(__name__)


class Cancelled(StrEnum):
    """Why an attempt was told to end before its graph did."""

    WISH = "wish"  # somebody asked for it
    FENCED = "fenced"  # the run was deleted, or is another worker's by now
    STOP = "stop"  # the server stops
    TIMEOUT = "timeout"  # it took longer than a run may


PATIENCE = 5.0
"""Seconds that a graph that was cancelled may take to end; after that its run ends without it."""


class Attempt:
    """The task that executes a run, and why it was cancelled if it was."""

    execution: asyncio.Task[Outcome]

    def __init__(self, run: Run, recorder: Recorder) -> None:
        self.run, self.recorder = run, recorder
        self.cancelled: Cancelled | None = None
        self.rolls_back = False  # whether what it did is to be as if it never was, when it is cut short
        self.fence = Fence()
        self.on_thread = False  # whether its graph has been let near the thread's checkpoints
        self.conclusion: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._longest: timedelta | None = None
        self._began = time.monotonic()
        self._let_go: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.log = log.bind(run_id=run.run_id, thread_id=run.thread_id, cron_id=run.cron_id, attempt=run.attempt)

    def begin(self, execute: Coroutine[Any, Any, Outcome]) -> None:
        self.execution = asyncio.ensure_future(execute)

    def ends_within(self, longest: timedelta) -> None:
        """Cancelled then; a timer that is not stopped would keep the attempt in memory for so long."""
        self._longest = longest
        timer = asyncio.get_running_loop().call_later(longest.total_seconds(), self.cancel, Cancelled.TIMEOUT)
        self.execution.add_done_callback(lambda _: timer.cancel())

    def overdue(self) -> Outcome | None:
        """How it is to end when its time is over."""
        if self._longest is None or time.monotonic() - self._began < self._longest.total_seconds():
            return None
        return Outcome(RunStatus.TIMEOUT, error=self.timeout)

    @property
    def timeout(self) -> RunError:
        assert self._longest is not None
        return RunError("RunTimeout", f"the run took longer than {self._longest.total_seconds():g} seconds")

    @property
    def occupies_thread(self) -> bool:
        return self.on_thread and not self.execution.done() and not self._let_go.done()

    @property
    def cut_short(self) -> bool:
        """Whether a cancellation ended it. A graph can answer one with an error, or end well in spite of it."""
        if self.cancelled is None or not self.execution.done() or self.execution.cancelled():
            return self.cancelled is not None
        return self.execution.exception() is not None or self.execution.result().status is RunStatus.ERROR

    def cancel(self, why: Cancelled) -> None:
        """Once: a second cancellation would break into the graph's own cleaning up."""
        if self.cancelled is None and not self.execution.done():
            self.cancelled = why
            self.execution.cancel()
            if why is not Cancelled.STOP:  # that has a patience of its own
                asyncio.get_running_loop().call_later(PATIENCE, self.let_go)

    def let_go(self) -> None:
        """Waits no longer for a graph that does not let itself be cancelled. It can do no more to its thread."""
        if not self._let_go.done() and not self.execution.done():
            self.fence.close()
            self._let_go.set_result(None)
            self.log.warning("run_let_go", seconds=PATIENCE)
            self.execution.add_done_callback(self._gone)

    def _gone(self, execution: asyncio.Task[Outcome]) -> None:
        """Late, and nobody cares how."""
        problem = None if execution.cancelled() else execution.exception()
        self.log.info("run_gone", problem=None if problem is None else f"{problem}")

    async def ended(self) -> None:
        ends: list[asyncio.Future[Any]] = [self.execution, self._let_go]
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
