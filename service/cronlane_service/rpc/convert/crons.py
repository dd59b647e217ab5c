"""Crons."""

from __future__ import annotations

from dataclasses import fields
from functools import lru_cache
from typing import Any

from cronlane.v1 import crons_pb2 as pb
from cronlane_service.domain import models
from cronlane_service.domain.drafts import CronDraft
from cronlane_service.domain.queries import CronQuery
from cronlane_service.rpc.convert import templates, timings, words
from cronlane_service.rpc.convert.documents import document, said, text
from cronlane_service.rpc.convert.instants import timestamp
from cronlane_service.rpc.convert.templates import Readers, read, template

_NOTHING, _ZERO, _NOTHING_COUNTED = models.RunTemplate(), models.CronCounters(), pb.CronCounters()
_SHORT = 2000
"""Characters of a cron, the message of which is kept."""
_READERS: Readers = {
    **templates.READERS,
    **timings.READERS,
    "extra": said,
    "on_run_completed": words.ON_COMPLETION.word,
}
_DRAFTED = frozenset(field.name for field in fields(CronDraft))


def cron(cron: models.Cron) -> pb.Cron:
    """Of one that was answered before and is as it was, what it was on the wire is kept."""
    return pb.Cron.FromString(_wire(cron)) if _short(cron) else _message(cron)


@lru_cache(maxsize=2048)
def _wire(cron: models.Cron) -> bytes:
    return _message(cron).SerializeToString()


def _short(cron: models.Cron) -> bool:
    run = cron.run
    lists = (*run.interrupt_before, *run.interrupt_after)
    texts = (cron.metadata, cron.extra, run.input, run.config, run.context, run.webhook, *lists)
    return sum(map(len, filter(None, texts))) <= _SHORT


def _message(cron: models.Cron) -> pb.Cron:
    answer = pb.Cron(
        cron_id=cron.cron_id,
        assistant_id=cron.assistant_id,
        thread_id=cron.thread_id,
        user_id=cron.owner,
        schedule=cron.schedule,
        timezone=cron.timezone,
        end_time=timestamp(cron.end_time),
        enabled=cron.enabled,
        on_run_completed=words.ON_COMPLETION.number(cron.on_run_completed),
        next_run_date=timestamp(cron.next_run_date),
        metadata=document(cron.metadata),
        created_at=timestamp(cron.created_at),
        updated_at=timestamp(cron.updated_at),
        extra=document(cron.extra),
        etag=cron.etag,
        disabled_reason=cron.disabled_reason,
        note=cron.note,
        paused_at=timestamp(cron.paused_at),
        due_at=timestamp(cron.due_at),
        last_outcome=words.RUN_STATUS.number(cron.counters.last_outcome),
        counters=_NOTHING_COUNTED if cron.counters == _ZERO else _counters(cron.counters),
        failures_in_a_row=cron.counters.failures_in_a_row,
        **({} if cron.run == _NOTHING else _template(cron.run)),
    )
    timings.show(answer, cron)
    return answer


def _counters(counters: models.CronCounters) -> pb.CronCounters:
    return pb.CronCounters(
        fired=counters.fired, missed=counters.missed, skipped=counters.skipped, failed=counters.failed
    )


def _template(run: models.RunTemplate) -> dict[str, Any]:
    return {
        "input": document(run.input),
        "config": document(run.config),
        "context": document(run.context),
        "interrupt_before": run.interrupt_before,
        "interrupt_after": run.interrupt_after,
        "multitask_strategy": words.MULTITASK.number(run.multitask_strategy),
        "stream_mode": [words.STREAM_MODE.number(mode) for mode in run.stream_mode],
        "stream_subgraphs": run.stream_subgraphs,
        "stream_resumable": run.stream_resumable,
        "durability": words.DURABILITY.number(run.durability),
        "webhook": run.webhook,
    }


def draft(cron: pb.Cron) -> CronDraft:
    sent = read(cron, _READERS)
    policies = timings.DEFAULT if timings.POLICIES.isdisjoint(sent) else timings.policies(cron)
    return CronDraft(policies=policies, run=template(sent), **{name: sent[name] for name in _DRAFTED & sent.keys()})


def query(request: pb.SearchCronsRequest | pb.CountCronsRequest) -> CronQuery:
    enabled = None
    if isinstance(request, pb.SearchCronsRequest) and request.HasField("enabled"):
        enabled = request.enabled
    return CronQuery(
        assistant_id=request.assistant_id if request.HasField("assistant_id") else None,
        thread_id=request.thread_id if request.HasField("thread_id") else None,
        enabled=enabled,
        metadata=text(request, "metadata"),
    )
