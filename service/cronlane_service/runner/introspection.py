"""Describes graphs: their nodes and edges, and the schemas of what goes in, stays and comes out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, NotRequired, Required, TypeVar, get_args, get_origin

import structlog
from pydantic import ConfigDict, Field, create_model

from cronlane_service.domain import jsontext
from cronlane_service.domain.introspection import Drawing, Schemas
from cronlane_service.runner import values
from cronlane_service.runner.factories import Access, Use
from cronlane_service.runner.graphs import LoadedGraphs
from cronlane_service.runner.items import LocalItems

if TYPE_CHECKING:
    from cronlane_service.runner.graphs import Graph

T = TypeVar("T")

log = structlog.get_logger(__name__)

# What pydantic and LangGraph raise for types that have no JSON Schema, or that they cannot make out.
_UNSPEAKABLE = (RuntimeError, TypeError, ValueError, NameError, AttributeError, LookupError)


def _title(_: str, field: Any) -> str:
    return str(field.alias).replace("_", " ").title()


_STATE = ConfigDict(arbitrary_types_allowed=True, field_title_generator=_title)


class GraphIntrospection:
    """Implements Introspection, in threads of its own: making schemas takes its time, and so may a factory."""

    def __init__(self, loaded: LoadedGraphs, items: LocalItems | None = None) -> None:
        """``items``: the long-term store that factories are given."""
        self._loaded, self._items = loaded, items

    @property
    def names(self) -> Sequence[str]:
        return self._loaded.names

    async def drawing(self, graph_id: str, config: str, xray: int | bool, *, owner: str = "") -> Drawing:
        return await self._described(graph_id, config, owner, lambda graph: _drawing(graph, xray))

    async def schemas(self, graph_id: str, config: str, *, owner: str = "") -> Schemas:
        return await self._described(graph_id, config, owner, _schemas)

    async def subgraphs(
        self, graph_id: str, config: str, namespace: str | None = None, recurse: bool = False, *, owner: str = ""
    ) -> Mapping[str, Schemas]:
        return await self._described(graph_id, config, owner, lambda graph: _subgraphs(graph, namespace, recurse))

    async def _described(self, graph_id: str, config: str, owner: str, describe: Callable[[Graph], T]) -> T:
        store = None if self._items is None else self._items.of(owner)
        use = Use(Access.DESCRIBE, _config(graph_id, config), store)

        async def made() -> T:
            async with self._loaded.open(graph_id, use, None) as graph:
                return describe(graph.copy(update={"name": graph_id}))

        return await asyncio.to_thread(asyncio.run, made())


def _config(graph_id: str, config: str) -> Any:
    """What a factory is given: the assistant's config, but no run's ids."""
    given = jsontext.parse(config)
    return {**given, "configurable": {**(given.get("configurable") or {}), "graph_id": graph_id}}


def _drawing(graph: Graph, xray: int | bool) -> Drawing:
    drawn = graph.get_graph(xray=xray).to_json()
    for node in drawn["nodes"]:
        if isinstance(node.get("data"), dict):
            node["data"].pop("id", None)  # where the node's code is
    return Drawing(values.text(drawn["nodes"]), values.text(drawn["edges"]))


def _subgraphs(graph: Graph, namespace: str | None, recurse: bool) -> Mapping[str, Schemas]:
    inside = namespace is not None and "|" in namespace
    found = graph.get_subgraphs(namespace=namespace, recurse=recurse or inside)
    return {name: _schemas(each) for name, each in found}


def _schemas(graph: Any) -> Schemas:
    context = _schema(graph, "context", lambda: graph.get_context_jsonschema())
    return Schemas(
        input=_schema(graph, "input", lambda: graph.get_input_jsonschema()),
        output=_schema(graph, "output", lambda: graph.get_output_jsonschema()),
        state=_schema(graph, "state", lambda: _state_schema(graph)),
        config=context or "{}",
        context=context,
    )


def _schema(graph: Any, what: str, describe: Callable[[], Any]) -> str | None:
    try:
        schema = describe()
    except _UNSPEAKABLE as problem:
        log.info("schema_unavailable", graph=graph.name, schema=what, problem=f"{type(problem).__name__}: {problem}")
        return None
    return None if schema is None else values.text(schema)


def _unqualified(annotation: Any) -> Any:
    """Without Required and its like, which mean something in a TypedDict alone."""
    if get_origin(annotation) is Annotated:
        inner, *rest = get_args(annotation)
        return Annotated[_unqualified(inner), *rest]
    return _unqualified(get_args(annotation)[0]) if get_origin(annotation) in (Required, NotRequired) else annotation


def _state_schema(graph: Any) -> Any:
    """Every channel that is part of the state, by name; names may be any, so the fields have others."""
    fields: dict[str, Any] = {
        f"channel_{number}": (_unqualified(graph.channels[name].UpdateType), Field(None, alias=name))
        for number, name in enumerate(graph.stream_channels_list)
    }
    model: Any = create_model(graph.get_name("State"), __config__=_STATE, **fields)
    return model.model_json_schema()
