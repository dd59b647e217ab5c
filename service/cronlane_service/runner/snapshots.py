"""What a checkpoint says, in the service's own terms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Protocol

from cronlane_service.domain.models import Checkpoint, ThreadState, ThreadTask
from cronlane_service.domain.runs import Outcome, RunError, RunStatus
from cronlane_service.runner import values


class Interrupt(Protocol):
    """A question of a node to a human."""

    @property
    def id(self) -> str: ...
    @property
    def value(self) -> Any: ...


class Task(Protocol):
    """One node's turn in a step."""

    @property
    def id(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def path(self) -> Sequence[Any]: ...
    @property
    def error(self) -> object: ...
    @property
    def interrupts(self) -> Sequence[Interrupt]: ...
    @property
    def state(self) -> Any: ...
    @property
    def result(self) -> Any: ...


class Snapshot(Protocol):
    """A graph's state at one checkpoint, as LangGraph answers it; metadata is None when there is no checkpoint."""

    @property
    def values(self) -> Any: ...
    @property
    def next(self) -> Sequence[str]: ...
    @property
    def tasks(self) -> Sequence[Task]: ...
    @property
    def config(self) -> Mapping[str, Any]: ...
    @property
    def parent_config(self) -> Mapping[str, Any] | None: ...
    @property
    def metadata(self) -> Mapping[str, Any] | None: ...
    @property
    def created_at(self) -> str | None: ...
    @property
    def interrupts(self) -> Sequence[Interrupt]: ...


def outcome(status: RunStatus, snapshot: Snapshot | None, error: RunError | None = None) -> Outcome:
    """How an attempt ended that left its thread in that state."""
    if snapshot is None or snapshot.metadata is None:
        return Outcome(status, error=error)
    waiting = {task.id: [_question(each) for each in task.interrupts] for task in snapshot.tasks if task.interrupts}
    return Outcome(status, values.text(snapshot.values), values.text(waiting), bool(snapshot.next), error)


def thread_state(snapshot: Snapshot) -> ThreadState:
    if snapshot.metadata is None:
        return ThreadState()
    here = checkpoint(snapshot.config)
    return ThreadState(
        values=values.text(snapshot.values),
        next=tuple(snapshot.next),
        tasks=tuple(_task(task) for task in snapshot.tasks),
        metadata=values.text({**snapshot.metadata, "thread_id": here.thread_id}),
        created_at=_instant(snapshot.created_at),
        checkpoint=here,
        parent_checkpoint=checkpoint(snapshot.parent_config) if snapshot.parent_config else None,
        interrupts=values.text(_interrupts(snapshot.interrupts)),
    )


def text(snapshot: Snapshot) -> str:
    """The whole state as JSON."""
    return values.text(_nested(snapshot))


def _task(task: Task) -> ThreadTask:
    found = _found(task)
    return ThreadTask(
        id=task.id,
        name=task.name,
        path=values.text(task.path),
        error=found["error"],
        interrupts=values.text(found["interrupts"]),
        checkpoint=None if found["checkpoint"] is None else values.text(found["checkpoint"]),
        state=None if found["state"] is None else values.text(found["state"]),
        result=None if task.result is None else values.text(task.result),
    )


def _found(task: Task) -> dict[str, Any]:
    """A task as JSON is made of it. Its state is that of a subgraph: a reference to it, or itself if asked for."""
    nested = isinstance(task.state, Mapping)
    error = task.error if isinstance(task.error, str) or task.error is None else values.plain(task.error)
    return {
        "id": task.id,
        "name": task.name,
        "path": task.path,
        "error": error if error is None else values.clean(str(error)),
        "interrupts": _interrupts(task.interrupts),
        "checkpoint": _ids(task.state) if nested else None,
        "state": None if task.state is None or nested else _nested(task.state),
        "result": task.result,
    }


def _nested(snapshot: Snapshot) -> dict[str, Any]:
    here = _ids(snapshot.config) if snapshot.metadata is not None else {}
    before = _ids(snapshot.parent_config) if snapshot.parent_config else None
    return {
        "values": snapshot.values,
        "next": snapshot.next,
        "tasks": [_found(task) for task in snapshot.tasks],
        "metadata": None if snapshot.metadata is None else {**snapshot.metadata, "thread_id": here["thread_id"]},
        "created_at": snapshot.created_at,
        "checkpoint": here or None,
        "parent_checkpoint": before,
        "interrupts": _interrupts(snapshot.interrupts),
        "checkpoint_id": here.get("checkpoint_id"),
        "parent_checkpoint_id": before and before.get("checkpoint_id"),
    }


def _interrupts(interrupts: Sequence[Interrupt]) -> list[dict[str, Any]]:
    return [{"id": interrupt.id, "value": interrupt.value} for interrupt in interrupts]


def _question(interrupt: Interrupt) -> dict[str, Any]:
    """With the schema that its answer is to have, if the graph says so."""
    schema = getattr(interrupt, "response_schema", None)
    asked = {"value": interrupt.value, "id": interrupt.id}
    return asked if schema is None else {**asked, "response_schema": schema}


def _ids(config: Mapping[str, Any]) -> dict[str, Any]:
    names = ("thread_id", "checkpoint_ns", "checkpoint_id", "checkpoint_map")
    return {name: config["configurable"][name] for name in names if name in config["configurable"]}


def checkpoint(config: Mapping[str, Any]) -> Checkpoint:
    """Where a config points."""
    place = config["configurable"]
    around = place.get("checkpoint_map")
    return Checkpoint(
        place["thread_id"],
        place.get("checkpoint_ns", ""),
        place["checkpoint_id"],
        values.text(around) if around else None,
    )


def _instant(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text).astimezone(UTC)
