"""What the service knows about: threads, assistants, crons and ticks; runs are in `runs`.

Instants are aware datetimes in UTC. Fields called ``metadata``, ``config``, ``context``, ``input``, ``kwargs``,
``values``, ``interrupts`` and ``extra`` hold JSON text exactly as it came, see `jsontext`.
"""

from __future__ import annotations

from dataclasses import field
from datetime import datetime
from enum import StrEnum
from functools import lru_cache

from cronlane_service.domain.immutable import immutable
from cronlane_service.domain.lifetimes import Ttl
from cronlane_service.domain.policies import DEFAULT, Policies
from cronlane_service.domain.runs import MultitaskStrategy, RunError, RunStatus


class ThreadStatus(StrEnum):
    IDLE = "idle"
    BUSY = "busy"
    INTERRUPTED = "interrupted"
    ERROR = "error"


class OnCompletion(StrEnum):
    DELETE = "delete"
    KEEP = "keep"


class TickOutcome(StrEnum):
    FIRED = "fired"
    MISSED = "missed"
    SKIPPED_BUSY = "skipped_busy"
    SKIPPED_OVERLAP = "skipped_overlap"
    TRIGGERED = "triggered"  # by somebody, outside the schedule
    ERROR = "error"


@immutable
class Assistant:
    assistant_id: str
    owner: str
    graph_id: str
    name: str
    created_at: datetime
    updated_at: datetime
    config: str = "{}"
    context: str = "{}"
    metadata: str = "{}"
    version: int = 1
    description: str | None = None

    @property
    def etag(self) -> str:
        return etag(self.updated_at)


@immutable
class AssistantVersion:
    """What an assistant was from one change to the next."""

    assistant_id: str
    version: int
    graph_id: str
    name: str
    created_at: datetime
    config: str = "{}"
    context: str = "{}"
    metadata: str = "{}"
    description: str | None = None


@immutable
class Thread:
    thread_id: str
    owner: str
    created_at: datetime
    updated_at: datetime
    state_updated_at: datetime
    metadata: str = "{}"
    status: ThreadStatus = ThreadStatus.IDLE
    config: str = "{}"
    values: str | None = None
    interrupts: str = "{}"
    error: RunError | None = None
    ttl: Ttl | None = None

    def __hash__(self) -> int:
        """Of what tells it from others and from itself before."""
        return hash((self.thread_id, self.updated_at))

    @property
    def etag(self) -> str:
        return etag(self.updated_at)


@immutable
class RunTemplate:
    """What a cron hands to each of its runs. ``None`` and ``()`` mean: not said."""

    input: str | None = None
    config: str | None = None
    context: str | None = None
    interrupt_before: tuple[str, ...] = ()
    interrupt_after: tuple[str, ...] = ()
    multitask_strategy: MultitaskStrategy | None = None
    stream_mode: tuple[str, ...] = ()
    stream_subgraphs: bool | None = None
    stream_resumable: bool | None = None
    durability: str | None = None
    command: str | None = None
    feedback_keys: tuple[str, ...] = ()
    webhook: str | None = None


@immutable
class CronCounters:
    """What became of a cron's ticks and runs so far."""

    fired: int = 0
    missed: int = 0
    skipped: int = 0
    failed: int = 0  # runs that ended as error or timeout
    failures_in_a_row: int = 0
    last_outcome: RunStatus | None = None  # of the run that ended last


NOTHING_COUNTED = CronCounters()


@immutable
class Cron:
    cron_id: str
    owner: str
    assistant_id: str
    thread_id: str | None
    schedule: str
    timezone: str | None
    end_time: datetime | None
    enabled: bool
    on_run_completed: OnCompletion | None
    next_run_date: datetime | None
    metadata: str
    created_at: datetime
    updated_at: datetime
    run: RunTemplate = field(default_factory=RunTemplate)
    extra: str = "{}"
    disabled_reason: str | None = None
    policies: Policies = DEFAULT
    due_at: datetime | None = None  # when next_run_date is fired: later than it by the jitter
    paused_at: datetime | None = None  # since when it is not enabled
    note: str | None = None
    counters: CronCounters = NOTHING_COUNTED  # written by the statements that count
    unreadable: str | None = None  # what of its row is no value, so that something else stands here for it

    def __hash__(self) -> int:
        """Of what tells it from others and from itself before."""
        return hash((self.cron_id, self.updated_at, self.next_run_date, self.counters.fired))

    @property
    def etag(self) -> str:
        return etag(self.updated_at)


@immutable
class CronProgress:
    """Where a cron stands after its ticks were decided, and how many more of which kind."""

    cron_id: str
    next_run_date: datetime | None
    due_at: datetime | None
    fired: int = 0
    missed: int = 0
    skipped: int = 0


@immutable
class Tick:
    """One nominal instant of one cron, and what became of it. ``count`` > 1: it stands for later missed ones too."""

    cron_id: str
    scheduled_for: datetime
    owner: str
    decided_at: datetime
    outcome: TickOutcome
    reason: str | None = None
    run_id: str | None = None
    count: int = 1


@immutable
class Checkpoint:
    thread_id: str
    checkpoint_ns: str
    checkpoint_id: str
    checkpoint_map: str | None = None  # of a subgraph: an object, checkpoint id by namespace


@immutable
class ThreadTask:
    id: str
    name: str
    path: str
    error: str | None
    interrupts: str
    checkpoint: str | None
    state: str | None
    result: str | None


@immutable
class ThreadState:
    """A thread's state at one checkpoint; the default is that of a thread that never ran."""

    values: str = "{}"
    next: tuple[str, ...] = ()
    tasks: tuple[ThreadTask, ...] = ()
    metadata: str | None = None
    created_at: datetime | None = None
    checkpoint: Checkpoint | None = None
    parent_checkpoint: Checkpoint | None = None
    interrupts: str = "[]"


@lru_cache(maxsize=4096)
def etag(changed_at: datetime) -> str:
    """The etag of a resource that last changed at that instant."""
    text = changed_at.isoformat(timespec="microseconds")  # strftime takes ten times as long
    return f'"{text[:4]}{text[5:7]}{text[8:10]}{text[11:13]}{text[14:16]}{text[17:19]}{text[20:26]}"'
