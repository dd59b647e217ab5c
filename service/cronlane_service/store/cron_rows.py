"""Crons as rows, and rows as crons."""

from __future__ import annotations

from cronlane_service.domain import jsontext
from cronlane_service.domain.models import (
    Cron,
    CronCounters,
    MultitaskStrategy,
    OnCompletion,
    RunStatus,
    RunTemplate,
)
from cronlane_service.domain.policies import CatchUp, DstPolicy, Fold, Gap, Overlap, Policies
from cronlane_service.store.instants import MICROSECOND, loaded, stored
from cronlane_service.store.statements import Row


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
        cron.on_run_completed and cron.on_run_completed.value,
        stored(cron.next_run_date),
        cron.metadata,
        stored(cron.created_at),
        stored(cron.updated_at),
        cron.extra,
        cron.disabled_reason,
        *_template_columns(cron.run),
        *_policy_columns(cron.policies),
        stored(cron.due_at),
        stored(cron.paused_at),
        cron.note,
        *_counter_columns(cron.counters),
    )


def _template_columns(run: RunTemplate) -> Row:
    return (
        run.input,
        run.config,
        run.context,
        jsontext.dump(run.interrupt_before),
        jsontext.dump(run.interrupt_after),
        run.multitask_strategy and run.multitask_strategy.value,
        jsontext.dump(run.stream_mode),
        run.stream_subgraphs,
        run.stream_resumable,
        run.durability,
        run.command,
        jsontext.dump(run.feedback_keys),
        run.webhook,
    )


def cron(row: Row) -> Cron:
    cron_id, owner, assistant_id, thread_id, schedule, timezone, end_time, enabled, completed, due, *rest = row
    metadata, created_at, updated_at, extra, disabled_reason, *rest = rest
    due_at, paused_at, note, *counters = rest[-9:]
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
        run=_template(*rest[:-18]),
        extra=extra,
        disabled_reason=disabled_reason,
        policies=_policies(*rest[-18:-9]),
        due_at=loaded(due_at),
        paused_at=loaded(paused_at),
        note=note,
        counters=_counters(*counters),
    )


def _template(
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
        interrupt_before=tuple(jsontext.parse(before)),
        interrupt_after=tuple(jsontext.parse(after)),
        multitask_strategy=None if multitask is None else MultitaskStrategy(multitask),
        stream_mode=tuple(jsontext.parse(modes)),
        stream_subgraphs=None if subgraphs is None else bool(subgraphs),
        stream_resumable=None if resumable is None else bool(resumable),
        durability=durability,
        command=command,
        feedback_keys=tuple(jsontext.parse(feedback_keys)),
        webhook=webhook,
    )


def _policy_columns(policies: Policies) -> Row:
    return (
        stored(policies.start_time),
        policies.max_runs,
        policies.jitter // MICROSECOND or None,
        policies.dst_policy.gap.value,
        policies.dst_policy.fold.value,
        policies.catch_up.value,
        None if policies.catch_up_window is None else policies.catch_up_window // MICROSECOND,
        policies.overlap.value,
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
    return Policies(
        start_time=loaded(start_time),
        max_runs=max_runs,
        jitter=(jitter or 0) * MICROSECOND,
        dst_policy=DstPolicy(Gap(gap or Gap.SHIFT), Fold(fold or Fold.BY_EXPRESSION)),
        catch_up=CatchUp(catch_up or CatchUp.LATEST),
        catch_up_window=None if window is None else window * MICROSECOND,
        overlap=Overlap(overlap or Overlap.ALLOW),
        pause_after_failures=pause_after_failures,
    )


def _counter_columns(counters: CronCounters) -> Row:
    return (
        counters.last_outcome and counters.last_outcome.value,
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
    return CronCounters(fired, missed, skipped, failed, failures_in_a_row, last)
