"""Crons as rows, and rows as crons."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from functools import partial

from cronlane_service.domain import jsontext
from cronlane_service.domain.models import NOTHING_COUNTED, Cron, CronCounters, OnCompletion, RunTemplate
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
from cronlane_service.domain.runs import MultitaskStrategy, RunStatus
from cronlane_service.store.instants import MICROSECOND, loaded, stored
from cronlane_service.store.reading import Reader, count, names, number
from cronlane_service.store.statements import Row
from cronlane_service.store.tables import CronTable

_DURABILITIES = ("sync", "async", "exit")
TEMPLATE = (
    CronTable.input,
    CronTable.config,
    CronTable.context,
    CronTable.interrupt_before,
    CronTable.interrupt_after,
    CronTable.multitask_strategy,
    CronTable.stream_mode,
    CronTable.stream_subgraphs,
    CronTable.stream_resumable,
    CronTable.durability,
    CronTable.command,
    CronTable.feedback_keys,
    CronTable.webhook,
)
"""What `template` reads."""


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
        *_template_columns(cron.run),
        *(_DEFAULT_POLICIES if cron.policies is DEFAULT else _policy_columns(cron.policies)),
        stored(cron.due_at),
        stored(cron.paused_at),
        cron.note,
        *(_ZEROS if cron.counters is NOTHING_COUNTED else _counter_columns(cron.counters)),
    )


def _template_columns(run: RunTemplate) -> Row:
    return (
        run.input,
        run.config,
        run.context,
        jsontext.dump(run.interrupt_before) if run.interrupt_before else "[]",
        jsontext.dump(run.interrupt_after) if run.interrupt_after else "[]",
        run.multitask_strategy and str(run.multitask_strategy),
        jsontext.dump(run.stream_mode) if run.stream_mode else "[]",
        run.stream_subgraphs,
        run.stream_resumable,
        run.durability,
        run.command,
        jsontext.dump(run.feedback_keys) if run.feedback_keys else "[]",
        run.webhook,
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
        run=_run(row[15:28]),
        extra=extra,
        disabled_reason=disabled_reason,
        policies=DEFAULT if policies == _DEFAULT_POLICIES else _policies(*policies),
        due_at=loaded(due_at),
        paused_at=loaded(paused_at),
        note=note,
        counters=NOTHING_COUNTED if counters == _ZEROS else _counters(*counters),
    )


def _run(columns: Row) -> RunTemplate:
    for document in (*columns[:3], columns[10]):
        if document is not None:
            jsontext.kind(document)
    said, *more = columns
    return RunTemplate(input=said) if more == _NO_MORE else template(*columns)


def template(
    input: str | None,  # noqa: A002 - the column's name
    config: str | None,
    context: str | None,
    before: str,
    after: str,
    multitask: str | None,
    modes: str,
    subgraphs: int | None,
    resumable: int | None,
    durability: str | None,
    command: str | None,
    feedback_keys: str,
    webhook: str | None,
) -> RunTemplate:
    return RunTemplate(
        input=input,
        config=config,
        context=context,
        interrupt_before=names(before),
        interrupt_after=names(after),
        multitask_strategy=None if multitask is None else MultitaskStrategy(multitask),
        stream_mode=names(modes),
        stream_subgraphs=None if subgraphs is None else bool(subgraphs),
        stream_resumable=None if resumable is None else bool(resumable),
        durability=None if durability is None else _durability(durability),
        command=command,
        feedback_keys=names(feedback_keys),
        webhook=webhook,
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


def _durability(word: str) -> str:
    if word not in _DURABILITIES:
        raise ValueError(f"it is none of {', '.join(_DURABILITIES)}")
    return word


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
        **dict.fromkeys(("input", "config", "context", "command"), (jsontext.parse, None)),
        **dict.fromkeys(("interrupt_before", "interrupt_after", "stream_mode", "feedback_keys"), (names, "[]")),
        **dict.fromkeys(("fired", "missed", "skipped", "failed", "failures_in_a_row"), (count, 0)),
        **dict.fromkeys(("max_runs", "pause_after_failures"), (partial(number, least=1), None)),
        "on_run_completed": (OnCompletion, None),
        "multitask_strategy": (MultitaskStrategy, None),
        "durability": (_durability, None),
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


def shown(rows: Iterable[Row]) -> list[Cron]:
    """The same, for who looks at crons again and again."""
    return [_READER.shown(row) for row in rows]


# What most crons have, understood once.
_NO_MORE = list(_template_columns(RunTemplate())[1:])
_DEFAULT_POLICIES = _policy_columns(DEFAULT)
_ZEROS = _counter_columns(NOTHING_COUNTED)
