"""Runs and how they ended."""

from __future__ import annotations

from cronlane.v1 import runs_pb2 as pb
from cronlane_service.domain.drafts import RunDraft, RunSelection
from cronlane_service.domain.queries import RunQuery
from cronlane_service.domain.runs import CancelAction, PastAttempt, Run, RunStatus
from cronlane_service.rpc.convert import words
from cronlane_service.rpc.convert.documents import document, text
from cronlane_service.rpc.convert.instants import span, timestamp
from cronlane_service.rpc.convert.templates import READERS, read, template
from cronlane_service.rpc.convert.threads import run_error
from cronlane_service.usecases.runs import Ending


def run(run: Run) -> pb.Run:
    return pb.Run(
        run_id=run.run_id,
        thread_id=run.thread_id,
        assistant_id=run.assistant_id,
        created_at=timestamp(run.created_at),
        updated_at=timestamp(run.updated_at),
        status=words.RUN_STATUS.number(run.status),
        metadata=document(run.metadata),
        kwargs=document(run.kwargs),
        multitask_strategy=words.MULTITASK.number(run.multitask_strategy),
        cron_id=run.cron_id,
        scheduled_for=timestamp(run.scheduled_for),
        attempt=run.attempt,
        error=None if run.error is None else run_error(run.error),
        started_at=timestamp(run.started_at),
        ended_at=timestamp(run.ended_at),
        past_attempts=map(_past, run.history),
    )


def _past(past: PastAttempt) -> pb.PastAttempt:
    return pb.PastAttempt(
        attempt=past.attempt,
        worker=past.worker,
        started_at=timestamp(past.started_at),
        ended_at=timestamp(past.ended_at),
        outcome=words.ATTEMPT_OUTCOME.number(past.outcome),
    )


def outcome(ending: Ending) -> pb.RunOutcome:
    waiting = ending.interrupts if ending.interrupts != "[]" else None
    return pb.RunOutcome(run=run(ending.run), values=document(ending.values), interrupts=document(waiting))


def draft(spec: pb.RunSpec) -> RunDraft:
    sent = read(spec, READERS)
    return RunDraft(
        assistant_id=spec.assistant_id,
        metadata=sent.get("metadata"),
        run=template(sent),
        create_thread=words.IF_NOT_EXISTS.word("if_not_exists", spec.if_not_exists) == "create",
        on_completion=words.ON_COMPLETION.word("on_completion", spec.on_completion),
        after=span(spec, "after_seconds"),
        checkpoint=text(spec, "checkpoint"),
        checkpoint_id=sent.get("checkpoint_id"),
    )


def cancels_on_disconnect(spec: pb.RunSpec) -> bool:
    return words.ON_DISCONNECT.word("on_disconnect", spec.on_disconnect) == "cancel"


def selection(request: pb.CancelRunsRequest) -> RunSelection:
    status = words.ACTIVE_RUNS.word("status", request.runs.status)
    return RunSelection(
        thread_id=request.runs.thread_id if request.runs.HasField("thread_id") else None,
        run_ids=tuple(request.runs.run_ids),
        every=status is not None,
        status=RunStatus(status) if status not in (None, "all") else None,
    )


def query(request: pb.ListRunsRequest) -> RunQuery:
    return RunQuery(status=words.RUN_STATUS.word("status", request.status))


def cancel_action(request: pb.CancelRunRequest | pb.CancelRunsRequest) -> CancelAction:
    return words.CANCEL_ACTION.word("action", request.action) or CancelAction.INTERRUPT
