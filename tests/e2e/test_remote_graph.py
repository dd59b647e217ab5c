"""LangGraph's own RemoteGraph, pointed at the service: a graph like any other."""

from __future__ import annotations

from typing import Any

import pytest
from langgraph.pregel.remote import RemoteException, RemoteGraph
from langgraph.types import Command
from langgraph_sdk import get_client
from langgraph_sdk.client import SyncLangGraphClient

from serving import Served

INPUT = {"steps": ["input"]}


@pytest.fixture
def config(client: SyncLangGraphClient) -> Any:
    return {"configurable": {"thread_id": client.threads.create()["thread_id"]}}


def remote(client: SyncLangGraphClient, graph: str) -> RemoteGraph:
    return RemoteGraph(graph, sync_client=client)


def test_a_remote_graph_runs_and_keeps_its_state(client: SyncLangGraphClient, config: Any) -> None:
    graph = remote(client, "telling")
    assert graph.invoke(INPUT, config) == {"steps": ["input", "tells", "waits"]}
    state = graph.get_state(config)
    assert (state.values, state.next) == ({"steps": ["input", "tells", "waits"]}, ())
    assert state.metadata is not None
    assert state.metadata["step"] == 2


def test_a_remote_graph_is_updated_and_tells_its_history(client: SyncLangGraphClient, config: Any) -> None:
    graph = remote(client, "telling")
    graph.invoke(INPUT, config)
    updated = graph.update_state(config, {"steps": ["updated"]}, as_node="tells")
    state = graph.get_state(config)
    assert (state.values, state.next) == ({"steps": ["input", "tells", "waits", "updated"]}, ("waits",))
    assert state.config["configurable"]["checkpoint_id"] == updated["configurable"]["checkpoint_id"]
    history = list(graph.get_state_history(config))
    assert [each.metadata and each.metadata["source"] for each in history] == [
        "update",
        "loop",
        "loop",
        "loop",
        "input",
    ]
    assert history[1].values == {"steps": ["input", "tells", "waits"]}
    assert graph.get_state(history[1].config).values == history[1].values
    assert [each.values for each in graph.get_state_history(config, limit=1, before=history[1].config)] == [
        {"steps": ["input", "tells"]}
    ]


def test_a_remote_graph_streams(client: SyncLangGraphClient, config: Any) -> None:
    graph = remote(client, "telling")
    assert list(graph.stream(INPUT, config, stream_mode="updates")) == [
        {"tells": {"steps": ["tells"]}},
        {"waits": {"steps": ["waits"]}},
    ]
    several: Any = graph.stream(INPUT, config, stream_mode=["custom", "updates"])
    assert [part.event for part in several] == ["custom", "updates", "updates"]


def test_a_remote_graph_streams_its_subgraphs(client: SyncLangGraphClient, config: Any) -> None:
    parts = list(remote(client, "outer").stream(INPUT, config, stream_mode="updates", subgraphs=True))
    assert [[each.partition(":")[0] for each in place] for place, _ in parts] == [["inner"], [], []]


async def test_a_remote_graph_streams_messages(served: Served, config: Any) -> None:
    given = {"messages": [{"role": "user", "content": "hi"}]}
    async with get_client(url=served.url) as sdk:
        graph = RemoteGraph("chatting", client=sdk)
        parts = [part async for part in graph.astream(given, config, stream_mode="messages")]
    assert "".join(message["content"] for message, _ in parts) == "well hello there"


def test_a_remote_graph_asks_and_is_answered(client: SyncLangGraphClient, config: Any) -> None:
    graph = remote(client, "consulting")
    *_, last = graph.stream(INPUT, config, stream_mode="updates")
    [question] = last["__interrupt__"]
    assert question["value"] == "go on?"
    state = graph.get_state(config)
    assert [each.value for task in state.tasks for each in task.interrupts] == ["go on?"]
    assert graph.invoke(Command(resume="yes"), config)["steps"] == ["input", "tells", "answered yes", "waits"]


def test_a_remote_graph_raises_what_its_graph_raised(client: SyncLangGraphClient, config: Any) -> None:
    with pytest.raises(RemoteException, match="no luck"):
        remote(client, "telling").invoke({**INPUT, "text": "no luck"}, config)
