"""What the use cases ask of the database, for threads, crons and assistants.

Every method of a store works inside the transaction it was handed out by. ``owner`` scopes what a caller sees; methods
without it are the service's own.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from cronlane_service.domain.alike import Due, Fired, FiredAlike, Member
from cronlane_service.domain.models import Assistant, AssistantVersion, Cron, CronProgress, Thread, ThreadStatus, Tick
from cronlane_service.domain.queries import AssistantQuery, CronQuery, Page, ThreadQuery, TickQuery, Window
from cronlane_service.domain.runs import RunError, RunStatus


class ThreadStore(Protocol):
    def insert(self, thread: Thread) -> bool:
        """False, and nothing is written, when the id is taken (by any owner)."""
        ...

    def insert_new(self, thread: Thread) -> None:
        """One with an id that was made for it: nobody asks whether it is taken."""
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

    def delete(self, owner: str, cron_id: str) -> bool: ...
    def delete_of_thread(self, thread_id: str) -> int: ...
    def delete_of_assistant(self, assistant_id: str) -> int: ...
    def search(self, owner: str, query: CronQuery, window: Window) -> Page[Cron]: ...
    def count(self, owner: str, query: CronQuery) -> int: ...
    def due(self, now: datetime, limit: int) -> Sequence[Cron]:
        """Enabled crons whose due_at is not after now, oldest first."""
        ...

    def find(self, cron_ids: Sequence[str]) -> Sequence[Cron]:
        """Those that exist, the one that is due first coming first; without those on threads others are changing."""
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

    def zoned(self, zones: Sequence[str], after: str, limit: int) -> Sequence[Cron]:
        """Those that are to be fired and are in one of these time zones, by id, after that one."""
        ...


class ZoneStore(Protocol):
    """The time zones of crons."""

    def used(self) -> Sequence[str]:
        """Those that any cron is in."""
        ...

    def rules(self) -> Mapping[str, str]:
        """By zone, what was noted last."""
        ...

    def note(self, rules: Mapping[str, str]) -> None: ...


class FiringStore(Protocol):
    """Crons by the dozen."""

    def due(self, now: datetime, limit: int) -> Due:
        """Enabled crons whose due_at is not after now; so many, those that are due first."""
        ...

    def ahead(self, after: datetime, cron_id: str, until: datetime, limit: int) -> Due:
        """The same of those that come after that one (by due_at and id); leaves them to whoever else fires them."""
        ...

    def coming(self, after: datetime, cron_id: str, until: datetime, limit: int) -> Sequence[Member]:
        """Plain crons that come after that one (by due_at and id) and are due by ``until``, in this order."""
        ...

    def hold(self, fired: Sequence[Fired]) -> Collection[str]:
        """The ids of those crons that are still what they were when they were read, and which nobody else changes now.

        Where one transaction at a time writes nothing is looked at: `write` notices.
        """
        ...

    def write(self, batch: Sequence[FiredAlike]) -> None:
        """Ticks, runs, their threads, and the crons' next instants. Raises CronsChanged."""
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

    def decided(self, cron_id: str, first: datetime, last: datetime) -> Collection[datetime]:
        """The instants from the first to the last that have a row."""
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


class AssistantStore(Protocol):
    def insert(self, assistant: Assistant) -> bool:
        """False, and nothing is written, when the id is taken (by any owner)."""
        ...

    def upsert(self, assistant: Assistant) -> None: ...
    def delete(self, assistant_id: str) -> bool: ...
    def get(self, owner: str, assistant_id: str) -> Assistant | None:
        """The owner's, or one of the service's own (metadata.created_by is "system", owner "")."""
        ...

    def exists(self, owner: str, assistant_id: str) -> bool:
        """Whether `get` finds it."""
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
    def rehearse(self) -> None:
        """Writes something of some size and takes it back: raises what keeps the database from being written."""
        ...
