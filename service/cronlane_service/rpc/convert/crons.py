"""Crons."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields

from cronlane.v1 import crons_pb2 as pb
from cronlane_service.domain import models
from cronlane_service.domain.drafts import CronDraft
from cronlane_service.domain.policies import DEFAULT
from cronlane_service.domain.queries import CronQuery
from cronlane_service.rpc.convert import templates, timings, words
from cronlane_service.rpc.convert.documents import Inner, said, text
from cronlane_service.rpc.convert.instants import timestamp
from cronlane_service.rpc.convert.kept import Kept
from cronlane_service.rpc.convert.templates import Readers, read, shown, template

_READERS: Readers = {
    **templates.READERS,
    **timings.READERS,
    "extra": said,
    "on_run_completed": words.ON_COMPLETION.word,
}
_DRAFTED = frozenset(field.name for field in fields(CronDraft))


def written(cron: models.Cron) -> pb.Cron:
    """Of one that was changed just now, and of which there is nothing to be kept."""
    counters = cron.counters
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
        metadata=Inner(text=cron.metadata),
        created_at=timestamp(cron.created_at),
        updated_at=timestamp(cron.updated_at),
        extra=Inner(text=cron.extra),
        etag=cron.etag,
        disabled_reason=cron.disabled_reason,
        note=cron.note,
        paused_at=timestamp(cron.paused_at),
        due_at=timestamp(cron.due_at),
        last_outcome=words.RUN_STATUS.number(counters.last_outcome),
        counters=Inner(fired=counters.fired, missed=counters.missed, skipped=counters.skipped, failed=counters.failed),
        failures_in_a_row=counters.failures_in_a_row,
        **shown(cron.run),
    )
    timings.show(answer, cron)
    return answer


def _listed(cron: models.Cron) -> pb.SearchCronsResponse:
    return pb.SearchCronsResponse(crons=[written(cron)])


cron = Kept(pb.Cron, written).message
_LISTED = Kept(pb.SearchCronsResponse, _listed)


def fill(page: pb.SearchCronsResponse, crons: Sequence[models.Cron]) -> None:
    """Messages one behind the other are, to protobuf, one that lists what they all list."""
    page.MergeFromString(_LISTED.wires(crons))


def draft(cron: pb.Cron) -> CronDraft:
    sent = read(cron, _READERS)
    policies = DEFAULT if timings.POLICIES.isdisjoint(sent) else timings.policies(cron)
    return CronDraft(policies=policies, run=template(sent), **{name: sent[name] for name in _DRAFTED & sent.keys()})


def characters(draft: CronDraft) -> int:
    """Of the JSON that it holds."""
    run = draft.run
    return sum(map(len, filter(None, (draft.metadata, draft.extra, run.input, run.config, run.context, run.command))))


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
