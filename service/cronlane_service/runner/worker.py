"""Claims runs, sees each attempt through, and writes how it ended."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import TypeAlias, TypeVar

import structlog

from cronlane_service.domain.errors import Overloaded, StoreUnavailable
from cronlane_service.domain.events import RunEvent
from cronlane_service.domain.ports import Database, Transaction
from cronlane_service.domain.runs import CancelAction, Outcome, Run, RunError, RunStatus
from cronlane_service.runner import values
from cronlane_service.runner.attempt import Attempt, Cancelled
from cronlane_service.runner.persistence import Persistence
from cronlane_service.runner.purger import Purger, Purges
from cronlane_service.runner.recorder import Recorder
from cronlane_service.runner.seams import Executor, Runs
from cronlane_service.runner.stalled import Stalled
from cronlane_service.runner.watched import Watched

T = TypeVar("T")
Held: TypeAlias = Mapping[str, tuple[int, CancelAction | None]]

CLEANING_UP = timedelta(seconds=5)
"""How long a graph that was cancelled for a stop may take to end."""

log = structlog.get_logger(__name__)


class Worker:
    """The attempts under way. ``tick`` is one pass; ``wake`` is set when another one is wanted."""

    def __init__(
        self,
        database: Database,
        runs: Runs,
        executor: Executor,
        watched: Watched,
        name: str,
        concurrency: int,
        lease: timedelta,
        longest: timedelta | None = None,
    ) -> None:
        """``longest``: how long an attempt may take."""
        self._database, self._runs, self._executor, self._watched = database, runs, executor, watched
        self._name, self._concurrency, self._lease = name, concurrency, lease
        self._longest = longest
        self._stalled = Stalled(database, runs, name)
        self._purger = Purger(database, runs, executor)
        self._attempts: list[Attempt] = []
        self._seeing: set[asyncio.Task[None]] = set()
        self._held: Mapping[str, int] = {}
        self._ticking = asyncio.Lock()
        self._draining = False
        self._persistence = Persistence()
        self.wake = asyncio.Event()

    async def tick(self) -> datetime | None:
        """Answers at which instant another pass is wanted, None for when it is woken. Raises StoreUnavailable."""
        async with self._ticking:
            held, purges = await self._database.read(self._news)
            self._reconcile(held)
            await self._purge(purges)
            if self._draining or self.free <= 0:
                return None
            return await self._claim(self.free)

    @property
    def free(self) -> int:
        """How many more attempts it may make at once. It looks for runs by itself when one has ended."""
        return self._concurrency - len(self._attempts)

    def beat(self, soon: Callable[[Callable[[], None]], None]) -> None:
        """For a thread that a blocked loop does not hold up; ``soon`` has the loop call something."""
        self._renew()
        self._stalled.beat(soon, list(self._attempts), within=self._lease)

    def _renew(self) -> None:
        """Prolongs the leases of all attempts under way."""
        held = self._held
        if not held:
            return
        try:
            renewed = self._database.submit(lambda tx: self._runs.renew(tx, self._name, held, self._lease))
            problem = renewed.exception(timeout=self._lease.total_seconds())
        except (StoreUnavailable, Overloaded, TimeoutError) as trouble:
            problem = trouble
        if problem is not None:
            log.warning("leases_not_renewed", held=len(held), problem=f"{type(problem).__name__}: {problem}")

    async def drain(self, grace: timedelta) -> None:
        """Claims no more, gives what is under way that long to end, and hands back the rest."""
        self._draining = True
        async with self._ticking:  # a pass under way may have claimed
            pass
        await self._concluded(grace)
        for attempt in self._attempts:
            attempt.cancel(Cancelled.STOP)
        await self._concluded(CLEANING_UP)
        for attempt in self._attempts:
            attempt.let_go()
        self._persistence.close()
        await self._concluded(CLEANING_UP)

    @property
    def drained(self) -> bool:
        return self._persistence.closed

    async def _concluded(self, within: timedelta) -> None:
        if self._seeing:
            await asyncio.wait(set(self._seeing), timeout=within.total_seconds())

    def _news(self, tx: Transaction) -> tuple[Held, Purges]:
        """What has become of the runs of this worker, and what is to be purged."""
        held = self._runs.held(tx, self._name) if self._attempts else {}
        return held, self._purger.found(tx)

    def _reconcile(self, held: Held) -> None:
        """Cancels the attempts that somebody wants cancelled, or that are not this worker's any more."""
        for attempt in self._attempts:
            number, wish = held.get(attempt.run.run_id, (None, None))
            if number != attempt.run.attempt:
                attempt.cancel(Cancelled.FENCED)
            elif wish is not None:
                attempt.rolls_back = wish is CancelAction.ROLLBACK
                attempt.cancel(Cancelled.WISH)

    async def _purge(self, purges: Purges) -> None:
        """Not under a graph that still writes some."""
        occupied = {attempt.run.thread_id for attempt in self._attempts if attempt.occupies_thread}
        await self._purger.purge(purges, occupied)

    async def _purge_all(self) -> None:
        await self._purge(await self._purger.due())

    async def _claim(self, free: int) -> datetime | None:
        """Answers when to look again; None: not before it is woken."""
        claimed, purges, again = await self._database.write(partial(self._claimed, free))
        if claimed and purges:  # it may be of a thread just claimed
            await self._purge_all()
        for run in claimed:
            self._start(run)
        return again

    def _claimed(self, free: int, tx: Transaction) -> tuple[Sequence[Run], Purges, datetime | None]:
        claimed = self._runs.claim(tx, self._name, self._lease, free)
        again = None if len(claimed) >= free else self._runs.next_available(tx)
        return claimed, self._runs.purges(tx, 1), again

    def _start(self, run: Run) -> None:
        before = [attempt for attempt in self._attempts if attempt.run.thread_id == run.thread_id]
        attempt = Attempt(run, Recorder(run, self._watched, partial(self._record, run)))
        attempt.begin(self._execute(attempt, before))
        attempt.log.info("run_started")
        if self._longest is not None:
            attempt.ends_within(self._longest)
        self._attempts.append(attempt)
        self._held = {**self._held, run.run_id: run.attempt}
        seeing = asyncio.ensure_future(self._see_through(attempt))
        self._seeing.add(seeing)
        seeing.add_done_callback(lambda task: self._forget(attempt, task))

    async def _execute(self, attempt: Attempt, before: list[Attempt]) -> Outcome:
        if before:  # this worker's own, cancelled and not gone yet: two on one thread would mix their checkpoints
            await asyncio.wait([earlier.conclusion for earlier in before])
            await self._persistence.done(self._purge_all)
        attempt.fence.enter()
        attempt.on_thread = True
        await attempt.recorder.begin()
        return await self._executor.execute(attempt.run, attempt.recorder)

    async def _record(self, run: Run, happened: Sequence[RunEvent]) -> bool:
        return await self._write(lambda tx: self._runs.record(tx, run, happened))

    def _forget(self, attempt: Attempt, seeing: asyncio.Task[None]) -> None:
        if seeing.cancelled():
            attempt.log.error("run_outcome_lost")
        elif (problem := seeing.exception()) is not None:
            # Its lease runs out, and another attempt is made.
            attempt.log.error("run_outcome_lost", exc_info=problem)
        self._seeing.discard(seeing)
        self._attempts.remove(attempt)
        self._held = {other.run.run_id: other.run.attempt for other in self._attempts}
        attempt.conclusion.set_result(None)
        self.wake.set()

    async def _see_through(self, attempt: Attempt) -> None:
        await attempt.ended()
        if (problem := await attempt.recorder.close()) is not None:
            attempt.log.error("run_events_lost", exc_info=problem)
        run, recorded = attempt.run, attempt.recorder.used
        if attempt.cut_short and attempt.cancelled is Cancelled.STOP:
            handed_back = await self._write(lambda tx: self._runs.hand_back(tx, run))
            attempt.log.info("run_handed_back" if handed_back else "run_fenced")
            return
        if attempt.cancelled is Cancelled.FENCED:
            attempt.log.warning("run_fenced")
            return
        outcome = await self._outcome(attempt)
        if attempt.rolls_back and attempt.cut_short:  # before anybody is told that it is over
            await self._persistence.done(lambda: self._executor.purge([(run.thread_id, run.run_id)]))
        written = await self._write(lambda tx: self._runs.finish(tx, run, outcome, recorded))
        _report(attempt, outcome, written)

    async def _outcome(self, attempt: Attempt) -> Outcome:
        execution = attempt.execution
        if attempt.cut_short and attempt.cancelled is Cancelled.TIMEOUT:
            return await self._failed(attempt, RunStatus.TIMEOUT, attempt.timeout)
        if attempt.cut_short:
            return await self._left_behind(attempt)
        if execution.cancelled():
            error = RunError("CancelledError", "the graph cancelled itself")
            return await self._failed(attempt, RunStatus.ERROR, error)
        problem = execution.exception()
        if problem is None:
            return execution.result()
        attempt.log.error("run_not_executed", exc_info=problem)
        return Outcome(RunStatus.ERROR, error=RunError(type(problem).__name__, values.described(problem)))

    async def _failed(self, attempt: Attempt, status: RunStatus, error: RunError) -> Outcome:
        left = await self._left_behind(attempt)
        return replace(left, status=status, interrupts="{}", stopped=False, error=error)

    async def _left_behind(self, attempt: Attempt) -> Outcome:
        reading = asyncio.ensure_future(self._executor.interrupted(attempt.run))
        await asyncio.wait([reading])
        if (problem := reading.exception()) is not None:
            attempt.log.warning("run_state_unreadable", exc_info=problem)
            return Outcome(RunStatus.INTERRUPTED)
        return reading.result()

    async def _write(self, operation: Callable[..., T]) -> T:
        return await self._persistence.done(lambda: self._database.write(operation))


def _report(attempt: Attempt, outcome: Outcome, written: bool) -> None:
    if not written:
        attempt.log.warning("run_fenced")
    elif outcome.status is RunStatus.INTERRUPTED:
        attempt.log.info("run_cancelled")
    else:
        error = outcome.error.error if outcome.error is not None else None
        attempt.log.info("run_ended", status=outcome.status.value, error=error)
