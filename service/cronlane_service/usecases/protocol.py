"""The thread-centric protocol: its commands, and where who follows a thread begins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

from cronlane_service.domain import checks, ids, jsontext, protocol
from cronlane_service.domain.clock import Clock
from cronlane_service.domain.drafts import RunDraft
from cronlane_service.domain.errors import InvalidField, NotFound
from cronlane_service.domain.models import Thread, ThreadStatus
from cronlane_service.domain.ports import Transaction
from cronlane_service.domain.queries import RunQuery, Window
from cronlane_service.domain.runs import Run
from cronlane_service.usecases.runs import Runs
from cronlane_service.usecases.streams import Follower

FRESH = timedelta(seconds=5)
"""For so long after its end a run is told whole to those who come then: they may have started it."""


@dataclass(frozen=True, slots=True)
class Started:
    """A run, and the seq of the last event before it."""

    run: Run
    after: int


class Protocol:
    """What callers can do with a thread through the protocol."""

    def __init__(self, clock: Clock, runs: Runs) -> None:
        self._clock, self._runs = clock, runs

    def start(self, tx: Transaction, owner: str, thread_id: str, draft: RunDraft) -> Started:
        """On a thread that asks something, the input is the answer. Raises as Runs.create does."""
        thread_id = ids.parse("thread", thread_id)
        thread, given = tx.threads.get(owner, thread_id), draft.run.input
        checks.json_value("input", given)
        if thread is not None and given not in (None, "null") and _asked(thread):
            answer = jsontext.join({"resume": str(given)})
            draft = replace(draft, run=replace(draft.run, input=None, command=answer))
        return self._started(tx, owner, thread_id, draft)

    def respond(
        self, tx: Transaction, owner: str, thread_id: str, answers: Mapping[str, str], draft: RunDraft
    ) -> Started:
        """Goes on with these answers (interrupt id to JSON text); the draft's command may update and go elsewhere.

        Raises NotFound when one of them was not asked for, or is answered already.
        """
        if not answers:
            raise InvalidField("interrupt_id", "is required", "input.respond requires an interrupt_id.")
        thread_id = ids.parse("thread", thread_id)
        thread = tx.threads.get(owner, thread_id)
        asked = _asked(thread) if thread is not None else frozenset()
        for interrupt_id in answers:
            if thread is None or interrupt_id not in asked:
                raise NotFound("interrupt", interrupt_id, f"Unknown or already-consumed interrupt: {interrupt_id}")
        assert thread is not None
        command = jsontext.members(draft.run.command or "{}") | {"resume": jsontext.join(answers)}
        draft = replace(draft, run=replace(draft.run, command=jsontext.join(command)), assistant_id=_assistant(thread))
        return self._started(tx, owner, thread_id, draft)

    def _started(self, tx: Transaction, owner: str, thread_id: str, draft: RunDraft) -> Started:
        after = tx.events.last(thread_id)
        template = replace(draft.run, stream_mode=protocol.MODES, stream_subgraphs=True, stream_resumable=True)
        draft = replace(draft, run=template, create_thread=True, recorded=True)
        return Started(self._runs.create(tx, owner, thread_id, draft), after)

    def follow(self, tx: Transaction, owner: str, thread_id: str, since: int | None) -> Follower:
        """Also of a thread that is still to be made."""
        thread_id = ids.parse("thread", thread_id)
        if since is not None and not 0 <= since < 2**63:
            raise InvalidField("since", "must be the seq of an event")
        thread = tx.threads.get(owner, thread_id)
        if thread is None:
            return Follower(owner, thread_id, since or 0, awaited=True)
        return Follower(owner, thread_id, self._beginning(tx, thread) if since is None else since)

    def _beginning(self, tx: Transaction, thread: Thread) -> int:
        """The seq before the events of the runs under way, or of the last one if it may still matter to somebody."""
        last = tx.events.last(thread.thread_id)
        active = [run.run_id for run in tx.runs.active([thread.thread_id])]
        if active:
            return min(_before(tx, run_id, last) for run_id in active)
        for run in tx.runs.list(thread.owner, thread.thread_id, RunQuery(), Window(limit=1)):
            fresh = run.ended_at is not None and run.ended_at > self._clock.now() - FRESH
            if fresh or thread.status is ThreadStatus.INTERRUPTED:
                return _before(tx, run.run_id, last)
        return last


def _before(tx: Transaction, run_id: str, otherwise: int) -> int:
    first = tx.events.of_run(run_id, 0, 1)
    return first[0].seq - 1 if first else otherwise


def _asked(thread: Thread) -> frozenset[str]:
    """The ids of what the thread waits for a human to answer."""
    if thread.status is not ThreadStatus.INTERRUPTED:
        return frozenset()
    waiting = jsontext.parse(thread.interrupts or "{}")
    return frozenset(each["id"] for several in waiting.values() for each in several)


def _assistant(thread: Thread) -> str:
    """The one whose run asked."""
    return str(jsontext.parse(jsontext.members(thread.metadata).get("assistant_id", '""')))
