"""What the use cases ask of the database, for runs and what comes of them.

Every method of a store works inside the transaction it was handed out by. ``owner`` scopes what a caller sees; methods
without it are the service's own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from datetime import datetime
from typing import Protocol

from cronlane_service.domain.events import RunEvent
from cronlane_service.domain.models import Thread
from cronlane_service.domain.queries import RunQuery, Window
from cronlane_service.domain.runs import CancelAction, Run, RunStatus
from cronlane_service.domain.webhooks import Webhook


class RunStore(Protocol):
    def insert_many(self, runs: Sequence[Run]) -> None: ...
    def get(self, owner: str, thread_id: str, run_id: str, *, hidden: bool = False) -> Run | None:
        """``hidden``: also one whose thread was deleted when it ended."""
        ...

    def find(self, run_id: str) -> Run | None: ...
    def list(self, owner: str, thread_id: str, query: RunQuery, window: Window) -> Sequence[Run]: ...
    def active(self, thread_ids: Sequence[str]) -> Sequence[Run]:
        """Pending and running ones of these threads, in the order in which they go: created_at, then run_id."""
        ...

    def crons_at_work(self, cron_ids: Sequence[str]) -> Set[str]:
        """Those of these crons that have a pending or running run."""
        ...

    def active_of_owner(self, owner: str, status: RunStatus | None) -> Sequence[Run]:
        """Pending and running ones of all threads, or those of one of these statuses; oldest first."""
        ...

    def save(self, run: Run) -> None: ...
    def delete(self, run_id: str) -> bool: ...
    def delete_of_thread(self, thread_id: str) -> Sequence[str]:
        """The ids of those that were pending or running."""
        ...

    def claim(
        self, worker: str, now: datetime, lease_until: datetime, limit: int, graphs: Sequence[str]
    ) -> Sequence[Run]:
        """Makes runs of these graphs this worker's: status running, attempt + 1, started_at, updated_at.

        Taken are pending runs that are available and the first of their thread while none of it is running, and
        running ones whose lease has ended; oldest first. One that had no worker keeps its attempt.
        """
        ...

    def left(self, now: datetime, graphs: Sequence[str]) -> bool:
        """Whether `claim` passed over a run that can be claimed, because another server was at work on its thread."""
        ...

    def stranded(self, since: datetime, now: datetime, graphs: Sequence[str]) -> Sequence[str]:
        """Other graphs that available runs wait for which are pending since then or longer."""
        ...

    def lost(self, now: datetime) -> Sequence[Run]:
        """Running ones of workers whose lease has ended; not those that wait for another worker already."""
        ...

    def renew(self, worker: str, held: Mapping[str, int], lease_until: datetime) -> None:
        """Moves the lease of runs (id to attempt) that are still this worker's in that attempt."""
        ...

    def release(self, lease_until: datetime) -> int:
        """Ends every lease at that instant; for a server that knows itself to be alone."""
        ...

    def held(self, worker: str) -> Mapping[str, tuple[int, CancelAction | None]]:
        """Run id to attempt and cancel wish, of running runs whose lease is this worker's."""
        ...

    def end(self, run: Run) -> bool:
        """Writes a run's end if it is still running in the same attempt; False when it is not (fencing)."""
        ...

    def next_available(self, now: datetime) -> datetime | None:
        """The next instant at which a delayed run becomes available or a lease ends; None: there is none."""
        ...

    def delete_hidden(self, ended_before: datetime, limit: int) -> int: ...


class EventStore(Protocol):
    """What happened in runs; ``seq`` grows from event to event of a thread."""

    def append(self, run: Run, events: Sequence[RunEvent], now: datetime) -> None: ...
    def append_apart(self, thread: Thread, events: Sequence[RunEvent], now: datetime, until: datetime) -> None:
        """What happened on a thread in no run."""
        ...

    def last(self, thread_id: str) -> int:
        """The seq of a thread's last event; 0: there is none."""
        ...

    def of_run(self, run_id: str, after: int, limit: int) -> Sequence[RunEvent]:
        """Those with a greater seq, in order."""
        ...

    def of_thread(self, owner: str, thread_id: str, after: int, limit: int) -> Sequence[RunEvent]: ...
    def keep_until(self, run_id: str, until: datetime) -> None:
        """Says when a run's events may go; until it is said, they go when the run is deleted."""
        ...

    def delete_expired(self, now: datetime, limit: int) -> int: ...


class WebhookStore(Protocol):
    """Calls that are to be made. What is claimed is known by its number of attempts: another claim has another."""

    def insert(self, webhook: Webhook) -> None:
        """Nothing when its run has one."""
        ...

    def claim(self, now: datetime, lease_until: datetime, limit: int) -> Sequence[Webhook]:
        """Takes those that are due, the longest due first: attempts + 1, and not due again before the lease ends."""
        ...

    def put_off(self, webhook: Webhook, until: datetime, problem: str | None) -> None:
        """One that was claimed, if it is still claimed."""
        ...

    def delete(self, webhook: Webhook) -> None:
        """One that was claimed, if it is still claimed."""
        ...

    def release(self, now: datetime) -> int:
        """Makes all due at that instant."""
        ...

    def next_due(self) -> datetime | None: ...


class PurgeStore(Protocol):
    """Checkpoints that are to be deleted: all of a thread (run_id ``""``), the EARLIER ones, or those of one run."""

    def insert(self, thread_id: str, run_id: str) -> None: ...
    def list(self, limit: int) -> Sequence[tuple[str, str]]: ...
    def delete(self, thread_id: str, run_id: str) -> None: ...
