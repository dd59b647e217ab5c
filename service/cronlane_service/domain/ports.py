"""What the use cases need from the outside: a database, and loaded graphs.

Every method of a store works inside the transaction it was handed out by. ``owner`` scopes what a caller sees; methods
without it are the service's own.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence, Set
from concurrent.futures import Future
from datetime import datetime
from enum import StrEnum
from typing import Protocol, TypeVar

from cronlane_service.domain.events import RunEvent
from cronlane_service.domain.models import (
    Assistant,
    AssistantVersion,
    CancelAction,
    Cron,
    CronProgress,
    Run,
    RunError,
    RunStatus,
    Thread,
    ThreadState,
    ThreadStatus,
    Tick,
)
from cronlane_service.domain.queries import AssistantQuery, CronQuery, Page, RunQuery, ThreadQuery, TickQuery, Window
from cronlane_service.domain.states import HistoryQuery, Place, Supersteps, Updated
from cronlane_service.domain.webhooks import Webhook

T = TypeVar("T")

NewId = Callable[[], str]


class Topic(StrEnum):
    """What a committed transaction can tell the background parts."""

    CRONS = "crons"  # a due instant may have come nearer
    RUNS = "runs"  # a run became pending, or one under way is to be stopped, or state is to be purged
    RUN_ENDED = "run_ended"  # key: the run's id
    RUN_EVENTS = "run_events"  # something happened in a run; key: its id, or that of its thread
    WEBHOOKS = "webhooks"  # somebody is to be called
    WATCHED = "watched"  # somebody follows it, for the next minute; key: the id of a run or of a thread


class ThreadStore(Protocol):
    def insert(self, thread: Thread) -> bool:
        """False, and nothing is written, when the id is taken (by any owner)."""
        ...

    def insert_many(self, threads: Sequence[Thread]) -> None: ...
    def get(self, owner: str, thread_id: str) -> Thread | None: ...
    def find(self, thread_ids: Sequence[str]) -> Mapping[str, Thread]:
        """Those that exist, by id."""
        ...

    def save(self, thread: Thread) -> None:
        """Writes every column of a thread that exists."""
        ...

    def mark(self, thread_ids: Sequence[str], status: ThreadStatus, now: datetime) -> None:
        """Sets status, updated_at and state_updated_at, which renews it."""
        ...

    def ended(self, now: datetime, limit: int) -> Sequence[Thread]:
        """Those whose time is over and that are not busy, the longest over first."""
        ...

    def outlive(self, thread_ids: Sequence[str]) -> None:
        """Their time is not over again before they change."""
        ...

    def delete(self, thread_id: str) -> bool: ...
    def search(self, owner: str, query: ThreadQuery, window: Window) -> Page[Thread]: ...
    def count(self, owner: str, query: ThreadQuery) -> int: ...


class CronStore(Protocol):
    def insert(self, cron: Cron) -> None: ...
    def get(self, owner: str, cron_id: str) -> Cron | None: ...
    def save(self, cron: Cron) -> None:
        """Writes every column but the counters."""
        ...

    def delete(self, cron_id: str) -> bool: ...
    def delete_of_thread(self, thread_id: str) -> int: ...
    def delete_of_assistant(self, assistant_id: str) -> int: ...
    def search(self, owner: str, query: CronQuery, window: Window) -> Page[Cron]: ...
    def count(self, owner: str, query: CronQuery) -> int: ...
    def due(self, now: datetime, limit: int) -> Sequence[Cron]:
        """Enabled crons whose due_at is not after now, oldest first."""
        ...

    def next_due(self) -> datetime | None:
        """The smallest due_at of an enabled cron."""
        ...

    def advance(self, progress: Sequence[CronProgress]) -> None:
        """Sets next_run_date and due_at and adds to the counters, and nothing else."""
        ...

    def disable(self, cron_id: str, reason: str, now: datetime) -> None: ...
    def run_ended(self, cron_id: str, outcome: RunStatus) -> None:
        """Notes the outcome and counts it; one that is no failure and no success leaves failures_in_a_row."""
        ...

    def pause_failing(self, cron_id: str, reason: str, now: datetime) -> bool:
        """Pauses an enabled cron that failed as many times in a row as it may; False when it did not."""
        ...

    def forgive(self, cron_id: str) -> None:
        """Sets failures_in_a_row to 0."""
        ...

    def zoned(self, after: str, limit: int) -> Sequence[Cron]:
        """Those that are to be fired and have a time zone, by id, after that one."""
        ...


class TickStore(Protocol):
    def insert_many(self, ticks: Sequence[Tick]) -> None:
        """Raises AlreadyExists when one of them is there already: a tick is decided once."""
        ...

    def of_cron(self, cron_id: str) -> Sequence[Tick]:
        """Oldest first."""
        ...

    def list(self, owner: str, cron_id: str, query: TickQuery, limit: int) -> Sequence[Tick]:
        """Oldest first."""
        ...

    def latest(self, cron_id: str) -> datetime | None:
        """The newest instant of the schedule that was decided."""
        ...

    def delete(self, cron_id: str, instants: Sequence[datetime]) -> int: ...
    def delete_before(self, decided_before: datetime, limit: int) -> int:
        """Oldest first."""
        ...

    def record(self, run_id: str, status: RunStatus, error: RunError | None) -> None:
        """Notes on the tick that made this run how it ended; no such tick: nothing."""
        ...


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

    def claim(self, worker: str, now: datetime, lease_until: datetime, limit: int) -> Sequence[Run]:
        """Makes runs this worker's: status running, attempt + 1, started_at, updated_at.

        Taken are pending runs that are available and the first of their thread while none of it is running, and
        running ones whose lease has ended; oldest first.
        """
        ...

    def left(self, now: datetime) -> bool:
        """Whether `claim` passed over a run that can be claimed, because another server was at work on its thread."""
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


class AssistantStore(Protocol):
    def insert(self, assistant: Assistant) -> bool:
        """False, and nothing is written, when the id is taken (by any owner)."""
        ...

    def upsert(self, assistant: Assistant) -> None: ...
    def delete(self, assistant_id: str) -> bool: ...
    def get(self, owner: str, assistant_id: str) -> Assistant | None:
        """The owner's, or one of the service's own (metadata.created_by is "system", owner "")."""
        ...

    def find(self, assistant_ids: Sequence[str]) -> Mapping[str, Assistant]: ...
    def search(self, owner: str, query: AssistantQuery, window: Window) -> Page[Assistant]: ...
    def count(self, owner: str, query: AssistantQuery) -> int: ...


class VersionStore(Protocol):
    """What assistants were; of one that is gone nothing is kept."""

    def insert(self, version: AssistantVersion) -> None: ...
    def get(self, assistant_id: str, version: int) -> AssistantVersion | None: ...
    def last(self, assistant_id: str) -> int:
        """The highest number given; 0: there is none."""
        ...

    def list(self, assistant_id: str, metadata: str | None, limit: int, offset: int) -> Sequence[AssistantVersion]:
        """Newest first; ``metadata`` as in a search."""
        ...

    def delete_of_assistant(self, assistant_id: str) -> int: ...


class RequestStore(Protocol):
    def seen(self, owner: str, request_id: str, fingerprint: str) -> str | None:
        """The id of what this request made before. Raises RequestIdReused when the fingerprint is another."""
        ...

    def insert(self, owner: str, request_id: str, fingerprint: str, resource_id: str, now: datetime) -> None: ...
    def delete_before(self, created_before: datetime, limit: int) -> int: ...


class EventStore(Protocol):
    """What happened in runs; ``seq`` grows from event to event of a thread."""

    def append(self, run: Run, events: Sequence[RunEvent], now: datetime) -> None: ...
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


class Transaction(Protocol):
    @property
    def threads(self) -> ThreadStore: ...
    @property
    def crons(self) -> CronStore: ...
    @property
    def ticks(self) -> TickStore: ...
    @property
    def runs(self) -> RunStore: ...
    @property
    def assistants(self) -> AssistantStore: ...
    @property
    def versions(self) -> VersionStore: ...
    @property
    def requests(self) -> RequestStore: ...
    @property
    def purges(self) -> PurgeStore: ...
    @property
    def events(self) -> EventStore: ...
    @property
    def webhooks(self) -> WebhookStore: ...
    def notify(self, topic: Topic, key: str = "") -> None:
        """Tells the listeners of a topic, after the commit and only if it happens."""
        ...


Operation = Callable[[Transaction], T]


class Database(Protocol):
    """Runs operations in transactions. Raises StoreUnavailable and Overloaded besides what the operation raises."""

    def submit(self, operation: Operation[T]) -> Future[T]:
        """Queues a write; done when it is committed and durable. A future cancelled in time is never run."""
        ...

    def write(self, operation: Operation[T]) -> Awaitable[T]:
        """The same, for a coroutine."""
        ...

    def read(self, operation: Operation[T]) -> Awaitable[T]:
        """Runs on a snapshot beside the writer; it cannot write."""
        ...

    def listen(self, topic: Topic, listener: Callable[[str], None]) -> None:
        """The listener gets the key, on the database's thread, and must not wait or raise."""
        ...


class Graphs(Protocol):
    """The graphs of this server's langgraph.json."""

    @property
    def names(self) -> Sequence[str]: ...

    async def state(
        self, graph_id: str, thread_id: str, place: Place | None = None, subgraphs: bool = False
    ) -> ThreadState | None:
        """The newest, or that of a place: None when there is no such checkpoint. Raises GraphNotLoaded."""
        ...

    async def history(self, graph_id: str, thread_id: str, query: HistoryQuery) -> Sequence[ThreadState]:
        """Newest first. Raises GraphNotLoaded."""
        ...

    async def update(
        self, graph_id: str, thread_id: str, supersteps: Supersteps, place: Place | None = None
    ) -> Updated:
        """Raises GraphNotLoaded, NotFound for a checkpoint, InvalidStateUpdate."""
        ...

    async def copy(self, source_id: str, target_id: str) -> None:
        """All checkpoints of a thread, for a thread that has none."""
        ...

    async def newest(self, thread_id: str) -> Mapping[str, str]:
        """The newest checkpoint by namespace, where no other one is needed."""
        ...

    async def forget(self, thread_id: str, newest: Mapping[str, str]) -> None:
        """Deletes the checkpoints that are older than these."""
        ...
