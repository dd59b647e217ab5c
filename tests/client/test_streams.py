"""Streams of events, with both clients."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from google.rpc import code_pb2

import cronlane
from client.facts import missing, status
from client.telling_service import TellingService
from cronlane import StreamPart
from cronlane.v1 import common_pb2, runs_pb2, threads_pb2


@pytest.fixture
async def service() -> TellingService:
    return TellingService()


async def test_a_run_is_created_and_told_as_parts(client: cronlane.CronlaneClient, service: TellingService) -> None:
    service.happens("metadata", '{"run_id": "r"}')
    service.happens("values", '{"n": 9007199254740993, "f": 1.0}', "17")
    service.ends()
    created: list[dict[str, str]] = []
    options: Any = {"stream_mode": ["values", "messages-tuple"], "stream_resumable": True, "on_disconnect": "cancel"}
    stream = client.runs.stream("t", "agent", input={"a": 1}, on_run_created=created.append, **options)
    assert [part async for part in stream] == [
        StreamPart("metadata", {"run_id": "r"}, None),
        StreamPart("values", {"n": 9007199254740993, "f": 1.0}, "17"),
    ]
    assert created == [{"run_id": "r", "thread_id": "t"}]
    [request] = service.seen
    assert (request.thread_id, request.run.assistant_id, request.run.input.text) == ("t", "agent", '{"a":1}')
    assert list(request.run.stream_mode) == [common_pb2.STREAM_MODE_VALUES, common_pb2.STREAM_MODE_MESSAGES_TUPLE]
    assert request.run.on_disconnect == runs_pb2.ON_DISCONNECT_CANCEL


async def test_who_reads_no_further_is_not_told_any_more(
    client: cronlane.CronlaneClient, service: TellingService
) -> None:
    service.happens("metadata")
    stream = client.runs.stream(None, "agent")
    assert (await anext(stream)).event == "metadata"
    await stream.aclose()  # type: ignore[attr-defined]
    await asyncio.wait_for(service.left.wait(), 20)


async def test_a_run_is_joined_from_an_event(client: cronlane.CronlaneClient, service: TellingService) -> None:
    service.ends()
    stream = client.runs.join_stream("t", "r", cancel_on_disconnect=True, stream_mode="custom", last_event_id="5")
    assert [part async for part in stream] == []
    [request] = service.seen
    assert request == runs_pb2.JoinRunStreamRequest(
        thread_id="t",
        run_id="r",
        cancel_on_disconnect=True,
        stream_mode=[common_pb2.STREAM_MODE_CUSTOM],
        last_event_id="5",
    )


async def test_a_thread_is_followed(client: cronlane.CronlaneClient, service: TellingService) -> None:
    service.happens("metadata", '{"status": "run_done"}', "1")
    service.ends()
    stream = client.threads.join_stream("t", stream_mode="lifecycle", last_event_id="-1")
    assert [part async for part in stream] == [("metadata", {"status": "run_done"}, "1")]
    [request] = service.seen
    assert request == threads_pb2.StreamThreadRequest(
        thread_id="t", last_event_id="-1", stream_mode=[threads_pb2.THREAD_STREAM_MODE_LIFECYCLE]
    )


async def test_what_goes_wrong_is_raised_where_it_does(
    client: cronlane.CronlaneClient, service: TellingService
) -> None:
    service.happens("metadata")
    service.ends(status(code_pb2.UNAVAILABLE, "The server is stopping", "SERVER_STOPPING"))
    stream = client.runs.stream(None, "agent")
    assert (await anext(stream)).event == "metadata"
    with pytest.raises(cronlane.Unavailable, match="stopping"):
        await anext(stream)
    service.fail["JoinRunStream"] = missing("Run", "r")
    with pytest.raises(cronlane.NotFound):
        await anext(client.runs.join_stream("t", "r"))
    with pytest.raises(cronlane.InvalidRequest, match="stream_mode"):
        await anext(client.runs.join_stream("t", "r", stream_mode="all"))
    with pytest.raises(TypeError, match="'inputs'"):
        await anext(client.runs.stream(None, "agent", inputs={}))  # type: ignore[call-arg]


async def test_runs_are_made_and_cancelled_together(client: cronlane.CronlaneClient, service: TellingService) -> None:
    made = await client.runs.create_batch([{"assistant_id": "agent", "input": n} for n in range(2)])
    assert [run["status"] for run in made] == ["pending"] * 2
    batch = service.seen[0]
    assert [spec.input.text for spec in batch.runs] == ["0", "1"]  # type: ignore[attr-defined]
    await client.runs.cancel_many(thread_id="t", run_ids=["a", "b"], action="rollback")
    assert service.seen[-1] == runs_pb2.CancelRunsRequest(
        runs=runs_pb2.RunSelection(thread_id="t", run_ids=["a", "b"]), action=runs_pb2.CANCEL_ACTION_ROLLBACK
    )
    await client.runs.cancel_many(status="all")
    assert service.seen[-1].runs.status == runs_pb2.ACTIVE_RUNS_ALL  # type: ignore[attr-defined]


async def test_the_blocking_client_is_told_the_same(target: str, service: TellingService) -> None:
    def follow() -> list[StreamPart]:
        with cronlane.get_sync_client(target, timeout=20) as client:
            first = list(client.runs.stream("t", "agent"))
            stream = client.threads.join_stream("t")
            second = next(stream)
            stream.close()  # type: ignore[attr-defined]
            with pytest.raises(cronlane.NotFound):
                next(client.runs.join_stream("t", "r"))
            return [*first, second]

    service.fail["JoinRunStream"] = missing("Run", "r")
    service.happens("metadata", "[1]")
    service.ends()
    service.happens("values", "[2]", "7")
    assert await asyncio.to_thread(follow) == [("metadata", [1], None), ("values", [2], "7")]
    await asyncio.wait_for(service.left.wait(), 20)
