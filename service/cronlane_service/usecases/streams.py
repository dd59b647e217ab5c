"""What happens in runs, read by those who follow them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cronlane_service.domain import ids
from cronlane_service.domain.errors import InvalidField, NotFound
from cronlane_service.domain.events import RunEvent, resumable
from cronlane_service.domain.ports import Topic, Transaction
from cronlane_service.domain.runs import Run
from cronlane_service.usecases import threads

FROM_THE_FIRST = ("-1", "-", "0")
_LATEST = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Followed:
    """The next events; ``over``: there will be no others."""

    events: Sequence[RunEvent]
    over: bool


@dataclass(frozen=True, slots=True)
class Follower:
    """Somebody who follows a run or a thread, and the seq of the last event that they are not to be told."""

    owner: str
    thread_id: str
    after: int
    run_id: str | None = None  # None: all of the thread
    recorded: bool = False  # the run is, whether or not somebody follows
    awaited: bool = False  # the thread may still be made

    @property
    def key(self) -> str:
        """What they are notified by."""
        return self.thread_id if self.run_id is None else self.run_id


class Streams:
    """What callers can be told of runs that go on."""

    def of_run(
        self, tx: Transaction, owner: str, thread_id: str, run_id: str, last_event_id: str
    ) -> tuple[Run, Follower]:
        """From now on; of a resumable run from after the event with that id. Also finds one that has ended."""
        thread_id, run_id = ids.parse("thread", thread_id), ids.parse("run", run_id)
        run = tx.runs.get(owner, thread_id, run_id, hidden=True)
        if run is None:
            raise NotFound("run", run_id)
        after = _seq(last_event_id)
        if after is None or not resumable(run):
            after = tx.events.last(thread_id)
        return run, Follower(owner, thread_id, after, run_id, run.recorded)

    def of_new_run(self, run: Run) -> Follower:
        """From its first event."""
        return Follower(run.owner, run.thread_id, 0, run.run_id, run.recorded)

    def of_thread(self, tx: Transaction, owner: str, thread_id: str, last_event_id: str) -> Follower:
        thread = threads.found(tx, owner, ids.parse("thread", thread_id))
        after = _seq(last_event_id)
        return Follower(owner, thread.thread_id, tx.events.last(thread.thread_id) if after is None else after)

    def following(self, tx: Transaction, follower: Follower, after: int, limit: int) -> Followed:
        if follower.run_id is None:
            events = tx.events.of_thread(follower.owner, follower.thread_id, after, limit)
            gone = not follower.awaited and tx.threads.get(follower.owner, follower.thread_id) is None
            return Followed(events, over=gone and len(events) < limit)
        events = tx.events.of_run(follower.run_id, after, limit)
        run = tx.runs.find(follower.run_id)
        ended = run is None or not run.status.active
        return Followed(events, over=ended and len(events) < limit)

    def watch(self, tx: Transaction, follower: Follower) -> None:
        """Tells the workers that somebody follows; to be said again within a minute."""
        tx.notify(Topic.WATCHED, follower.key)


def _seq(event_id: str) -> int | None:
    if not event_id:
        return None
    if event_id in FROM_THE_FIRST:
        return 0
    if not (event_id.isascii() and event_id.isdecimal()) or len(event_id) > 19 or int(event_id) > _LATEST:
        raise InvalidField(
            "last_event_id", "is not the id of an event", "Invalid last-event-id: not the id of an event"
        )
    return int(event_id)
