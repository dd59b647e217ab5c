"""What graphs look like from outside."""

from __future__ import annotations

import asyncio
import json
import sys
import threading
from pathlib import Path
from typing import Annotated, Any, NotRequired, Required, TypedDict

import pytest
import typing_extensions
from langgraph.graph import START, MessagesState, StateGraph

from cronlane_service.domain.errors import GraphNotLoaded
from cronlane_service.runner import config
from cronlane_service.runner.graphs import Factory, LoadedGraphs, load
from cronlane_service.runner.introspection import GraphIntrospection

GRAPHS = Path(__file__).parent.parent / "e2e" / "graphs" / "langgraph.json"


class Plain(TypedDict):
    """Of a kind that pydantic does not take before Python 3.12."""

    number: int


class Opaque:
    """Has no JSON Schema."""


class Odd(typing_extensions.TypedDict):
    thing: Opaque
    number: int


def one_node(state: Any) -> Any:
    return StateGraph(state).add_node("only", lambda _: {}).add_edge(START, "only").compile()


def introspection(graph: Any) -> GraphIntrospection:
    return GraphIntrospection(LoadedGraphs({"agent": graph}))


@pytest.fixture(scope="module")
def nested() -> GraphIntrospection:
    return GraphIntrospection(load(config.read(GRAPHS)))


def nodes(text: str) -> list[str]:
    return [node["id"] for node in json.loads(text)]


async def test_a_drawing_has_nodes_and_edges_with_their_conditions(nested: GraphIntrospection) -> None:
    drawn = await nested.drawing("nested", "{}", False)
    assert json.loads(drawn.nodes) == [
        {"id": "__start__", "type": "runnable", "data": {"name": "__start__"}},
        {"id": "middle", "type": "runnable", "data": {"name": "middle"}},
        {"id": "__end__"},
    ]
    assert json.loads(drawn.edges) == [
        {"source": "__start__", "target": "__end__", "data": "stop", "conditional": True},
        {"source": "__start__", "target": "middle", "data": "deeper", "conditional": True},
        {"source": "middle", "target": "__end__"},
    ]


@pytest.mark.parametrize(
    ("xray", "inside"), [(1, "middle:inner"), (2, "middle:inner:leaf"), (True, "middle:inner:leaf")]
)
async def test_an_xray_shows_what_is_inside(nested: GraphIntrospection, xray: int | bool, inside: str) -> None:
    drawn = await nested.drawing("nested", "{}", xray)
    assert set(nodes(drawn.nodes)) == {"__start__", inside, "__end__"}


async def test_the_schemas_of_a_graph(nested: GraphIntrospection) -> None:
    found = await nested.schemas("nested", "{}")
    said = {"items": {"type": "string"}, "title": "Said", "type": "array"}
    taken = {"properties": {"said": said}, "required": ["said"], "title": "Said", "type": "object"}
    for schema in (found.input, found.output):
        described = json.loads(schema or "")
        described.pop("description", None)
        assert described == taken
    state = {"properties": {"said": {"default": None, **said}}, "title": "nested_state", "type": "object"}
    assert json.loads(found.state or "") == state
    context = json.loads(found.context or "")
    assert {name: each["default"] for name, each in context["properties"].items()} == {"model": "small", "depth": 1}
    assert found.config == found.context


async def test_messages_are_described(nested: GraphIntrospection) -> None:
    found = await introspection(one_node(MessagesState)).schemas("agent", "{}")
    assert "HumanMessage" in json.loads(found.input or "")["$defs"]
    assert (found.config, found.context) == ("{}", None)


async def test_what_cannot_be_a_schema_is_none_and_the_others_are_there() -> None:
    plain = await introspection(one_node(Plain)).schemas("agent", "{}")
    assert (plain.input is None) == (sys.version_info < (3, 12))
    assert json.loads(plain.state or "")["properties"]["number"]["type"] == "integer"
    odd = await introspection(one_node(Odd)).schemas("agent", "{}")
    assert (odd.input, odd.output, odd.state) == (None, None, None)


async def test_a_state_may_name_its_members_as_it_likes() -> None:
    state = typing_extensions.TypedDict("state", {"copy": int, "_own": str, "model_x": int, "a b": int})
    found = await introspection(one_node(state)).schemas("agent", "{}")
    properties = json.loads(found.state or "")["properties"]
    assert {name: each["title"] for name, each in properties.items()} == {
        "copy": "Copy",
        "_own": " Own",
        "model_x": "Model X",
        "a b": "A B",
    }


async def test_what_qualifies_a_member_does_not_hide_the_state() -> None:
    members = {"a": Annotated[NotRequired[list[int]], "noted"], "b": Required[str]}
    found = await introspection(one_node(typing_extensions.TypedDict("state", members))).schemas("agent", "{}")
    properties = json.loads(found.state or "{}")["properties"]
    assert {name: each["type"] for name, each in properties.items()} == {"a": "array", "b": "string"}


async def test_subgraphs_are_named_by_the_way_to_them(nested: GraphIntrospection) -> None:
    assert list(await nested.subgraphs("nested", "{}")) == ["middle"]
    assert list(await nested.subgraphs("nested", "{}", recurse=True)) == ["middle", "middle|inner"]
    for namespace, found in {"middle": ["middle"], "middle|inner": ["middle|inner"], "no": [], "no|no": []}.items():
        assert list(await nested.subgraphs("nested", "{}", namespace)) == found
    assert json.loads((await nested.subgraphs("nested", "{}"))["middle"].output or "")["title"] == "Said"
    assert await nested.subgraphs("told", "{}", recurse=True) == {}


async def test_a_factory_gets_the_assistant_s_config_and_another_thread() -> None:
    seen: list[Any] = []

    async def make(config: dict[str, Any]) -> Any:
        seen.append(
            (config["configurable"], config.get("tags"), threading.current_thread(), asyncio.get_running_loop())
        )
        return one_node(MessagesState)

    graphs = introspection(Factory.of(make))
    drawn = await graphs.drawing("agent", '{"configurable":{"model":"m"},"tags":["t"]}', False)
    assert nodes(drawn.nodes) == ["__start__", "only", "__end__"]
    ((configurable, tags, thread, loop),) = seen
    assert (configurable, tags) == (
        {"model": "m", "graph_id": "agent", "__is_for_execution__": False},
        ["t"],
    )
    assert thread is not threading.current_thread()
    assert loop is not asyncio.get_running_loop()


async def test_an_unknown_graph_is_not_described(nested: GraphIntrospection) -> None:
    with pytest.raises(GraphNotLoaded):
        await nested.drawing("nobody", "{}", False)
