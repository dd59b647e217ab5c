"""cronlane's own client says of assistants what the official SDK says."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from langgraph_sdk.client import SyncLangGraphClient

import cronlane
from official import AGENT, NOBODY, Unblocked
from serving import Served


@pytest.fixture(params=["async", "sync"])
async def assistants(request: pytest.FixtureRequest, served: Served) -> AsyncIterator[Any]:
    """The assistants of cronlane's client: the asynchronous one, and then the blocking one."""
    if request.param == "async":
        async with cronlane.get_client(served.grpc) as client:
            yield client.assistants
    else:
        with cronlane.get_sync_client(served.grpc) as blocking:
            yield Unblocked(blocking).assistants


async def test_an_assistant_s_life_reads_the_same(assistants: Any, client: SyncLangGraphClient) -> None:
    made = await assistants.create("told", {"tags": ["t"]}, context={"n": 1.5}, metadata={"a": 1}, description="d")
    assistant_id = made["assistant_id"]
    assert made == client.assistants.get(assistant_id)
    same = await assistants.create("told", assistant_id=assistant_id, if_exists="do_nothing")
    assert same == made
    changed = await assistants.update(assistant_id, config={}, metadata={"b": None}, name="n")
    assert changed == client.assistants.get(assistant_id)
    assert (changed["version"], changed["config"], changed["metadata"]) == (2, made["config"], {"a": 1, "b": None})
    assert await assistants.get_versions(assistant_id) == client.assistants.get_versions(assistant_id)
    older = await assistants.get_versions(assistant_id, {"a": 1}, 1, 1)
    assert [each["version"] for each in older] == [1]
    assert await assistants.set_latest(assistant_id, 1) == client.assistants.get(assistant_id)
    found = await assistants.search(graph_id="told", limit=1, select=["version"], response_format="object")
    assert (
        found
        == client.assistants.search(graph_id="told", limit=1, select=["version"], response_format="object")
        == {"assistants": [{"version": 1}], "next": "1"}
    )
    assert await assistants.count(graph_id="told") == client.assistants.count(graph_id="told") == 2
    await assistants.delete(assistant_id, delete_threads=True)
    with pytest.raises(cronlane.NotFound):
        await assistants.get(assistant_id)


async def test_a_graph_looks_the_same(assistants: Any, client: SyncLangGraphClient) -> None:
    ((nested,), theirs) = client.assistants.search(graph_id="nested"), client.assistants
    assistant_id = nested["assistant_id"]
    for xray in (False, True, 1, 2):
        drawn = await assistants.get_graph("nested", xray=xray)
        assert drawn == theirs.get_graph(assistant_id, xray=xray)
    assert await assistants.get_schemas(assistant_id) == theirs.get_schemas(assistant_id)
    for namespace, recurse in ((None, False), (None, True), ("middle", False), ("nothing", False)):
        inside = await assistants.get_subgraphs(assistant_id, namespace, recurse)
        assert inside == theirs.get_subgraphs(assistant_id, namespace, recurse)


async def test_refusals_are_errors_of_their_kind(assistants: Any) -> None:
    for call, kind, reason in (
        (assistants.create("nope"), cronlane.NotFound, "GRAPH_NOT_LOADED"),
        (assistants.create("told", assistant_id=AGENT), cronlane.AlreadyExists, "ALREADY_EXISTS"),
        (assistants.create("told", {"tags": 1}), cronlane.InvalidRequest, "INVALID_FIELD"),
        (assistants.delete(AGENT), cronlane.Conflict, "SYSTEM_ASSISTANT"),
        (assistants.update(AGENT, graph_id="told"), cronlane.Conflict, "SYSTEM_ASSISTANT"),
        (assistants.set_latest(NOBODY, 1), cronlane.NotFound, "NOT_FOUND"),
        (assistants.get_graph("nope"), cronlane.InvalidRequest, "INVALID_FIELD"),
    ):
        with pytest.raises(kind) as refused:
            await call
        assert refused.value.reason == reason
    with pytest.raises(ValueError, match="response_format"):
        await assistants.search(response_format="list")
