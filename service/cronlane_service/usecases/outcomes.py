"""What the end of a run means for the cron that made it."""

from __future__ import annotations

from datetime import datetime

from cronlane_service.domain.ports import Transaction
from cronlane_service.domain.runs import Run, RunError, RunStatus


def record(tx: Transaction, run: Run, status: RunStatus, error: RunError | None, now: datetime) -> None:
    """Notes it on the tick and on the cron, and pauses a cron that failed as often in a row as it may."""
    tx.ticks.record(run.run_id, status, error)
    if run.cron_id is None:
        return
    tx.crons.run_ended(run.cron_id, status)
    if status in (RunStatus.ERROR, RunStatus.TIMEOUT):
        why = "" if error is None else f"; the last one with {error.error}: {error.message}"[:500]
        tx.crons.pause_failing(run.cron_id, f"paused: as many runs in a row failed as it may have{why}", now)
