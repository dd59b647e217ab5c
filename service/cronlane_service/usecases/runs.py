"""Runs, as their callers see them: created, read, waited for, cancelled, deleted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from cronlane_service.domain import checks, ids, jsontext, webhooks
from cronlane_service.domain.clock import Clock
from cronlane_service.domain.drafts import RunDraft, RunSelection
from cronlane_service.domain.errors import InvalidField, NotFound, ThreadBusy
from cronlane_service.domain.launch import Origin, launch
from cronlane_service.domain.models import Assistant, OnCompletion, Thread, ThreadStatus
from cronlane_service.domain.ports import PENDING, NewId, Topic, Transaction
from cronlane_service.domain.queries import AssistantQuery, RunQuery, Window
from cronlane_service.domain.runs import CancelAction, Run
from cronlane_service.domain.webhooks import Hosts
from cronlane_service.usecases import placement, threads
from cronlane_service.usecases.naming import resolve
from cronlane_service.usecases.requests import Request

MOST = 1000
"""How many runs can be made by one request."""


@dataclass(frozen=True, slots=True)
class Ending:
    """A run that has ended, and what its thread held then."""

    run: Run
    values: str | None
    interrupts: str  # a list of {value, id, response_schema}


class Runs:
    """What callers can do with runs."""

    def __init__(self, clock: Clock, new_id: NewId, hosts: Hosts = Hosts.PRIVATE) -> None:
        """``hosts``: which may be called when a run has ended."""
        self._clock, self._new_id, self._hosts = clock, new_id, hosts

    def create(
        self, tx: Transaction, owner: str, thread_id: str | None, draft: RunDraft, request_id: str | None = None
    ) -> Run:
        """Raises ThreadBusy when it is to be rejected there."""
        request = Request(tx, owner, request_id, "run", thread_id, draft) if request_id else None
        if request and (made := request.done()) is not None:
            return _again(tx, made)
        _check(draft)
        webhooks.check(draft.run.webhook, self._hosts)
        assistant = _assistant(tx, owner, draft.assistant_id)
        now = self._clock.now()
        thread = self._thread(tx, owner, thread_id, draft, assistant, now)
        self._place(tx, thread, draft, now)
        origin = _origin(draft, now, stateless=thread_id is None)
        run, busy = launch(self._new_id(), now, assistant, thread, draft.run, origin)
        tx.threads.save(busy)
        tx.runs.insert_many([run])
        if request:
            request.record(run.run_id, now)
        tx.notify(Topic.RUNS, PENDING)
        return run

    def create_many(self, tx: Transaction, owner: str, drafts: Sequence[RunDraft]) -> Sequence[Run]:
        """Stateless ones, all or none."""
        if not 1 <= len(drafts) <= MOST:
            raise InvalidField("runs", f"must be from 1 to {MOST}")
        made = []
        for number, draft in enumerate(drafts):
            try:
                made.append(self.create(tx, owner, None, draft))
            except InvalidField as error:
                raise error.inside(f"runs[{number}]") from None
        return made

    def _thread(
        self,
        tx: Transaction,
        owner: str,
        thread_id: str | None,
        draft: RunDraft,
        assistant: Assistant,
        now: datetime,
    ) -> Thread:
        if thread_id is None:
            thread = placement.own_thread(self._new_id(), owner, assistant, draft.metadata, now)
        else:
            thread_id = ids.parse("thread", thread_id)
            existing = tx.threads.get(owner, thread_id)
            if existing is not None:
                return existing
            if not draft.create_thread:
                raise NotFound("thread", thread_id, "Thread or assistant not found.")
            thread = Thread(thread_id, owner, now, now, now)
        if not tx.threads.insert(thread):
            raise NotFound("thread", thread.thread_id, "Thread or assistant not found.")
        return thread

    def _place(self, tx: Transaction, thread: Thread, draft: RunDraft, now: datetime) -> None:
        active = tx.runs.active([thread.thread_id])
        if placement.refuses(draft.run.multitask_strategy, active):
            raise ThreadBusy(thread.thread_id)
        placement.make_room(tx, draft.run.multitask_strategy, active, now)

    def get(self, tx: Transaction, owner: str, thread_id: str, run_id: str) -> Run:
        thread_id, run_id = ids.parse("thread", thread_id), ids.parse("run", run_id)
        run = tx.runs.get(owner, thread_id, run_id)
        if run is None:
            raise NotFound("run", run_id)
        return run

    def list(self, tx: Transaction, owner: str, thread_id: str, query: RunQuery, window: Window) -> Sequence[Run]:
        thread = threads.found(tx, owner, ids.parse("thread", thread_id))
        if window.limit < 0 or window.offset < 0:
            raise InvalidField("limit" if window.limit < 0 else "offset", "must be 0 or more")
        return tx.runs.list(owner, thread.thread_id, query, window)

    def ending(self, tx: Transaction, owner: str, thread_id: str, run_id: str) -> Ending | None:
        """None while it goes on. Also finds a run whose thread was deleted when it ended."""
        thread_id, run_id = ids.parse("thread", thread_id), ids.parse("run", run_id)
        run = tx.runs.get(owner, thread_id, run_id, hidden=True)
        if run is None:
            raise NotFound("run", run_id)
        if run.status.active:
            return None
        if run.hidden:
            return Ending(run, run.values, _flat(run.interrupts))
        thread = threads.found(tx, owner, thread_id)
        return Ending(run, thread.values, _flat(thread.interrupts))

    def cancel(self, tx: Transaction, owner: str, thread_id: str, run_id: str, action: CancelAction) -> None:
        """Raises NotFound when there is no such run, or it has ended."""
        thread_id, run_id = ids.parse("thread", thread_id), ids.parse("run", run_id)
        run = tx.runs.get(owner, thread_id, run_id)
        if run is None:
            raise NotFound("run", run_id, "No runs found to cancel.")
        if not run.status.active:
            raise NotFound("run", run_id, "No matching runs to cancel. The run has ended.")
        now = self._clock.now()
        placement.stop(tx, run, action, now)
        settle(tx, thread_id, ThreadStatus.IDLE, now)

    def cancel_many(self, tx: Transaction, owner: str, selection: RunSelection, action: CancelAction) -> None:
        """Passes over those that have ended. Raises NotFound when none is left."""
        selected = self._selected(tx, owner, selection)
        if not selected:
            raise NotFound("run", ", ".join(selection.run_ids), "No runs found to cancel.")
        now = self._clock.now()
        for run in selected:
            placement.stop(tx, run, action, now)
        for thread_id in dict.fromkeys(run.thread_id for run in selected):
            settle(tx, thread_id, ThreadStatus.IDLE, now)

    def _selected(self, tx: Transaction, owner: str, selection: RunSelection) -> Sequence[Run]:
        if selection.every:
            if selection.thread_id is not None or selection.run_ids:
                raise InvalidField("status", "excludes thread_id and run_ids")
            return tx.runs.active_of_owner(owner, selection.status)
        if selection.thread_id is None:
            raise InvalidField("runs", "either thread_id and run_ids, or status is required")
        thread_id = ids.parse("thread", selection.thread_id)
        named = {ids.parse("run", run_id, "run_ids") for run_id in selection.run_ids}
        return [run for run in tx.runs.active([thread_id]) if run.owner == owner and run.run_id in named]

    def leave(self, tx: Transaction, owner: str, thread_id: str, run_id: str) -> None:
        """Cancels a run that was to go on only while its caller was there; one that has ended is left alone."""
        run = tx.runs.get(owner, thread_id, run_id)
        if run is not None and run.status.active:
            self.cancel(tx, owner, thread_id, run_id, CancelAction.INTERRUPT)

    def delete(self, tx: Transaction, owner: str, thread_id: str, run_id: str) -> None:
        """One under way is stopped; what it wrote to the thread stays."""
        run = self.get(tx, owner, thread_id, run_id)
        tx.runs.delete(run.run_id)
        placement.drop_own_thread(tx, run)
        if run.status.active:
            settle(tx, run.thread_id, ThreadStatus.IDLE, self._clock.now())
            tx.notify(Topic.RUN_ENDED, run.run_id)
            tx.notify(Topic.RUNS)


def _again(tx: Transaction, run_id: str) -> Run:
    """The run that the same request made before. Raises NotFound when it was deleted since."""
    run = tx.runs.find(run_id)
    if run is None:
        raise NotFound("run", run_id)
    return run


def _assistant(tx: Transaction, owner: str, name: str) -> Assistant:
    """Raises NotFound for an unknown id, and InvalidField for a name that no graph has."""
    try:
        return resolve(tx, owner, name)
    except NotFound:
        if ids.is_id(name):
            raise NotFound("assistant", name, "Thread or assistant not found.") from None
        system = tx.assistants.search(owner, AssistantQuery(metadata='{"created_by":"system"}'), Window(limit=1000))
        graphs = ", ".join(sorted(assistant.graph_id for assistant in system.items))
        problem = f"Invalid assistant: '{name}'. Must be an assistant's id or one of the registered graphs: {graphs}"
        raise InvalidField("assistant_id", "names no graph", problem) from None


def _check(draft: RunDraft) -> None:
    checks.required("assistant_id", draft.assistant_id)
    checks.is_json_object("metadata", draft.metadata)
    checks.json_value("input", draft.run.input)
    checks.template(draft.run)
    checks.delay(draft.after)
    checks.checkpoint(draft.checkpoint, draft.checkpoint_id)


def _origin(draft: RunDraft, now: datetime, *, stateless: bool) -> Origin:
    return Origin(
        metadata=draft.metadata,
        temporary=stateless and draft.on_completion is not OnCompletion.KEEP,
        recorded=draft.recorded,
        checkpoint=checks.checkpoint(draft.checkpoint, draft.checkpoint_id),
        available_at=now + draft.after if draft.after > timedelta(0) else None,
    )


def settle(tx: Transaction, thread_id: str, otherwise: ThreadStatus, now: datetime) -> None:
    """A thread on which no run is active any more gets this status."""
    if not tx.runs.active([thread_id]):
        tx.threads.mark([thread_id], otherwise, now)


def _flat(interrupts: str | None) -> str:
    """All interrupts of an object from task id to list, as one list."""
    waiting = [each for several in jsontext.parse(interrupts or "{}").values() for each in several]
    return jsontext.dump([{**each, "response_schema": each.get("response_schema")} for each in waiting])
