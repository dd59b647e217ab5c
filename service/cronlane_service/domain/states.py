"""How callers name a thread's states, and what they do to them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field

from cronlane_service.domain import checks
from cronlane_service.domain.errors import InvalidField
from cronlane_service.domain.immutable import immutable
from cronlane_service.domain.models import Checkpoint
from cronlane_service.domain.runs import Outcome


@immutable
class Place:
    """Where in a thread's history: ``checkpoint_id`` None is the newest, ``checkpoint_ns`` "" the graph itself."""

    checkpoint_id: str | None = None
    checkpoint_ns: str = ""
    checkpoint_map: str | None = None

    @property
    def name(self) -> str:
        return self.checkpoint_id or self.checkpoint_ns


@immutable
class StateUpdate:
    """What a node is said to have returned: values, or a command; ``as_node`` None is the one that ran last."""

    values: str | None = None
    as_node: str | None = None
    command: str | None = None


Supersteps = Sequence[Sequence[StateUpdate]]


@immutable
class HistoryQuery:
    """``before``: the id of a checkpoint."""

    limit: int = 1
    before: str | None = None
    metadata: str | None = None
    place: Place = field(default_factory=Place)


@immutable
class Updated:
    """The checkpoint that an update made, how it left the graph, and the state there as a JSON text."""

    checkpoint: Checkpoint
    left: Outcome
    state: str


def check_place(place: Place) -> None:
    checks.text("checkpoint.checkpoint_ns", place.checkpoint_ns)
    checks.json_object("checkpoint.checkpoint_map", place.checkpoint_map)


def check_update(update: StateUpdate) -> None:
    checks.object_or_list("values", update.values)


def check_supersteps(supersteps: Supersteps) -> None:
    for number, updates in enumerate(supersteps):
        path = f"supersteps[{number}].updates"
        if not updates:
            raise InvalidField(path, "must not be empty")
        for at, update in enumerate(updates):
            _check_one(f"{path}[{at}]", update)


def _check_one(path: str, update: StateUpdate) -> None:
    checks.required(f"{path}.as_node", update.as_node or "")
    checks.object_or_list(f"{path}.values", update.values)
    checks.json_object(f"{path}.command", update.command)
    if update.values is not None and update.command is not None:
        raise InvalidField(f"{path}.command", "excludes values")


def check_history(query: HistoryQuery) -> None:
    if not 1 <= query.limit <= checks.LIMIT:
        raise InvalidField("limit", f"must be from 1 to {checks.LIMIT}")
    checks.json_object("metadata", query.metadata)
    check_place(query.place)
