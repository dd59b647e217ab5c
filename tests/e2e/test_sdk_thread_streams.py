"""The official Python SDK, unmodified: one stream of all that happens on a thread."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest
from langgraph.pregel.remote import RemoteGraph
from langgraph_sdk import get_client
from langgraph_sdk.client import LangGraphClient, SyncLangGraphClient

from gate import Gate
from serving import Served, wait_until

INPUT = {"steps": ["input"]}


@pytest.fixture
async def sdk(served: Served) -> AsyncIterator[LangGraphClient]:
    async with get_client(url=served.url) as client:
        yield client


async def eventually(condition: Callable[[], Any], description: str) -> None:
    await asyncio.to_thread(wait_until, condition, description=description)


@pytest.mark.parametrize("transport", ["sse", "websocket"])
async def test_a_run_is_followed_from_its_start_to_its_output(sdk: LangGraphClient, gate: Gate, transport: Any) -> None:
    async with asyncio.timeout(30), sdk.threads.stream(assistant_id="telling", transport=transport) as thread:
        await thread.run.start(input={**INPUT, "port": gate.port})
        visitor = await asyncio.to_thread(gate.arrival)
        told = []
        async for values in thread.values:
            told.append(values.get("steps"))  # the first is the state as it is read, which may be empty
            visitor.close()
        assert told[-1] == ["input", "tells", "waits"]
        assert (await thread.output)["steps"] == ["input", "tells", "waits"]


async def test_a_question_is_answered_on_the_same_stream(sdk: LangGraphClient) -> None:
    async with asyncio.timeout(30), sdk.threads.stream(assistant_id="consulting") as thread:
        await thread.run.start(input=INPUT)
        await eventually(lambda: thread.interrupted, "the thread asks")
        assert thread.interrupts[0]["value"] == "go on?"
        await thread.run.respond("yes")
        assert (await thread.output)["steps"] == ["input", "tells", "answered yes", "waits"]


async def test_a_question_can_be_answered_by_who_comes_later(sdk: LangGraphClient) -> None:
    thread_id = str(uuid.uuid4())
    async with asyncio.timeout(30), sdk.threads.stream(thread_id, assistant_id="consulting") as first:
        await first.run.start(input=INPUT)
        await eventually(lambda: first.interrupted, "the thread asks")
    async with asyncio.timeout(30), sdk.threads.stream(thread_id, assistant_id="consulting") as second:
        await eventually(lambda: second.interrupted, "who comes is told what is asked")
        await second.run.respond("yes")
        assert (await second.output)["steps"] == ["input", "tells", "answered yes", "waits"]


async def test_a_failure_is_raised_where_the_output_is_awaited(sdk: LangGraphClient) -> None:
    async with asyncio.timeout(30), sdk.threads.stream(assistant_id="telling") as thread:
        await thread.run.start(input={**INPUT, "text": "no luck"})
        with pytest.raises(RuntimeError, match="no luck"):
            await thread.output


async def test_what_nodes_write_is_told(sdk: LangGraphClient, gate: Gate) -> None:
    async with asyncio.timeout(30), sdk.threads.stream(assistant_id="telling") as thread:
        await thread.run.start(input={**INPUT, "port": gate.port})
        visitor = await asyncio.to_thread(gate.arrival)
        seen = []
        async for event in thread.subscribe(["custom", "updates"]):
            seen.append((event["method"], event["params"]["data"]))
            visitor.close()
        updates = [("updates", {"tells": {"steps": ["tells"]}}), ("updates", {"waits": {"steps": ["waits"]}})]
        assert seen == [("custom", {"told": 1}), *updates]


async def test_a_subgraph_is_found_where_it_runs(sdk: LangGraphClient, gate: Gate) -> None:
    async with asyncio.timeout(30), sdk.threads.stream(assistant_id="outer") as thread:
        await thread.run.start(input={**INPUT, "port": gate.port})
        visitor = await asyncio.to_thread(gate.arrival)
        found = []
        async for child in thread.subgraphs:
            found.append(child.graph_name)
            visitor.close()
        assert found == ["inner"]


async def test_a_run_of_a_cron_is_told(sdk: LangGraphClient, served: Served, gate: Gate) -> None:
    thread_id = (await sdk.threads.create())["thread_id"]
    cron: Any = await sdk.crons.create_for_thread(
        thread_id, "telling", schedule="0 0 1 1 *", input={**INPUT, "port": gate.port}
    )
    body = {"channels": ["lifecycle", "values"]}
    async with (
        asyncio.timeout(30),
        httpx.AsyncClient(base_url=served.url) as http,
        http.stream("POST", f"/threads/{thread_id}/stream/events", json=body) as answer,
    ):
        (await http.post(f"/runs/crons/{cron['cron_id']}/trigger", json={})).raise_for_status()
        visitor = await asyncio.to_thread(gate.arrival)
        visitor.close()
        methods = []
        async for line in answer.aiter_lines():
            if line.startswith("event: "):
                methods.append(line.removeprefix("event: "))
            if '"completed"' in line:
                break
    assert methods == ["lifecycle", "values", "values", "values", "lifecycle"]


def test_a_remote_graph_streams_what_happens(client: SyncLangGraphClient) -> None:
    graph = RemoteGraph("telling", sync_client=client)  # of a URL it makes clients that it never closes
    with graph.stream_events(INPUT, version="v3") as stream:
        assert stream.output == {"steps": ["input", "tells", "waits"]}
        assert stream.interrupted is False
