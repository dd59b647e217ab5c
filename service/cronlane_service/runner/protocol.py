"""What LangGraph streams while a graph runs, as the events of the thread-centric protocol."""

from __future__ import annotations

import warnings
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any

from cronlane_service.domain import protocol

Event = tuple[str, Any]

_INTERRUPTS = "__interrupt__"
# Left out of a message where they say nothing.
_OPTIONAL = (
    "additional_kwargs",
    "response_metadata",
    "name",
    "id",
    "tool_calls",
    "invalid_tool_calls",
    "usage_metadata",
)


class ProtocolStream:
    """The stream of one attempt, in all channels."""

    def __init__(self) -> None:
        self._names: dict[tuple[str, ...], str] = {}  # of the subgraphs under way

    async def play(
        self, graph: Any, given: Any, config: Mapping[str, Any], options: Mapping[str, Any]
    ) -> AsyncGenerator[Event]:
        """Runs the graph. Raises what it raises."""
        warnings.filterwarnings("ignore", message="The v3 streaming protocol on Pregel is experimental")
        more = _missing(graph)
        stream = await graph.astream_events(given, dict(config), version="v3", transformers=more, **options)
        async with stream:
            async for event in stream:
                if (told := self._told(event["method"], event["params"])) is not None:
                    yield told

    def _told(self, method: str, params: Mapping[str, Any]) -> Event | None:
        namespace, data = params["namespace"], params["data"]
        if method == "messages":
            data = data[0]
            if not isinstance(data, dict):
                return None  # a message that no model wrote part by part is told as part of the state
        elif method == protocol.LIFECYCLE:
            namespace, data = data.get("namespace", namespace), self._lifecycle(data)
        elif method.startswith(f"{protocol.CUSTOM}:"):  # a transformer's own channel
            method, data = protocol.CUSTOM, {"name": method.partition(":")[2], "payload": data}
        elif method in ("values", "updates"):
            data = _compact(data)
            if isinstance(data, Mapping):
                data = {name: value for name, value in data.items() if name != _INTERRUPTS}
        return protocol.name(method, namespace), data

    def _lifecycle(self, data: Mapping[str, Any]) -> Mapping[str, Any]:
        """Of a subgraph. LangGraph says its name only when it begins."""
        place = tuple(data.get("namespace", ()))
        if data["event"] == "started":
            self._names[place] = data.get("graph_name", "")
            return data
        end = {name: value for name, value in data.items() if name != "namespace"}
        return {**end, "graph_name": self._names.pop(place, "")}


def _missing(graph: Any) -> Sequence[type[Any]]:
    """What makes LangGraph tell what nodes write and return, too, where the graph itself does not."""
    from langgraph.stream.transformers import CustomTransformer, UpdatesTransformer

    there = [each for each in graph.stream_transformers or () if isinstance(each, type)]
    return [each for each in (CustomTransformer, UpdatesTransformer) if not any(issubclass(t, each) for t in there)]


def _compact(value: Any) -> Any:
    """With messages as the protocol has them: what is empty is left out."""
    from langchain_core.messages import BaseMessage

    if isinstance(value, BaseMessage):
        return _message(value)
    if isinstance(value, Mapping):
        return {name: _compact(each) for name, each in value.items()}
    if isinstance(value, (list, tuple)) and not hasattr(value, "_asdict"):
        return [_compact(each) for each in value]
    return value


def _message(message: Any) -> dict[str, Any]:
    found = message.model_dump(warnings=False)
    kept = {name: value for name, value in found.items() if value or name not in _OPTIONAL}
    return {"type": kept.pop("type"), **kept}
