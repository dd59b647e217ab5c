"""What the use cases need from the outside: a database, and loaded graphs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager
from enum import StrEnum
from typing import Protocol, TypeVar

from cronlane_service.domain.models import ThreadState
from cronlane_service.domain.run_stores import EventStore, PurgeStore, RunStore, WebhookStore
from cronlane_service.domain.states import HistoryQuery, Place, Supersteps, Updated
from cronlane_service.domain.stores import (
    AssistantStore,
    CronStore,
    FiringStore,
    RequestStore,
    ThreadStore,
    TickStore,
    VersionStore,
    ZoneStore,
)

T = TypeVar("T")
R = TypeVar("R")

NewId = Callable[[], str]


class Topic(StrEnum):
    """What a committed transaction can tell the background parts."""

    CRONS = "crons"  # somebody is due; key: when, by ISO 8601 in UTC, or "": at once. Of several the first is told
    RUNS = "runs"  # one under way is to be stopped, or state to be purged; key PENDING: no more than what that says
    RUN_ENDED = "run_ended"  # key: the run's id
    RUN_EVENTS = "run_events"  # something happened in a run; key: its id, or that of its thread
    WEBHOOKS = "webhooks"  # somebody is to be called
    WATCHED = "watched"  # somebody follows it, for the next minute; key: the id of a run or of a thread


PENDING = "pending"
"""A run became pending, or its turn came: nothing for who executes as many as it may."""


class Transaction(Protocol):
    @property
    def threads(self) -> ThreadStore: ...
    @property
    def crons(self) -> CronStore: ...
    @property
    def zones(self) -> ZoneStore: ...
    @property
    def ticks(self) -> TickStore: ...
    @property
    def firings(self) -> FiringStore: ...
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
    def apart(self) -> AbstractContextManager[None]:
        """What is written inside is taken back when it ends in an error, and nothing else is.

        Raises ValueError for what the database refuses to write.
        """
        ...

    def notify(self, topic: Topic, key: str = "") -> None:
        """Tells the listeners of a topic, after the commit and only if it happens."""
        ...


Operation = Callable[[Transaction], T]


class Database(Protocol):
    """Runs operations in transactions. Raises StoreUnavailable and Overloaded besides what the operation raises."""

    def submit(self, operation: Operation[T]) -> Future[T]:
        """Queues a write; done when it is committed and durable. A future cancelled in time is never run."""
        ...

    def submit_beside(self, operations: Sequence[Operation[T]]) -> Sequence[Future[T]]:
        """Writes that go on side by side, as many as there are connections for it; each has a commit of its own."""
        ...

    def write(self, operation: Operation[T]) -> Awaitable[T]:
        """The same, for a coroutine."""
        ...

    def write_few(self, operation: Operation[T], characters: int, show: Callable[[T], R]) -> Awaitable[R]:
        """`write` of what finds rows by their keys and writes a few of them, with so many characters of JSON.

        Where that is done in no time, the loop waits for it. ``show``: makes the answer of what the operation returned;
        perhaps before it is committed, perhaps twice.
        """
        ...

    def read(self, operation: Operation[T]) -> Awaitable[T]:
        """Runs on a snapshot beside the writer; it cannot write."""
        ...

    def search(self, operation: Operation[T]) -> Awaitable[T]:
        """A read that as a rule looks at few rows, but may look at many; it may be begun twice."""
        ...

    def look_up(self, operation: Operation[T]) -> Awaitable[T]:
        """A read that finds rows by their keys, and no more than a few: each statement sees what is committed then."""
        ...

    def read_now(self, operation: Operation[T]) -> T:
        """The same, for a thread that may wait."""
        ...

    @property
    def alone(self) -> bool:
        """Whether no other server can use the database meanwhile."""
        ...

    def listen(self, topic: Topic, listener: Callable[[str], None]) -> None:
        """The listener gets the key, on the database's thread, and must not wait or raise."""
        ...


class Graphs(Protocol):
    """The graphs of this server's langgraph.json."""

    @property
    def names(self) -> Sequence[str]: ...

    async def state(
        self, graph_id: str, thread_id: str, place: Place | None = None, subgraphs: bool = False, *, owner: str = ""
    ) -> ThreadState | None:
        """The newest, or that of a place: None when there is no such checkpoint. Raises GraphNotLoaded."""
        ...

    async def history(
        self, graph_id: str, thread_id: str, query: HistoryQuery, *, owner: str = ""
    ) -> Sequence[ThreadState]:
        """Newest first. Raises GraphNotLoaded."""
        ...

    async def update(
        self, graph_id: str, thread_id: str, supersteps: Supersteps, place: Place | None = None, *, owner: str = ""
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
