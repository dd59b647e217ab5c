"""What the end of a run means for its thread, and for the cron that made it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from cronlane_service.domain.models import Thread, ThreadStatus
from cronlane_service.domain.ports import Transaction
from cronlane_service.domain.runs import Outcome, Run, RunError, RunStatus


def record(tx: Transaction, run: Run, status: RunStatus, error: RunError | None, now: datetime) -> None:
    """Notes it on the tick and on the cron, and pauses a cron that failed as often in a row as it may."""
    tx.ticks.record(run.run_id, status, error)
    if run.cron_id is None:
        return
    tx.crons.run_ended(run.cron_id, status)
    if status in (RunStatus.ERROR, RunStatus.TIMEOUT):
        why = "" if error is None else f"; the last one with {error.error}: {error.message}"[:500]
        tx.crons.pause_failing(run.cron_id, f"paused: as many runs in a row failed as it may have{why}", now)


def settled(thread: Thread, outcome: Outcome, rolled_back: bool, busy: bool, now: datetime) -> Thread:
    """The thread as it is after that; ``busy``: it has other active runs."""
    touched = replace(thread, updated_at=now, state_updated_at=now)
    if rolled_back:
        return replace(touched, status=ThreadStatus.BUSY if busy else ThreadStatus.IDLE, error=outcome.error)
    return replace(
        touched,
        status=ThreadStatus.BUSY if busy else _thread_status(outcome),
        values=outcome.values if outcome.values is not None else thread.values,
        interrupts=outcome.interrupts,
        error=outcome.error,
    )


def _thread_status(outcome: Outcome) -> ThreadStatus:
    if outcome.status in (RunStatus.ERROR, RunStatus.TIMEOUT):
        return ThreadStatus.ERROR
    if outcome.status is RunStatus.INTERRUPTED or outcome.stopped:
        return ThreadStatus.INTERRUPTED
    return ThreadStatus.IDLE
