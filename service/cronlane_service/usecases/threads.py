"""Threads: conversations with state."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from cronlane_service.domain import checks, ids, jsontext, lifetimes, states
from cronlane_service.domain.clock import Clock
from cronlane_service.domain.drafts import ThreadDraft
from cronlane_service.domain.errors import (
    AlreadyExists,
    EtagMismatch,
    InvalidField,
    NotFound,
    ThreadBusy,
    ThreadHasNoGraph,
)
from cronlane_service.domain.lifetimes import PruneStrategy, Ttl
from cronlane_service.domain.models import Thread, ThreadStatus
from cronlane_service.domain.ports import NewId, Topic, Transaction
from cronlane_service.domain.queries import THREAD_SORTS, Page, ThreadQuery, Window
from cronlane_service.domain.states import Updated
from cronlane_service.usecases import outcomes, recording
from cronlane_service.usecases.requests import Request


class Threads:
    """Creates, reads, changes and deletes threads."""

    def __init__(self, clock: Clock, new_id: NewId, new_copy_id: NewId = ids.random) -> None:
        self._clock, self._new_id, self._new_copy_id = clock, new_id, new_copy_id

    def create(self, tx: Transaction, owner: str, draft: ThreadDraft, request_id: str | None = None) -> Thread:
        return self.found_or_made(tx, owner, draft, request_id)[0]

    def found_or_made(
        self, tx: Transaction, owner: str, draft: ThreadDraft, request_id: str | None = None
    ) -> tuple[Thread, bool]:
        """The thread, and whether it was made by this call. The caller applies the draft's supersteps if it was."""
        request = Request(tx, owner, request_id, "thread", draft) if request_id else None
        if request and (made := request.done()) is not None:
            return self.get(tx, owner, made), False
        _check_draft(draft)
        thread_id = ids.parse("thread", draft.thread_id) if draft.thread_id is not None else self._new_id()
        now = self._clock.now()
        thread = Thread(thread_id, owner, now, now, now, metadata=draft.metadata or "{}", ttl=draft.ttl)
        if draft.thread_id is None:
            tx.threads.insert_new(thread)
        elif not tx.threads.insert(thread):
            return self._existing(tx, owner, draft, thread_id), False
        if request:
            request.record(thread_id, now)
        return thread, True

    def _existing(self, tx: Transaction, owner: str, draft: ThreadDraft, thread_id: str) -> Thread:
        existing = tx.threads.get(owner, thread_id) if draft.if_exists_do_nothing else None
        if existing is None:
            raise AlreadyExists("thread", thread_id)
        return existing

    def get(self, tx: Transaction, owner: str, thread_id: str) -> Thread:
        return found(tx, owner, ids.parse("thread", thread_id))

    def update(
        self,
        tx: Transaction,
        owner: str,
        thread_id: str,
        metadata: str | None,
        etag: str = "",
        ttl: Ttl | None = None,
    ) -> Thread:
        """Merges metadata at the top level; None leaves it, or its ttl, as it is."""
        thread = self.get(tx, owner, thread_id)
        checks.json_object("metadata", metadata)
        lifetimes.check(ttl)
        check_etag("thread", thread.thread_id, thread.etag, etag)
        merged = jsontext.merge(thread.metadata, metadata) if metadata is not None else thread.metadata
        changed = replace(thread, metadata=merged, ttl=ttl or thread.ttl, updated_at=self._clock.now())
        tx.threads.save(changed)
        return changed

    def delete(self, tx: Transaction, owner: str, thread_id: str, etag: str = "") -> None:
        """With its runs, its crons and its checkpoints; a run under way is stopped."""
        thread = self.get(tx, owner, thread_id)
        check_etag("thread", thread.thread_id, thread.etag, etag)
        remove(tx, thread.thread_id)

    def prune(self, tx: Transaction, owner: str, thread_ids: Sequence[str], strategy: PruneStrategy) -> Sequence[str]:
        """The ids of those that there are. With KEEP_LATEST: those that are idle, and nothing is written."""
        if len(thread_ids) > checks.LIMIT:
            raise InvalidField("thread_ids", f"must not be more than {checks.LIMIT}")
        wanted = dict.fromkeys(ids.parse("thread", thread_id, "thread_ids") for thread_id in thread_ids)
        there = [thread_id for thread_id in wanted if tx.threads.get(owner, thread_id) is not None]
        if strategy is PruneStrategy.KEEP_LATEST:
            busy = {run.thread_id for run in tx.runs.active(there)}
            return [thread_id for thread_id in there if thread_id not in busy]
        for thread_id in there:
            remove(tx, thread_id)
        return there

    def expire(self, tx: Transaction, limit: int = 100) -> int:
        """Does what is due with threads whose time is over; answers how many there were."""
        ended = tx.threads.ended(self._clock.now(), limit)
        kept = [thread.thread_id for thread in ended if thread.ttl and thread.ttl.strategy is PruneStrategy.KEEP_LATEST]
        for thread_id in kept:
            tx.purges.insert(thread_id, lifetimes.EARLIER)
        tx.threads.outlive(kept)
        for thread in ended:
            if thread.thread_id not in kept:
                remove(tx, thread.thread_id)
        if kept:
            tx.notify(Topic.RUNS)
        return len(ended)

    def copied(self, source: Thread) -> Thread:
        """The copy of a thread, not stored yet: without a run's config, and as it was before runs under way."""
        now, busy = self._clock.now(), source.status is ThreadStatus.BUSY
        return replace(
            source,
            thread_id=self._new_copy_id(),
            created_at=now,
            updated_at=now,
            state_updated_at=now,
            config="{}",
            status=ThreadStatus.IDLE if busy else source.status,
            interrupts="{}" if busy else source.interrupts,
            error=None if busy else source.error,
            ttl=None,
        )

    def add(self, tx: Transaction, copy: Thread) -> Thread:
        tx.threads.insert_new(copy)
        return copy

    def discard(self, tx: Transaction, thread_id: str) -> None:
        """Has the checkpoints deleted of a thread that did not come to be."""
        if not tx.threads.find([thread_id]):
            tx.purges.insert(thread_id, "")
            tx.notify(Topic.RUNS)

    def unmake(self, tx: Transaction, thread_id: str) -> None:
        """Takes back a thread that could not be given its state."""
        remove(tx, thread_id)

    def to_update(self, tx: Transaction, owner: str, thread_id: str) -> tuple[Thread, str]:
        """A thread whose state can be written now, and its graph. Raises ThreadHasNoGraph and ThreadBusy."""
        thread = self.get(tx, owner, thread_id)
        graph_id = graph_of(thread)
        if graph_id is None:
            raise ThreadHasNoGraph(thread.thread_id)
        if active := tx.runs.active([thread.thread_id]):
            runs = ", ".join(run.run_id for run in active)
            raise ThreadBusy(thread.thread_id, f"Thread {thread.thread_id} has in-flight runs: {runs}")
        return thread, graph_id

    def updated(self, tx: Transaction, owner: str, thread_id: str, updated: Updated) -> Thread | None:
        """Shows on the thread what was written to its state; None: it has been deleted meanwhile."""
        thread = tx.threads.get(owner, thread_id)
        if thread is None:
            self.discard(tx, thread_id)
            return None
        busy = bool(tx.runs.active([thread_id]))
        now = self._clock.now()
        changed = outcomes.settled(thread, updated.left, rolled_back=False, busy=busy, now=now)
        tx.threads.save(changed)
        recording.state_updated(tx, changed, updated.state, now)
        return changed

    def search(self, tx: Transaction, owner: str, query: ThreadQuery, window: Window) -> Page[Thread]:
        checks.window(window, THREAD_SORTS)
        return tx.threads.search(owner, _checked(query), window)

    def count(self, tx: Transaction, owner: str, query: ThreadQuery) -> int:
        return tx.threads.count(owner, _checked(query))


