"""Runs as rows, and rows as runs."""

from __future__ import annotations

from collections.abc import Sequence

from cronlane_service.domain import jsontext, kwargs
from cronlane_service.domain.runs import (
    AttemptOutcome,
    CancelAction,
    MultitaskStrategy,
    PastAttempt,
    Run,
    RunError,
    RunStatus,
)
from cronlane_service.store.instants import loaded, stored
from cronlane_service.store.reading import Reader
from cronlane_service.store.run_tables import RunTable
from cronlane_service.store.statements import Row


def row(run: Run) -> Row:
    return (
        run.run_id,
        run.owner,
        run.thread_id,
        run.assistant_id,
        run.graph_id,
        stored(run.created_at),
        stored(run.updated_at),
        str(run.status),
        run.metadata,
        kwargs.shortened(run),
        str(run.multitask_strategy),
        run.temporary,
        run.cron_id,
        stored(run.scheduled_for),
        stored(run.available_at),
        run.attempt,
        run.worker,
        stored(run.lease_until),
        run.cancel and str(run.cancel),
        run.error and run.error.error,
        run.error and run.error.message,
        stored(run.started_at),
        stored(run.ended_at),
        run.values,
        run.interrupts,
        run.hidden,
        run.recorded,
        run.queued,
        _history_text(run.history),
    )


def _history_text(history: Sequence[PastAttempt]) -> str | None:
    rows = [
        [past.attempt, past.worker, stored(past.started_at), stored(past.ended_at), past.outcome.value]
        for past in history
    ]
    return jsontext.dump(rows) if rows else None


def _history(text: str) -> tuple[PastAttempt, ...]:
    return tuple(
        PastAttempt(attempt, worker, loaded(started), loaded(ended), AttemptOutcome(outcome))
        for attempt, worker, started, ended, outcome in jsontext.parse(text)
    )


def _run(row: Row) -> Run:
    run_id, owner, thread_id, assistant_id, graph_id, created, updated, status, metadata, told, *rest = row
    strategy, temporary, cron_id, scheduled, available, attempt, worker, lease, cancel, *ending = rest
    error, message, started, ended, values, interrupts, hidden, recorded, queued, history = ending
    return Run(
        run_id=run_id,
        owner=owner,
        thread_id=thread_id,
        assistant_id=assistant_id,
        graph_id=graph_id,
        created_at=loaded(created),
        updated_at=loaded(updated),
        status=RunStatus(status),
        metadata=metadata,
        kwargs=kwargs.restored(
            told, kwargs.usual(run_id, thread_id, graph_id, assistant_id, owner, cron_id, temporary)
        ),
        multitask_strategy=MultitaskStrategy(strategy),
        temporary=bool(temporary),
        cron_id=cron_id,
        scheduled_for=loaded(scheduled),
        available_at=loaded(available),
        attempt=attempt,
        worker=worker,
        lease_until=loaded(lease),
        cancel=None if cancel is None else CancelAction(cancel),
        error=None if error is None else RunError(error, message),
        started_at=loaded(started),
        ended_at=loaded(ended),
        values=values,
        interrupts=interrupts,
        hidden=bool(hidden),
        recorded=bool(recorded),
        queued=bool(queued),
        history=_history(history) if history else (),
    )


READER = Reader(
    RunTable,
    _run,
    {
        **dict.fromkeys(("created_at", "updated_at"), (loaded, 0)),
        **dict.fromkeys(
            ("scheduled_for", "available_at", "lease_until", "started_at", "ended_at"),
            (loaded, None),
        ),
        "status": (RunStatus, RunStatus.ERROR.value),
        "multitask_strategy": (MultitaskStrategy, MultitaskStrategy.ENQUEUE.value),
        "cancel": (CancelAction, CancelAction.INTERRUPT.value),
        "history": (_history, None),
    },
    tells=True,
)
