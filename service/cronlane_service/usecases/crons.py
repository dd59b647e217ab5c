"""Crons: stored schedules that create runs."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import fields, replace

from cronlane_service.domain import checks, ids, jsontext, ticks
from cronlane_service.domain.clock import Clock
from cronlane_service.domain.drafts import CronDraft
from cronlane_service.domain.errors import EmptyUpdate, InvalidField, NotFound
from cronlane_service.domain.models import Cron, OnCompletion, RunTemplate
from cronlane_service.domain.ports import NewId, Topic, Transaction
from cronlane_service.domain.queries import CRON_SORTS, CronQuery, Page, Window
from cronlane_service.usecases import threads
from cronlane_service.usecases.assistants import resolve, resolved_id
from cronlane_service.usecases.requests import Request

_TEMPLATE = {field.name for field in fields(RunTemplate)}
_TIMING = {"schedule", "timezone", "end_time"}
_UPDATABLE = _TIMING | {"enabled", "on_run_completed", "metadata", "extra"} | _TEMPLATE - {"multitask_strategy"}


class Crons:
    """Creates, reads, changes and deletes crons. None of it makes a run."""

    def __init__(self, clock: Clock, new_id: NewId) -> None:
        self._clock, self._new_id = clock, new_id

    def create(self, tx: Transaction, owner: str, draft: CronDraft, request_id: str | None = None) -> Cron:
        request = Request(tx, owner, request_id, "cron", draft)
        if (made := request.done()) is not None:
            return self.get(tx, owner, made)
        cron = self._new(tx, owner, draft)
        tx.crons.insert(cron)
        request.record(cron.cron_id, cron.created_at)
        tx.notify(Topic.CRONS)
        return cron

    def _new(self, tx: Transaction, owner: str, draft: CronDraft) -> Cron:
        checks.required("assistant_id", draft.assistant_id)
        checks.required("schedule", draft.schedule)
        thread_id = ids.parse("thread", draft.thread_id) if draft.thread_id is not None else None
        now = self._clock.now()
        cron = Cron(
            cron_id=self._new_id(),
            owner=owner,
            assistant_id=draft.assistant_id,
            thread_id=thread_id,
            schedule=draft.schedule,
            timezone=draft.timezone,
            end_time=draft.end_time,
            enabled=True if draft.enabled is None else draft.enabled,
            on_run_completed=None if thread_id else draft.on_run_completed or OnCompletion.DELETE,
            next_run_date=None,
            metadata=draft.metadata or "{}",
            created_at=now,
            updated_at=now,
            run=draft.run,
            extra=draft.extra or "{}",
        )
        cron = replace(_checked(cron), next_run_date=ticks.first(cron, now))
        assistant = resolve(tx, owner, draft.assistant_id)
        if thread_id is not None and tx.threads.get(owner, thread_id) is None:
            raise NotFound("thread", thread_id, f"Thread with ID '{thread_id}' not found. Create it before its crons.")
        return replace(cron, assistant_id=assistant.assistant_id)

    def get(self, tx: Transaction, owner: str, cron_id: str) -> Cron:
        cron_id = ids.parse("cron", cron_id)
        cron = tx.crons.get(owner, cron_id)
        if cron is None:
            raise NotFound("cron", cron_id, f"Cron '{cron_id}' not found")
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
        changed = _checked(_applied(cron, named, draft))
        now = self._clock.now()
        timed = named & _TIMING or (changed.enabled and not cron.enabled)
        changed = replace(
            changed,
            updated_at=now,
            next_run_date=ticks.first(changed, now) if timed else cron.next_run_date,
            disabled_reason=None if changed.enabled else cron.disabled_reason,
        )
        tx.crons.save(changed)
        tx.notify(Topic.CRONS)
        return changed

    def delete(self, tx: Transaction, owner: str, cron_id: str, etag: str = "") -> None:
        cron = self.get(tx, owner, cron_id)
        threads.check_etag("cron", cron.cron_id, cron.etag, etag)
        tx.crons.delete(cron.cron_id)

    def search(self, tx: Transaction, owner: str, query: CronQuery, window: Window) -> Page[Cron]:
        checks.window(window, CRON_SORTS)
        return tx.crons.search(owner, _resolved(query), window)

    def count(self, tx: Transaction, owner: str, query: CronQuery) -> int:
        return tx.crons.count(owner, _resolved(query))


def _resolved(query: CronQuery) -> CronQuery:
    checks.json_object("metadata", query.metadata)
    return replace(
        query,
        assistant_id=resolved_id(query.assistant_id) if query.assistant_id is not None else None,
        thread_id=ids.parse("thread", query.thread_id) if query.thread_id is not None else None,
    )


def _applied(cron: Cron, named: Set[str], draft: CronDraft) -> Cron:
    run = replace(cron.run, **{name: getattr(draft.run, name) for name in named & _TEMPLATE})
    plain = {name: getattr(draft, name) for name in named & {"timezone", "end_time"}}
    if "schedule" in named:
        plain["schedule"] = checks.required("schedule", draft.schedule)
    if "enabled" in named:
        plain["enabled"] = draft.enabled is not False
    if "on_run_completed" in named and cron.thread_id is None:
        plain["on_run_completed"] = draft.on_run_completed or OnCompletion.DELETE
    if "metadata" in named:
        checks.json_object("metadata", draft.metadata)
        plain["metadata"] = jsontext.merge(cron.metadata, draft.metadata)
    checks.json_object("extra", draft.extra)
    kept = {name: text for name, text in jsontext.members(cron.extra).items() if name not in named}
    return replace(cron, run=run, extra=jsontext.merge(jsontext.join(kept), draft.extra), **plain)


def _checked(cron: Cron) -> Cron:
    checks.json_object("metadata", cron.metadata)
    checks.json_object("extra", cron.extra)
    checks.object_or_list("input", cron.run.input)
    checks.template(cron.run)
    return cron
