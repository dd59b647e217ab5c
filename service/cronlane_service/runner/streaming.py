"""What LangGraph streams while a graph runs, as the events of the platform's stream modes."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import aclosing
from typing import Any
from uuid import UUID

from cronlane_service.runner import values
from cronlane_service.runner.messages import Messages

Event = tuple[str, Any]

_UNNAMED = "LangGraph"  # what LangGraph calls a graph that was given no name
_PLACE = ("thread_id", "checkpoint_ns", "checkpoint_id", "checkpoint_map")


class Stream:
    """The stream of one attempt, in the modes that were asked for."""

    def __init__(self, run_id: str, modes: Sequence[str], *, subgraphs: bool) -> None:
        self._run_id, self._subgraphs = run_id, subgraphs
        self._modes = list(dict.fromkeys("messages" if mode == "messages-tuple" else mode for mode in modes))
        self._pairs = "messages-tuple" in modes
        self._messages = Messages()

    async def play(
        self, graph: Any, given: Any, config: Mapping[str, Any], options: Mapping[str, Any]
    ) -> AsyncGenerator[Event]:
        """Runs the graph. Raises what it raises."""
        modes = [mode for mode in self._modes if mode != "events"]
        arguments = {"stream_mode": modes, "subgraphs": self._subgraphs, **options}
        if "events" not in self._modes:
            async with aclosing(graph.astream(given, config, **arguments)) as parts:
                async for part in parts:
                    for event in self._part(part):
                        yield event
            return
        named = {"run_name": config["configurable"]["graph_id"]} if graph.name == _UNNAMED else {}
        traced = {**named, **config, "run_id": UUID(self._run_id)}
        async with aclosing(graph.astream_events(given, traced, version="v2", **arguments)) as parts:
            async for part in parts:
                for event in self._traced(part):
                    yield event

    def _traced(self, part: Any) -> Iterator[Event]:
        """An event of LangChain's; those that carry what the graph itself streams are taken apart."""
        if part["event"] == "on_chain_stream" and part["run_id"] == self._run_id:
            yield from self._part(part["data"]["chunk"])
        else:
            yield "events", part

    def _part(self, part: Any) -> Iterator[Event]:
        namespace, mode, value = part if self._subgraphs else ((), *part)
        if mode == "messages" and not self._pairs:
            yield from self._messages.events(*value)
            return
        name = "|".join((mode, *namespace))
        if mode in ("checkpoints", "tasks"):
            yield name, _shown(value)
        elif mode == "debug":
            yield name, {**value, "payload": _placed(_shown(value["payload"]))}
        else:
            yield name, value


def _shown(payload: Mapping[str, Any]) -> dict[str, Any]:
    """A task, its result or a checkpoint, without what is LangGraph's own."""
    shown = dict(payload)
    for name in ("config", "parent_config"):
        if isinstance(config := payload.get(name), Mapping):
            shown[name] = {"configurable": _ours(config)}
    if isinstance(error := payload.get("error"), BaseException):
        shown["error"] = {"error": type(error).__name__, "message": values.described(error)}
    if "tasks" in payload:
        shown["tasks"] = [_shown(task) for task in payload["tasks"]]
    return shown


def _placed(payload: dict[str, Any]) -> dict[str, Any]:
    """With the places of checkpoints, also of those that subgraphs have, beside or instead of whole configs."""
    if "config" in payload:
        payload["checkpoint"] = _place(payload["config"])
        payload["parent_checkpoint"] = _place(payload.get("parent_config"))
    for task in payload.get("tasks", ()):
        if isinstance(task.get("state"), Mapping) and "configurable" in task["state"]:
            task["checkpoint"] = _place(task.pop("state"))
    return payload


def _ours(config: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in config.get("configurable", {}).items() if not name.startswith("__")}


def _place(config: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if config is None:
        return None
    configurable = config.get("configurable", {})
    return {name: configurable[name] for name in _PLACE if name in configurable}
