"""Crons as rows, and rows as crons."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

from cronlane_service.domain import jsontext
from cronlane_service.domain.models import NOTHING_COUNTED, Cron, CronCounters, OnCompletion
from cronlane_service.domain.policies import (
    DEFAULT,
    LONGEST_JITTER,
    CatchUp,
    DstPolicy,
    Fold,
    Gap,
    Overlap,
    Policies,
)
from cronlane_service.domain.runs import RunStatus
from cronlane_service.store import templates
from cronlane_service.store.instants import MICROSECOND, loaded, stored
from cronlane_service.store.reading import Reader, count, number
from cronlane_service.store.statements import Row
from cronlane_service.store.tables import CronTable


def row(cron: Cron) -> Row:
    return (
        cron.cron_id,
        cron.owner,
        cron.assistant_id,
        cron.thread_id,
        cron.schedule,
        cron.timezone,
        stored(cron.end_time),
        cron.enabled,
        cron.on_run_completed and str(cron.on_run_completed),
        stored(cron.next_run_date),
        cron.metadata,
        stored(cron.created_at),
        stored(cron.updated_at),
        cron.extra,
        cron.disabled_reason,
        *templates.columns(cron.run),
        *(_DEFAULT_POLICIES if cron.policies is DEFAULT else _policy_columns(cron.policies)),
        stored(cron.due_at),
        stored(cron.paused_at),
        cron.note,
        *(_ZEROS if cron.counters is NOTHING_COUNTED else _counter_columns(cron.counters)),
    )


def _cron(row: Row) -> Cron:
    cron_id, owner, assistant_id, thread_id, schedule, timezone, end_time, enabled, completed, due = row[:10]
    metadata, created_at, updated_at, extra, disabled_reason = row[10:15]
    policies, counters = row[28:37], row[40:]
    due_at, paused_at, note = row[37:40]
    for document in (metadata, extra):
        if document != "{}":
            jsontext.kind(document)  # raises ValueError for what is not JSON
    return Cron(
        cron_id=cron_id,
        owner=owner,
        assistant_id=assistant_id,
        thread_id=thread_id,
        schedule=schedule,
        timezone=timezone,
        end_time=loaded(end_time),
        enabled=bool(enabled),
        on_run_completed=None if completed is None else OnCompletion(completed),
        next_run_date=loaded(due),
        metadata=metadata,
        created_at=loaded(created_at),
        updated_at=loaded(updated_at),
        run=templates.read(row[15:28]),
        extra=extra,
        disabled_reason=disabled_reason,
        policies=DEFAULT if policies == _DEFAULT_POLICIES else _policies(*policies),
        due_at=loaded(due_at),
        paused_at=loaded(paused_at),
        note=note,
        counters=NOTHING_COUNTED if counters == _ZEROS else _counters(*counters),
    )


def _policy_columns(policies: Policies) -> Row:
    return (
        stored(policies.start_time),
        policies.max_runs,
        policies.jitter // MICROSECOND or None,
        str(policies.dst_policy.gap),
        str(policies.dst_policy.fold),
        str(policies.catch_up),
        None if policies.catch_up_window is None else policies.catch_up_window // MICROSECOND,
        str(policies.overlap),
        policies.pause_after_failures,
    )


def _policies(
    start_time: int | None,
    max_runs: int | None,
    jitter: int | None,
    gap: str | None,
    fold: str | None,
    catch_up: str | None,
    window: int | None,
    overlap: str | None,
    pause_after_failures: int | None,
) -> Policies:
    for limit in (max_runs, pause_after_failures):
        number(1 if limit is None else limit, least=1)
    return Policies(
        start_time=loaded(start_time),
        max_runs=max_runs,
        jitter=_span(jitter or 0, LONGEST_JITTER),
        dst_policy=DstPolicy(Gap(gap or Gap.SHIFT), Fold(fold or Fold.BY_EXPRESSION)),
        catch_up=CatchUp(catch_up or CatchUp.LATEST),
        catch_up_window=None if window is None else _span(window),
        overlap=Overlap(overlap or Overlap.ALLOW),
        pause_after_failures=pause_after_failures,
    )


def _counter_columns(counters: CronCounters) -> Row:
    return (
        counters.last_outcome and str(counters.last_outcome),
        counters.fired,
        counters.missed,
        counters.skipped,
        counters.failed,
        counters.failures_in_a_row,
    )


def _counters(
    last_outcome: str | None, fired: int, missed: int, skipped: int, failed: int, failures_in_a_row: int
) -> CronCounters:
    last = None if last_outcome is None else RunStatus(last_outcome)
    for counted in (fired, missed, skipped, failed, failures_in_a_row):
        count(counted)
    return CronCounters(fired, missed, skipped, failed, failures_in_a_row, last)


def _span(microseconds: int, most: timedelta = timedelta.max) -> timedelta:
    if not 0 <= microseconds <= most // MICROSECOND:
        raise ValueError(f"it is not from 0 to {most}")
    return microseconds * MICROSECOND


_READER = Reader(
    CronTable,
    _cron,
    {
        **dict.fromkeys(("created_at", "updated_at"), (loaded, 0)),
        **dict.fromkeys(("end_time", "next_run_date", "start_time", "due_at", "paused_at"), (loaded, None)),
        **dict.fromkeys(("metadata", "extra"), (jsontext.members, "{}")),
        **templates.READING,
        **dict.fromkeys(("fired", "missed", "skipped", "failed", "failures_in_a_row"), (count, 0)),
        **dict.fromkeys(("max_runs", "pause_after_failures"), (partial(number, least=1), None)),
        "on_run_completed": (OnCompletion, None),
        "jitter": (partial(_span, most=LONGEST_JITTER), None),
        "catch_up_window": (_span, None),
        "gap": (Gap, None),
        "fold": (Fold, None),
        "catch_up": (CatchUp, None),
        "overlap": (Overlap, None),
        "last_outcome": (RunStatus, None),
    },
    tells=True,
)


def cron(row: Row) -> Cron:
    """What of it cannot be read, its ``unreadable`` says."""
    return _READER.value(row)


shown, all_shown = _READER.shown, _READER.all_shown
"""The same, for who looks at crons again and again."""


# What most crons have, understood once.
_DEFAULT_POLICIES = _policy_columns(DEFAULT)
_ZEROS = _counter_columns(NOTHING_COUNTED)