def _check_draft(draft: ThreadDraft) -> None:
    checks.is_json_object("metadata", draft.metadata)
    lifetimes.check(draft.ttl)
    if draft.supersteps:
        states.check_supersteps(draft.supersteps)
        if graph_named(draft.metadata) is None:
            raise ThreadHasNoGraph(draft.thread_id or "")


def graph_of(thread: Thread) -> str | None:
    """The graph that ran on it last. Before the first run callers may have put anything there."""
    return graph_named(thread.metadata)


def graph_named(metadata: str | None) -> str | None:
    checks.is_json_object("metadata", metadata)
    graph_id = jsontext.parse(metadata or "{}").get("graph_id")
    return graph_id if isinstance(graph_id, str) else None


def _checked(query: ThreadQuery) -> ThreadQuery:
    checks.is_json_object("metadata", query.metadata)
    checks.is_json_object("values", query.values)
    return replace(query, ids=tuple(ids.parse("thread", thread_id, "ids") for thread_id in query.ids))


def found(tx: Transaction, owner: str, thread_id: str) -> Thread:
    thread = tx.threads.get(owner, thread_id)
    if thread is None:
        raise NotFound("thread", thread_id)
    return thread


def remove(tx: Transaction, thread_id: str) -> None:
    """A thread with all that is on it."""
    tx.crons.delete_of_thread(thread_id)
    for run_id in tx.runs.delete_of_thread(thread_id):
        tx.notify(Topic.RUN_ENDED, run_id)
    tx.notify(Topic.RUN_EVENTS, thread_id)  # for who follows it: there will be no more
    tx.threads.delete(thread_id)
    tx.purges.insert(thread_id, "")
    tx.notify(Topic.RUNS)


def check_etag(kind: str, name: str, current: str, expected: str) -> None:
    if expected and expected != current:
        raise EtagMismatch(kind, name, current)
