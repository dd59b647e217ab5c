"""Ends runs while a graph blocks the runner's loop: from the heartbeat's thread, which no graph can hold up."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from datetime import timedelta

import structlog

from cronlane_service.domain.errors import Overloaded, StoreUnavailable
from cronlane_service.domain.ports import Database, Transaction
from cronlane_service.domain.runs import Outcome, RunStatus
from cronlane_service.runner.attempt import Attempt
from cronlane_service.runner.seams import Runs

log = structlog.get_logger(__name__)


class Stalled:
    """Asks the loop at each beat for a sign of life. One that gave none since the last is blocked.

    Then nothing in it can be cancelled. So the runs that somebody wants cancelled, or that took too long, are ended
    without it; when it goes on, it finds them to be its own no more.
    """

    def __init__(self, database: Database, runs: Runs, worker: str) -> None:
        self._database, self._runs, self._worker = database, runs, worker
        self._alive = threading.Event()
        self._alive.set()
        self._told = False

    def beat(self, soon: Callable[[Callable[[], None]], None], attempts: Sequence[Attempt], within: timedelta) -> None:
        """``soon`` has the loop call something; ``within``: how long the database may take."""
        if self._alive.is_set():
            self._told = False
            self._alive.clear()
            soon(self._alive.set)
            return
        if not self._told:
            self._told = True
            log.error("runner_blocked", worker=self._worker, run_ids=[attempt.run.run_id for attempt in attempts])
        try:
            ended = self._database.submit(lambda tx: self._end(tx, attempts)).result(within.total_seconds())
        except (StoreUnavailable, Overloaded, TimeoutError) as problem:
            log.warning("blocked_runs_not_ended", problem=f"{type(problem).__name__}: {problem}")
            return
        for attempt, status in ended:
            attempt.log.warning("run_ended_without_its_graph", status=status.value)

    def _end(self, tx: Transaction, attempts: Sequence[Attempt]) -> list[tuple[Attempt, RunStatus]]:
        held, ended = self._runs.held(tx, self._worker), []
        for attempt in attempts:
            number, wish = held.get(attempt.run.run_id, (None, None))
            if number != attempt.run.attempt:
                continue
            outcome = Outcome(RunStatus.INTERRUPTED) if wish is not None else attempt.overdue()
            if outcome is not None:
                attempt.fence.close()  # first: what it does after its end must not count
                self._runs.finish(tx, attempt.run, outcome, attempt.recorder.used)
                ended.append((attempt, outcome.status))
        return ended
