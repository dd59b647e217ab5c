"""Where a new run goes: its thread, and what becomes of the runs that are there already."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from cronlane_service.domain import jsontext
from cronlane_service.domain.models import Assistant, Thread
from cronlane_service.domain.ports import Topic, Transaction
from cronlane_service.domain.runs import CancelAction, MultitaskStrategy, Outcome, Run, RunStatus
from cronlane_service.domain.webhooks import CANCELLED, ROLLED_BACK
from cronlane_service.usecases import outcomes, recording, webhooks

CANCELS = {
    MultitaskStrategy.INTERRUPT: CancelAction.INTERRUPT,
    MultitaskStrategy.ROLLBACK: CancelAction.ROLLBACK,
}


def refuses(strategy: MultitaskStrategy | None, active: Sequence[Run]) -> bool:
    """Whether a new run is not to be made beside these."""
    return strategy is MultitaskStrategy.REJECT and bool(active)


def make_room(tx: Transaction, strategy: MultitaskStrategy | None, active: Sequence[Run], now: datetime) -> None:
    """Cancels the earlier runs of the thread if the strategy says so."""
    action = CANCELS.get(strategy) if strategy else None
    if action is not None:
        for run in active:
            stop(tx, run, action, now)


def stop(tx: Transaction, run: Run, action: CancelAction, now: datetime) -> None:
    """Ends a pending run at once; of a running one notes the wish, which its worker carries out."""
    if run.status is RunStatus.RUNNING:
        # One that waits for another worker gets one now: its thread may need to be cleaned up.
        lease = run.lease_until if run.worker is not None else now
        tx.runs.save(replace(run, cancel=action, updated_at=now, lease_until=lease))
        tx.notify(Topic.RUNS)
        return
    ended = replace(run, status=RunStatus.INTERRUPTED, updated_at=now, ended_at=now, hidden=run.temporary)
    if run.recorded:
        recording.conclude(tx, run, Outcome(RunStatus.INTERRUPTED), now)
    if action is CancelAction.ROLLBACK:
        tx.runs.delete(run.run_id)
        webhooks.note(tx, ended, None, ROLLED_BACK, now)
    else:
        tx.runs.save(ended)
        webhooks.note(tx, ended, None, CANCELLED, now)
    drop_own_thread(tx, run)
    outcomes.record(tx, run, RunStatus.INTERRUPTED, None, now)
    tx.notify(Topic.RUN_ENDED, run.run_id)
    tx.notify(Topic.RUNS)  # another may be next


def drop_own_thread(tx: Transaction, run: Run) -> None:
    """The thread of a stateless run that was not to be kept goes with it."""
    if run.temporary:
        tx.threads.delete(run.thread_id)
        tx.purges.insert(run.thread_id, "")


def own_thread(thread_id: str, owner: str, assistant: Assistant, metadata: str | None, now: datetime) -> Thread:
    """The new thread of a stateless run."""
    graph = jsontext.dump({"graph_id": assistant.graph_id, "assistant_id": assistant.assistant_id})
    return Thread(thread_id, owner, now, now, now, metadata=jsontext.merge(metadata, graph))
