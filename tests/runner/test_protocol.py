"""What real graphs tell through the thread-centric protocol."""

from __future__ import annotations

from typing import Any

import pytest
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, ToolMessage
from langchain_core.tools import tool
from langgraph.config import get_stream_writer
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolCallTransformer, ToolNode
from langgraph.stream.transformers import CustomTransformer

from cronlane_service.domain.protocol import MODES
from cronlane_service.domain.runs import RunStatus
from runner.conftest import Serve
from runner.sample import Steps, asking, chain, failing, first, run, second
from runner.test_streaming import Told


async def told(serve: Serve, graph: Any, status: RunStatus = RunStatus.SUCCESS, **kwargs: Any) -> Told:
    graphs, events = await serve(graph), Told()
    outcome = await graphs.execute(run(stream_mode=list(MODES), subgraphs=True, **kwargs), events)
    assert outcome.status is status, outcome.error
    return events


def writes(state: Steps) -> Steps:
    get_stream_writer()({"name": "progress", "n": 1.0})
    return {"steps": ["writes"]}


async def test_values_and_updates_and_what_nodes_write_are_told(serve: Serve) -> None:
    events = await told(serve, chain(writes))
    assert events.events == [
        ("protocol/values", {"steps": ["input"]}),
        ("protocol/custom", {"name": "progress", "n": 1.0}),
        ("protocol/updates", {"writes": {"steps": ["writes"]}}),
        ("protocol/values", {"steps": ["input", "writes"]}),
    ]


async def test_a_graph_that_tells_what_its_nodes_write_tells_it_once(serve: Serve) -> None:
    graph = StateGraph(Steps)
    graph.add_node("writes", writes)
    graph.add_edge(START, "writes")
    events = await told(serve, graph.compile(transformers=[CustomTransformer]))
    assert len(events.of("protocol/custom")) == len(events.of("protocol/updates")) == 1


async def test_a_subgraph_is_told_where_it_is_with_its_beginning_and_end(serve: Serve) -> None:
    graph = StateGraph(Steps)
    graph.add_node("inner", chain(writes))
    graph.add_edge(START, "inner")
    events = (await told(serve, graph.compile())).events
    inside = [(name.partition("|")[2], data) for name, data in events if "|" in name]
    (place, begun), *_, (same, ended) = inside[1:]
    assert {each for each, _ in inside} == {place}
    assert place == same == f"inner:{begun['trigger_call_id']}"
    assert (begun["event"], begun["graph_name"], begun["namespace"]) == ("started", "inner", [place])
    assert ended == {"event": "completed", "graph_name": "inner"}


async def test_what_is_asked_is_in_no_value_or_update(serve: Serve) -> None:
    events = await told(serve, chain(first, asking))
    assert events.of("protocol/updates") == [{"first": {"steps": ["first"]}}, {}]
    assert all("__interrupt__" not in value for value in events.of("protocol/values"))


async def test_a_failing_graph_has_told_what_was(serve: Serve) -> None:
    events = await told(serve, chain(first, failing, second), RunStatus.ERROR)
    assert events.of("protocol/updates") == [{"first": {"steps": ["first"]}}]


@pytest.mark.filterwarnings("ignore:The method `BaseChatModel:langchain_core._api.beta_decorator.LangChainBetaWarning")
async def test_a_message_is_told_part_by_part_as_its_model_writes_it(serve: Serve) -> None:
    model = GenericFakeChatModel(messages=iter([AIMessage("Good day", id="m1")]))

    async def speaks(state: MessagesState) -> dict[str, Any]:
        stream = await model.astream_events([], version="v3")
        return {"messages": [await stream]}

    events = await told(serve, chain(speaks, state=MessagesState), input={"messages": []})
    parts = events.of("protocol/messages")
    assert [part["event"] for part in parts][:2] == ["message-start", "content-block-start"]
    assert [part["event"] for part in parts][-2:] == ["content-block-finish", "message-finish"]
    deltas = [part["delta"]["text"] for part in parts if part["event"] == "content-block-delta"]
    assert len(deltas) > 1
    assert "".join(deltas) == "Good day"


async def test_messages_in_the_state_are_told_without_what_is_empty(serve: Serve) -> None:
    def answers(state: MessagesState) -> dict[str, Any]:
        called = AIMessage("", id="a", tool_calls=[{"id": "c", "name": "look", "args": {}}])
        return {"messages": [called, ToolMessage("found", id="t", tool_call_id="c")]}

    events = await told(serve, chain(answers, state=MessagesState), input={"messages": []})
    call = {"name": "look", "args": {}, "id": "c", "type": "tool_call"}
    assert events.of("protocol/values")[-1]["messages"] == [
        {"type": "ai", "content": "", "id": "a", "tool_calls": [call]},
        {"type": "tool", "content": "found", "id": "t", "tool_call_id": "c", "artifact": None, "status": "success"},
    ]


async def test_what_a_tool_answers_is_told_whole(serve: Serve) -> None:
    @tool
    def look(query: str) -> str:
        """Looks."""
        return f"found {query}"

    def asks(state: MessagesState) -> dict[str, Any]:
        return {"messages": [AIMessage("", id="a", tool_calls=[{"id": "c", "name": "look", "args": {"query": "it"}}])]}

    graph = StateGraph(MessagesState)
    graph.add_node("asks", asks).add_node("tools", ToolNode([look]))
    graph.add_edge(START, "asks").add_edge("asks", "tools")
    events = await told(serve, graph.compile(transformers=[ToolCallTransformer]), input={"messages": []})
    started, finished = events.of("protocol/tools")
    assert started == {"event": "tool-started", "tool_call_id": "c", "tool_name": "look", "input": {"query": "it"}}
    assert (finished["event"], finished["tool_call_id"]) == ("tool-finished", "c")
    assert (finished["output"]["content"], finished["output"]["additional_kwargs"]) == ("found it", {})
