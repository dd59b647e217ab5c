"""What happens in runs, written by their workers for those who follow them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from cronlane_service.domain import events, protocol
from cronlane_service.domain.events import RunEvent
from cronlane_service.domain.models import Thread
from cronlane_service.domain.ports import Topic, Transaction
from cronlane_service.domain.runs import Outcome, Run

KEPT_FOR = timedelta(minutes=1)
"""How long after a run's end its events are kept, for who is slow to read them."""
RESUMABLE_FOR = timedelta(hours=1)
"""The same for a resumable run."""


def append(tx: Transaction, run: Run, happened: Sequence[RunEvent], now: datetime) -> None:
    tx.events.append(run, happened, now)
    tx.notify(Topic.RUN_EVENTS, run.run_id)
    tx.notify(Topic.RUN_EVENTS, run.thread_id)


def state_updated(tx: Transaction, thread: Thread, state: str, now: datetime) -> None:
    """For those who follow the thread."""
    happened = events.state_updated(thread.thread_id, state)
    tx.events.append_apart(thread, [happened], now, now + KEPT_FOR)
    tx.notify(Topic.RUN_EVENTS, thread.thread_id)


def conclude(tx: Transaction, run: Run, outcome: Outcome, now: datetime) -> None:
    """In the transaction that ends the run: whoever is told of the end finds it ended."""
    append(tx, run, [*protocol.last(run, outcome), *events.last(run, outcome)], now)
    tx.events.keep_until(run.run_id, now + (RESUMABLE_FOR if events.resumable(run) else KEPT_FOR))
