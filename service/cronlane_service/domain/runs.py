"""Runs: executions of an assistant on a thread, tried until one attempt ends them.

Instants and JSON are as in `models`.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from cronlane_service.domain.immutable import immutable


class RunStatus(StrEnum):
    PENDING = "pending"
    RUNNING = "running"
    ERROR = "error"
    SUCCESS = "success"
    TIMEOUT = "timeout"
    INTERRUPTED = "interrupted"

    @property
    def active(self) -> bool:
        return self in (RunStatus.PENDING, RunStatus.RUNNING)


class MultitaskStrategy(StrEnum):
    REJECT = "reject"
    ENQUEUE = "enqueue"
    INTERRUPT = "interrupt"
    ROLLBACK = "rollback"


class CancelAction(StrEnum):
    INTERRUPT = "interrupt"
    ROLLBACK = "rollback"


@immutable
class RunError:
    """Why a graph failed: the exception's class name and text."""

    error: str
    message: str


class AttemptOutcome(StrEnum):
    LOST = "lost"  # its lease ended: the worker was gone, or stood still
    HANDED_BACK = "handed_back"  # its worker stopped in good order


@immutable
class PastAttempt:
    """A try at a run that did not end it."""

    attempt: int
    worker: str
    started_at: datetime
    ended_at: datetime
    outcome: AttemptOutcome


@immutable
class Run:
    run_id: str
    owner: str
    thread_id: str
    assistant_id: str
    graph_id: str
    created_at: datetime
    updated_at: datetime
    status: RunStatus
    metadata: str
    kwargs: str
    multitask_strategy: MultitaskStrategy
    temporary: bool = False  # the thread goes when the run ends
    cron_id: str | None = None
    scheduled_for: datetime | None = None
    available_at: datetime | None = None  # not before; None: at once
    attempt: int = 0
    worker: str | None = None  # who holds the lease; of a running run None: its worker was lost, it waits for another
    lease_until: datetime | None = None
    cancel: CancelAction | None = None  # wished for, not carried out yet
    error: RunError | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    # Kept on the run itself once its thread is gone, so that those who wait for it can still be answered.
    values: str | None = None
    interrupts: str | None = None
    hidden: bool = False  # its thread was deleted when it ended; only waiting for it still finds it
    recorded: bool = False  # what happens in it is kept from its start, also while nobody follows it
    queued: bool = False  # not before the earlier runs of its cron have ended
    history: tuple[PastAttempt, ...] = ()  # the newest of them
    unreadable: str | None = None  # what of its row is no value, so that something else stands here for it


@immutable
class Outcome:
    """How one attempt at a run ended, as the runner saw it."""

    status: RunStatus
    values: str | None = None  # the state's values; None: there is no state
    interrupts: str = "{}"  # object: task id to a list of {id, value}
    stopped: bool = False  # nodes remain to be run: it waits for a human
    error: RunError | None = None
