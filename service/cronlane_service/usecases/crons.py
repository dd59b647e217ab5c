"""Crons: stored schedules that create runs."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import fields, replace
from datetime import datetime

from cronlane_service.domain import checks, ids, jsontext, policies, ticks, timetable, webhooks
from cronlane_service.domain.clock import Clock
from cronlane_service.domain.drafts import CronDraft
from cronlane_service.domain.errors import EmptyUpdate, InvalidField, NotFound
from cronlane_service.domain.models import Cron, OnCompletion, RunTemplate
from cronlane_service.domain.policies import DEFAULT, Policies
from cronlane_service.domain.ports import NewId, Topic, Transaction
from cronlane_service.domain.queries import CRON_SORTS, CronQuery, Page, Window
from cronlane_service.domain.webhooks import Hosts
from cronlane_service.usecases import threads, timing
from cronlane_service.usecases.naming import known, resolved_id
from cronlane_service.usecases.requests import Request

_TEMPLATE = {field.name for field in fields(RunTemplate)}
_POLICIES = {field.name for field in fields(Policies)}
_SCHEDULE = {"schedule", "at", "every"}
_TIMING = _SCHEDULE | {"timezone", "start_time", "end_time", "max_runs", "dst_policy"}
_UPDATABLE = (
    _TIMING
    | {"enabled", "on_run_completed", "metadata", "extra", "note"}
    | _POLICIES
    | _TEMPLATE - {"multitask_strategy"}
)
NOTE = 1000
"""Characters."""


class Crons:
    """Creates, reads, changes and deletes crons. None of it makes a run."""

    def __init__(self, clock: Clock, new_id: NewId, hosts: Hosts = Hosts.PRIVATE) -> None:
        """``hosts``: which may be called when a run has ended."""
        self._clock, self._new_id, self._hosts = clock, new_id, hosts

    def create(self, tx: Transaction, owner: str, draft: CronDraft, request_id: str | None = None) -> Cron:
        request = Request(tx, owner, request_id, "cron", draft) if request_id else None
        if request and (made := request.done()) is not None:
            return self.get(tx, owner, made)
        cron = self._new(tx, owner, draft)
        tx.crons.insert(cron)
        if request:
            request.record(cron.cron_id, cron.created_at)
        _tell(tx, cron)
        return cron

    def _new(self, tx: Transaction, owner: str, draft: CronDraft) -> Cron:
        checks.required("assistant_id", draft.assistant_id)
        schedule = timing.schedule_text(draft)
        webhooks.check(draft.run.webhook, self._hosts)
        thread_id = ids.parse("thread", draft.thread_id) if draft.thread_id is not None else None
        _check(draft)
        now = self._clock.now()
        times = timetable.parse(schedule, draft.timezone, draft.policies.dst_policy)
        timing.check_future(draft, times, now)
        following = ticks.opening(times, draft.policies.start_time, draft.end_time, now)
        assistant_id = known(tx, owner, draft.assistant_id)
        if thread_id is not None and tx.threads.get(owner, thread_id) is None:
            raise NotFound("thread", thread_id, f"Thread with ID '{thread_id}' not found. Create it before its crons.")
        cron = Cron(
            cron_id=self._new_id(),
            owner=owner,
            assistant_id=assistant_id,
            thread_id=thread_id,
            schedule=schedule,
            timezone=draft.timezone,
            end_time=draft.end_time,
            enabled=True if draft.enabled is None else draft.enabled,
            on_run_completed=None if thread_id else draft.on_run_completed or OnCompletion.DELETE,
            next_run_date=following,
            metadata=draft.metadata or "{}",
            created_at=now,
            updated_at=now,
            run=draft.run,
            extra=draft.extra or "{}",
            policies=draft.policies,
            note=draft.note,
            paused_at=now if draft.enabled is False else None,
            due_at=following,
        )
        return replace(cron, due_at=ticks.due_at(cron, following)) if draft.policies.jitter else cron

    def get(self, tx: Transaction, owner: str, cron_id: str) -> Cron:
        cron_id = ids.parse("cron", cron_id)
        cron = tx.crons.get(owner, cron_id)
        if cron is None:
            raise _not_found(cron_id)
        return cron

    def update(
        self, tx: Transaction, owner: str, cron_id: str, named: Set[str], draft: CronDraft, etag: str = ""
    ) -> Cron:
        """Gives the named fields the draft's values; metadata and extra are merged."""
        cron = self.get(tx, owner, cron_id)
        if not named:
            raise EmptyUpdate
        if unknown := named - _UPDATABLE:
            raise InvalidField(f"update_mask.{min(unknown)}", "cannot be updated")
        threads.check_etag("cron", cron.cron_id, cron.etag, etag)
        webhooks.check(draft.run.webhook, self._hosts)
        changed = _checked(_applied(cron, named, draft))
        now = self._clock.now()
        if named & _SCHEDULE:
            timing.check_future(draft, ticks.times(changed), now)
        if named & _TIMING or (changed.enabled and not cron.enabled):
            changed = self._retimed(tx, cron, changed, now)
        return self._saved(tx, cron, replace(changed, due_at=ticks.due_at(changed, changed.next_run_date)), now)

    def pause(self, tx: Transaction, owner: str, cron_id: str, note: str | None, etag: str = "") -> Cron:
        """One that is paused already keeps paused_at and gets the note."""
        cron = self.get(tx, owner, cron_id)
        threads.check_etag("cron", cron.cron_id, cron.etag, etag)
        return self._saved(tx, cron, _checked(replace(cron, enabled=False, note=note)), self._clock.now())

    def resume(self, tx: Transaction, owner: str, cron_id: str, note: str | None, etag: str = "") -> Cron:
        """Looks forward: what came due meanwhile is noted as missed."""
        cron = self.get(tx, owner, cron_id)
        threads.check_etag("cron", cron.cron_id, cron.etag, etag)
        now = self._clock.now()
        resumed = _checked(replace(cron, enabled=True, note=note))
        return self._saved(tx, cron, resumed if cron.enabled else self._retimed(tx, cron, resumed, now), now)

    def _retimed(self, tx: Transaction, cron: Cron, changed: Cron, now: datetime) -> Cron:
        why = "it was changed before it fired" if cron.enabled else "missed while the cron was disabled"
        timing.note_missed(tx, cron, why, now)
        return _timed(changed, max(now, tx.ticks.latest(cron.cron_id) or now))

    def _saved(self, tx: Transaction, cron: Cron, changed: Cron, now: datetime) -> Cron:
        paused_at = None if changed.enabled else cron.paused_at or now
        reason = None if changed.enabled else cron.disabled_reason
        tx.crons.save(replace(changed, updated_at=now, paused_at=paused_at, disabled_reason=reason))
        if changed.enabled and not cron.enabled:
            tx.crons.forgive(cron.cron_id)
        _tell(tx, changed)
        return self.get(tx, cron.owner, cron.cron_id)

    def delete(self, tx: Transaction, owner: str, cron_id: str, etag: str = "") -> None:
        if etag:
            cron = self.get(tx, owner, cron_id)
            threads.check_etag("cron", cron.cron_id, cron.etag, etag)
        cron_id = ids.parse("cron", cron_id)
        if not tx.crons.delete(owner, cron_id):
            raise _not_found(cron_id)

    def search(self, tx: Transaction, owner: str, query: CronQuery, window: Window) -> Page[Cron]:
        checks.window(window, CRON_SORTS)
        return tx.crons.search(owner, _resolved(query), window)

    def count(self, tx: Transaction, owner: str, query: CronQuery) -> int:
        return tx.crons.count(owner, _resolved(query))


