"""Threads and their states."""

from __future__ import annotations

from cronlane.v1 import threads_pb2 as pb
from cronlane.v1.common_pb2 import RunError
from cronlane_service.domain import models
from cronlane_service.domain.drafts import ThreadDraft
from cronlane_service.domain.queries import ThreadQuery
from cronlane_service.rpc.convert import words
from cronlane_service.rpc.convert.documents import document, text
from cronlane_service.rpc.convert.instants import timestamp


def thread(thread: models.Thread) -> pb.Thread:
    return pb.Thread(
        thread_id=thread.thread_id,
        created_at=timestamp(thread.created_at),
        updated_at=timestamp(thread.updated_at),
        state_updated_at=timestamp(thread.state_updated_at),
        metadata=document(thread.metadata),
        status=words.THREAD_STATUS.number(thread.status),
        config=document(thread.config),
        values=document(thread.values),
        interrupts=document(thread.interrupts),
        error=run_error(thread.error),
        etag=thread.etag,
    )


def run_error(error: models.RunError | None) -> RunError | None:
    return None if error is None else RunError(error=error.error, message=error.message)


def draft(request: pb.CreateThreadRequest) -> ThreadDraft:
    return ThreadDraft(
        thread_id=request.thread_id if request.HasField("thread_id") else None,
        metadata=text(request, "metadata"),
        if_exists_do_nothing=words.IF_EXISTS.word("if_exists", request.if_exists) == "do-nothing",
    )


def query(request: pb.SearchThreadsRequest | pb.CountThreadsRequest) -> ThreadQuery:
    return ThreadQuery(
        metadata=text(request, "metadata"),
        values=text(request, "values"),
        status=words.THREAD_STATUS.word("status", request.status),
        ids=tuple(request.ids) if isinstance(request, pb.SearchThreadsRequest) else (),
    )


def state(state: models.ThreadState) -> pb.ThreadState:
    here, before = state.checkpoint, state.parent_checkpoint
    return pb.ThreadState(
        values=document(state.values),
        next=state.next,
        tasks=[_task(task) for task in state.tasks],
        metadata=document(state.metadata),
        created_at=timestamp(state.created_at),
        checkpoint=_checkpoint(here),
        parent_checkpoint=_checkpoint(before),
        interrupts=document(state.interrupts),
        checkpoint_id=here.checkpoint_id if here else None,
        parent_checkpoint_id=before.checkpoint_id if before else None,
    )


def _checkpoint(checkpoint: models.Checkpoint | None) -> pb.Checkpoint | None:
    if checkpoint is None:
        return None
    return pb.Checkpoint(
        thread_id=checkpoint.thread_id,
        checkpoint_ns=checkpoint.checkpoint_ns,
        checkpoint_id=checkpoint.checkpoint_id,
    )


def _task(task: models.ThreadTask) -> pb.ThreadTask:
    return pb.ThreadTask(
        id=task.id,
        name=task.name,
        path=document(task.path),
        error=task.error,
        interrupts=document(task.interrupts),
        checkpoint=document(task.checkpoint),
        state=document(task.state),
        result=document(task.result),
    )
