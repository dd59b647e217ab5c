"""The states of threads."""

from __future__ import annotations

from typing import TypeAlias

from cronlane.v1 import thread_states_pb2 as pb
from cronlane_service.domain import models
from cronlane_service.domain.errors import InvalidField
from cronlane_service.domain.states import HistoryQuery, Place, StateUpdate
from cronlane_service.rpc.convert.documents import document, text
from cronlane_service.rpc.convert.instants import timestamp

Placed: TypeAlias = pb.GetThreadStateRequest | pb.UpdateThreadStateRequest


def place(request: Placed) -> Place:
    """Where in the thread's history. Raises InvalidField when that is said twice."""
    if not request.checkpoint_id:
        return _place(request.checkpoint)
    if request.HasField("checkpoint"):
        raise InvalidField("checkpoint", "excludes checkpoint_id")
    return Place(request.checkpoint_id)


def _place(checkpoint: pb.Checkpoint) -> Place:
    return Place(checkpoint.checkpoint_id or None, checkpoint.checkpoint_ns, text(checkpoint, "checkpoint_map"))


def update(request: pb.UpdateThreadStateRequest) -> StateUpdate:
    return StateUpdate(text(request, "values"), request.as_node or None)


def superstep(step: pb.Superstep) -> tuple[StateUpdate, ...]:
    return tuple(
        StateUpdate(text(update, "values"), update.as_node or None, text(update, "command")) for update in step.updates
    )


def history(request: pb.GetThreadHistoryRequest) -> HistoryQuery:
    return HistoryQuery(
        limit=request.limit if request.HasField("limit") else 1,
        before=request.before or None,
        metadata=text(request, "metadata"),
        place=_place(request.checkpoint),
    )


def state(state: models.ThreadState) -> pb.ThreadState:
    here, before = state.checkpoint, state.parent_checkpoint
    return pb.ThreadState(
        values=document(state.values),
        next=state.next,
        tasks=[_task(task) for task in state.tasks],
        metadata=document(state.metadata),
        created_at=timestamp(state.created_at),
        checkpoint=checkpoint(here),
        parent_checkpoint=checkpoint(before),
        interrupts=document(state.interrupts),
        checkpoint_id=here.checkpoint_id if here else None,
        parent_checkpoint_id=before.checkpoint_id if before else None,
    )


def checkpoint(checkpoint: models.Checkpoint | None) -> pb.Checkpoint | None:
    if checkpoint is None:
        return None
    return pb.Checkpoint(
        thread_id=checkpoint.thread_id,
        checkpoint_ns=checkpoint.checkpoint_ns,
        checkpoint_id=checkpoint.checkpoint_id,
        checkpoint_map=document(checkpoint.checkpoint_map),
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