def _not_found(cron_id: str) -> NotFound:
    return NotFound("cron", cron_id, f"Cron '{cron_id}' not found")


def _tell(tx: Transaction, cron: Cron) -> None:
    """Who fires crons may have to wake up earlier."""
    if cron.enabled and cron.due_at is not None:
        tx.notify(Topic.CRONS, cron.due_at.isoformat())


def _resolved(query: CronQuery) -> CronQuery:
    checks.is_json_object("metadata", query.metadata)
    if query.assistant_id is None and query.thread_id is None:
        return query
    return replace(
        query,
        assistant_id=resolved_id(query.assistant_id) if query.assistant_id is not None else None,
        thread_id=ids.parse("thread", query.thread_id) if query.thread_id is not None else None,
    )


def _applied(cron: Cron, named: Set[str], draft: CronDraft) -> Cron:
    run = replace(cron.run, **{name: getattr(draft.run, name) for name in named & _TEMPLATE})
    plain = {name: getattr(draft, name) for name in named & {"timezone", "end_time"}}
    if named & _SCHEDULE:
        plain["schedule"] = timing.schedule_text(draft)
    if "note" in named:
        plain["note"] = draft.note
    wanted = replace(cron.policies, **{name: getattr(draft.policies, name) for name in named & _POLICIES})
    if "enabled" in named:
        plain["enabled"] = draft.enabled is not False
    if "on_run_completed" in named and cron.thread_id is None:
        plain["on_run_completed"] = draft.on_run_completed or OnCompletion.DELETE
    if "metadata" in named:
        checks.json_object("metadata", draft.metadata)
        plain["metadata"] = jsontext.merge(cron.metadata, draft.metadata)
    checks.json_object("extra", draft.extra)
    kept = {name: text for name, text in jsontext.members(cron.extra).items() if name not in named}
    extra = jsontext.merge(jsontext.join(kept), draft.extra)
    return replace(cron, run=run, extra=extra, policies=wanted, **plain)


def _timed(cron: Cron, after: datetime) -> Cron:
    following = ticks.first(cron, after)
    return replace(cron, next_run_date=following, due_at=ticks.due_at(cron, following))


def _checked(cron: Cron) -> Cron:
    _check(cron)
    return cron


def _check(said: CronDraft | Cron) -> None:
    checks.is_json_object("metadata", said.metadata)
    checks.is_json_object("extra", said.extra)
    checks.object_or_list("input", said.run.input)
    checks.template(said.run)
    if said.policies is not DEFAULT:
        policies.check(said.policies, said.end_time, stateless=said.thread_id is None)
    if said.note is not None:
        checks.text("note", said.note)
        if len(said.note) > NOTE:
            raise InvalidField("note", f"must not be longer than {NOTE} characters")
