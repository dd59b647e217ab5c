"""Threads: conversations with state."""

from __future__ import annotations

from dataclasses import replace

from cronlane_service.domain import checks, ids, jsontext
from cronlane_service.domain.clock import Clock
from cronlane_service.domain.drafts import ThreadDraft
from cronlane_service.domain.errors import AlreadyExists, EmptyUpdate, EtagMismatch, NotFound
from cronlane_service.domain.models import Thread
from cronlane_service.domain.ports import NewId, Topic, Transaction
from cronlane_service.domain.queries import THREAD_SORTS, Page, ThreadQuery, Window
from cronlane_service.usecases.requests import Request


class Threads:
    """Creates, reads, changes and deletes threads."""

    def __init__(self, clock: Clock, new_id: NewId) -> None:
        self._clock, self._new_id = clock, new_id

    def create(self, tx: Transaction, owner: str, draft: ThreadDraft, request_id: str | None = None) -> Thread:
        request = Request(tx, owner, request_id, "thread", draft)
        if (made := request.done()) is not None:
            return self.get(tx, owner, made)
        checks.json_object("metadata", draft.metadata)
        thread_id = ids.parse("thread", draft.thread_id) if draft.thread_id is not None else self._new_id()
        now = self._clock.now()
        thread = Thread(thread_id, owner, now, now, now, metadata=draft.metadata or "{}")
        if not tx.threads.insert(thread):
            return self._existing(tx, owner, draft, thread_id)
        request.record(thread_id, now)
        return thread

    def _existing(self, tx: Transaction, owner: str, draft: ThreadDraft, thread_id: str) -> Thread:
        existing = tx.threads.get(owner, thread_id) if draft.if_exists_do_nothing else None
        if existing is None:
            raise AlreadyExists("thread", thread_id)
        return existing

    def get(self, tx: Transaction, owner: str, thread_id: str) -> Thread:
        return found(tx, owner, ids.parse("thread", thread_id))

    def update(self, tx: Transaction, owner: str, thread_id: str, metadata: str | None, etag: str = "") -> Thread:
        """Merges metadata at the top level. Raises EmptyUpdate without any."""
        thread = self.get(tx, owner, thread_id)
        if metadata is None:
            raise EmptyUpdate
        checks.json_object("metadata", metadata)
        check_etag("thread", thread.thread_id, thread.etag, etag)
        changed = replace(thread, metadata=jsontext.merge(thread.metadata, metadata), updated_at=self._clock.now())
        tx.threads.save(changed)
        return changed

    def delete(self, tx: Transaction, owner: str, thread_id: str, etag: str = "") -> None:
        """With its runs, its crons and its checkpoints; a run under way is stopped."""
        thread = self.get(tx, owner, thread_id)
        check_etag("thread", thread.thread_id, thread.etag, etag)
        tx.crons.delete_of_thread(thread.thread_id)
        for run_id in tx.runs.delete_of_thread(thread.thread_id):
            tx.notify(Topic.RUN_ENDED, run_id)
        tx.threads.delete(thread.thread_id)
        tx.purges.insert(thread.thread_id, "")
        tx.notify(Topic.RUNS)

    def search(self, tx: Transaction, owner: str, query: ThreadQuery, window: Window) -> Page[Thread]:
        checks.window(window, THREAD_SORTS)
        return tx.threads.search(owner, _checked(query), window)

    def count(self, tx: Transaction, owner: str, query: ThreadQuery) -> int:
        return tx.threads.count(owner, _checked(query))


def _checked(query: ThreadQuery) -> ThreadQuery:
    checks.json_object("metadata", query.metadata)
    checks.json_object("values", query.values)
    return replace(query, ids=tuple(ids.parse("thread", thread_id, "ids") for thread_id in query.ids))


def found(tx: Transaction, owner: str, thread_id: str) -> Thread:
    thread = tx.threads.get(owner, thread_id)
    if thread is None:
        raise NotFound("thread", thread_id)
    return thread


def check_etag(kind: str, name: str, current: str, expected: str) -> None:
    if expected and expected != current:
        raise EtagMismatch(kind, name, current)
