"""What a graph is called with, made from a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cronlane_service.domain import jsontext
from cronlane_service.domain.runs import Run
from cronlane_service.domain.states import Place

_PASSED_ON = ("tags", "recursion_limit", "max_concurrency", "run_name")
_OF_CHECKPOINT = ("checkpoint_ns", "checkpoint_map")  # without a checkpoint they name nothing


@dataclass(frozen=True, slots=True)
class Call:
    """A run's arguments. ``interrupt_before`` and ``interrupt_after``: node names, ``"*"``, or None: not said."""

    config: dict[str, Any]
    input: Any = None
    command: Mapping[str, Any] | None = None
    context: Mapping[str, Any] | None = None
    interrupt_before: str | Sequence[str] | None = None
    interrupt_after: str | Sequence[str] | None = None
    durability: str | None = None
    stream_mode: Sequence[str] = ()
    subgraphs: bool = False


def call(run: Run) -> Call:
    kwargs = jsontext.parse(run.kwargs)
    return Call(
        config=_config(run, kwargs.get("config") or {}),
        input=kwargs.get("input"),
        command=kwargs.get("command"),
        context=kwargs.get("context"),
        interrupt_before=_nodes(kwargs.get("interrupt_before")),
        interrupt_after=_nodes(kwargs.get("interrupt_after")),
        durability=kwargs.get("durability") or "async",
        stream_mode=kwargs.get("stream_mode") or ["values"],
        subgraphs=bool(kwargs.get("subgraphs")),
    )


def thread_config(graph_id: str, thread_id: str, place: Place | None = None) -> dict[str, Any]:
    """The config that reads a thread's state: the newest, or at that place."""
    place = place or Place()
    configurable: dict[str, Any] = {
        "thread_id": thread_id,
        "graph_id": graph_id,
        "checkpoint_ns": place.checkpoint_ns,
    }
    if place.checkpoint_id is not None:
        configurable["checkpoint_id"] = place.checkpoint_id
    if place.checkpoint_map is not None:
        configurable["checkpoint_map"] = jsontext.parse(place.checkpoint_map)
    return {"configurable": configurable}


def _nodes(given: Any) -> str | Sequence[str] | None:
    if not given:
        return None
    return "*" if given in ("*", ["*"]) else given


def _config(run: Run, given: Mapping[str, Any]) -> dict[str, Any]:
    ids = {
        "run_id": run.run_id,
        "thread_id": run.thread_id,
        "graph_id": run.graph_id,
        "assistant_id": run.assistant_id,
    }
    if run.cron_id is not None:
        ids["cron_id"] = run.cron_id
    asked = given.get("configurable") or {}
    configurable = {
        name: value
        for name, value in asked.items()
        # Names that begin like this are LangGraph's own switches.
        if not name.startswith("__") and (name not in _OF_CHECKPOINT or asked.get("checkpoint_id"))
    }
    config = {name: given[name] for name in _PASSED_ON if given.get(name) is not None}
    config["configurable"] = {"user_id": run.owner, **configurable, **ids}
    # LangGraph copies these into the metadata of every checkpoint that the run makes.
    config["metadata"] = {**(given.get("metadata") or {}), **jsontext.parse(run.metadata), **ids}
    return config
