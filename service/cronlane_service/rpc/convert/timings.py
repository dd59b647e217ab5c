"""When a cron comes, and its policies."""

from __future__ import annotations

from dataclasses import fields
from datetime import datetime, timedelta
from typing import TypeAlias

from google.protobuf.duration_pb2 import Duration

from cronlane.v1 import crons_pb2 as pb
from cronlane_service.domain import models, timetable
from cronlane_service.domain.drafts import CronDraft
from cronlane_service.domain.errors import InvalidField
from cronlane_service.domain.policies import DEFAULT, CatchUp, DstPolicy, Fold, Gap, Overlap, Policies
from cronlane_service.rpc.convert import words
from cronlane_service.rpc.convert.instants import instant, moment, span, timestamp
from cronlane_service.rpc.convert.templates import Readers

POLICIES = frozenset(field.name for field in fields(Policies))
"""The fields that say them."""
Asked: TypeAlias = pb.Cron | pb.PreviewScheduleRequest


def _every(_: str, sent: pb.Every) -> tuple[timedelta, timedelta]:
    """Interval and phase."""
    return span(sent, "interval"), span(sent, "phase")


READERS: Readers = {"at": moment, "every": _every, "end_time": moment}


def policies(cron: pb.Cron) -> Policies:
    return Policies(
        start_time=instant(cron, "start_time"),
        max_runs=cron.max_runs if cron.HasField("max_runs") else None,
        jitter=span(cron, "jitter"),
        dst_policy=_dst_policy(cron),
        catch_up=words.CATCH_UP.word("catch_up", cron.catch_up) or CatchUp.LATEST,
        catch_up_window=span(cron, "catch_up_window") if cron.HasField("catch_up_window") else None,
        overlap=words.OVERLAP.word("overlap", cron.overlap) or Overlap.ALLOW,
        pause_after_failures=cron.pause_after_failures if cron.HasField("pause_after_failures") else None,
    )


def preview_draft(request: pb.PreviewScheduleRequest) -> CronDraft:
    return CronDraft(
        schedule=request.schedule,
        at=instant(request, "at"),
        every=_every("every", request.every) if request.HasField("every") else None,
        timezone=request.timezone if request.HasField("timezone") else None,
        end_time=instant(request, "end_time"),
        policies=Policies(
            start_time=instant(request, "start_time"),
            max_runs=request.max_runs if request.HasField("max_runs") else None,
            dst_policy=_dst_policy(request),
        ),
    )


def show(answer: pb.Cron, cron: models.Cron) -> None:
    """Writes what a cron was asked to do; of what is as by default nothing, so that it stays unsaid."""
    special = timetable.special(cron.schedule)
    if special is not None:
        _show_special(answer, special)
    if cron.policies is not DEFAULT:
        _show_policies(answer, cron.policies)


def _show_policies(answer: pb.Cron, said: Policies) -> None:
    answer.MergeFrom(
        pb.Cron(
            start_time=timestamp(said.start_time),
            max_runs=said.max_runs,
            jitter=_duration(said.jitter) if said.jitter else None,
            catch_up_window=None if said.catch_up_window is None else _duration(said.catch_up_window),
            pause_after_failures=said.pause_after_failures,
        )
    )
    if said.catch_up is not CatchUp.LATEST:
        answer.catch_up = words.CATCH_UP.number(said.catch_up)
    if said.overlap is not Overlap.ALLOW:
        answer.overlap = words.OVERLAP.number(said.overlap)
    if said.dst_policy != DstPolicy():
        gap, fold = words.GAP.number(said.dst_policy.gap), words.FOLD.number(said.dst_policy.fold)
        answer.dst_policy.CopyFrom(pb.DstPolicy(gap=gap, fold=fold))


def _show_special(answer: pb.Cron, special: timetable.Once | timetable.Every) -> None:
    if isinstance(special, timetable.Once):
        answer.MergeFrom(pb.Cron(at=timestamp(special.instant)))
    else:
        answer.every.interval.CopyFrom(_duration(special.interval))
        if special.phase:
            answer.every.phase.CopyFrom(_duration(special.phase))


def _dst_policy(asked: Asked) -> DstPolicy:
    gap = words.GAP.word("dst_policy.gap", asked.dst_policy.gap)
    fold = words.FOLD.word("dst_policy.fold", asked.dst_policy.fold)
    return DstPolicy(gap or Gap.SHIFT, fold or Fold.BY_EXPRESSION)


def _duration(span: timedelta) -> Duration:
    message = Duration()
    message.FromTimedelta(span)
    return message


def required_instant(request: pb.BackfillCronRequest, field: str) -> datetime:
    found = instant(request, field)
    if found is None:
        raise InvalidField(field, "is required")
    return found
