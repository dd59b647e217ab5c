"""Server-sent events: as the platform writes them, and with signs of life."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from google.rpc import code_pb2

from client.facts import missing, status
from client.telling_service import TellingService
from cronlane.v1 import common_pb2, runs_pb2, threads_pb2

RUN = {"assistant_id": "agent"}


@pytest.fixture
async def service() -> TellingService:
    return TellingService()


async def test_events_are_written_to_the_byte_as_on_the_platform(
    http: httpx.AsyncClient, service: TellingService
) -> None:
    service.happens("metadata", '{"run_id":"r","attempt":1}')
    service.happens("values", '{"f":1.0,\r\n"é":"\u2028"}', "17")
    service.ends()
    answer = await http.post("/threads/t/runs/stream", json=RUN)
    assert answer.content == (
        b'event: metadata\r\ndata: {"run_id":"r","attempt":1}\r\n\r\n'
        b'event: values\r\ndata: {"f":1.0,  "\xc3\xa9":"\xe2\x80\xa8"}\r\nid: 17\r\n\r\n'
    )
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert (answer.headers["cache-control"], answer.headers["x-accel-buffering"]) == ("no-store", "no")
    assert answer.headers["content-location"] == "/threads/t/runs/r"
    assert answer.headers["location"] == "/threads/t/runs/r/stream"


async def test_a_stateless_run_can_be_come_back_to_by_its_thread(
    http: httpx.AsyncClient, service: TellingService
) -> None:
    service.ends()
    answer = await http.post("/runs/stream", json=RUN)
    assert answer.headers["content-location"] == "/runs/r"
    assert answer.headers["location"] == "/threads/own/runs/r/stream"


async def test_silence_is_filled_with_comments(http: httpx.AsyncClient, service: TellingService) -> None:
    async with http.stream("GET", "/threads/t/stream") as answer:
        assert "location" not in answer.headers
        chunks = answer.aiter_raw()
        assert [await anext(chunks) for _ in range(2)] == [b": heartbeat\r\n\r\n"] * 2
        service.happens("metadata", "{}", "1")
        async with asyncio.timeout(10):
            while (chunk := await anext(chunks)) == b": heartbeat\r\n\r\n":
                pass
        assert chunk == b"event: metadata\r\ndata: {}\r\nid: 1\r\n\r\n"
        service.ends()


@pytest.mark.parametrize(
    ("name", "verb", "path"),
    [
        ("StreamRun", "POST", "/runs/stream"),
        ("JoinRunStream", "GET", "/threads/t/runs/r/stream"),
        ("StreamThread", "GET", "/threads/t/stream"),
    ],
)
async def test_what_is_refused_has_its_status(
    http: httpx.AsyncClient, service: TellingService, name: str, verb: str, path: str
) -> None:
    service.fail[name] = missing("Run", "r")
    answer = await http.request(verb, path, json=RUN if verb == "POST" else None)
    assert (answer.status_code, answer.json()) == (404, {"detail": "Run with ID r not found"})


async def test_the_service_hears_that_the_reader_left(http: httpx.AsyncClient, service: TellingService) -> None:
    service.happens("metadata")
    async with http.stream("POST", "/runs/stream", json=RUN) as answer:
        await anext(answer.aiter_raw())
    await asyncio.wait_for(service.left.wait(), 20)


async def test_a_failure_in_the_midst_is_an_event(http: httpx.AsyncClient, service: TellingService) -> None:
    service.happens("metadata")
    service.ends(status(code_pb2.INTERNAL, "It failed", "INTERNAL"))
    answer = await http.post("/runs/stream", json=RUN)
    assert answer.text.endswith('event: error\r\ndata: {"error":"Internal","message":"It failed"}\r\n\r\n')


async def test_the_connection_breaks_when_the_service_goes_away(
    http: httpx.AsyncClient, service: TellingService
) -> None:
    service.happens("metadata")
    service.ends(status(code_pb2.UNAVAILABLE, "The server is stopping", "SERVER_STOPPING"))
    with pytest.raises(httpx.RemoteProtocolError):
        await http.post("/runs/stream", json=RUN)


@pytest.mark.parametrize(
    ("query", "modes"),
    [
        ("", []),
        ("?stream_mode=&cancel_on_disconnect=false", []),
        ("?stream_mode=values", [common_pb2.STREAM_MODE_VALUES]),
        (
            "?stream_mode=values&stream_mode=messages-tuple",
            [common_pb2.STREAM_MODE_VALUES, common_pb2.STREAM_MODE_MESSAGES_TUPLE],
        ),
    ],
)
async def test_a_run_is_joined_as_the_sdks_ask(
    http: httpx.AsyncClient, service: TellingService, query: str, modes: list[Any]
) -> None:
    service.ends()
    await http.get(f"/threads/t/runs/r/stream{query}", headers={"Last-Event-ID": "-1"})
    assert service.seen == [
        runs_pb2.JoinRunStreamRequest(thread_id="t", run_id="r", last_event_id="-1", stream_mode=modes)
    ]


@pytest.mark.parametrize("name", ["stream_mode", "stream_modes"])
async def test_a_thread_is_followed_as_the_sdks_ask_and_as_the_platform_documents(
    http: httpx.AsyncClient, service: TellingService, name: str
) -> None:
    service.ends()
    await http.get(f"/threads/t/stream?{name}=run_modes", headers={"Last-Event-ID": "5"})
    modes = [threads_pb2.THREAD_STREAM_MODE_RUN_MODES]
    assert service.seen == [threads_pb2.StreamThreadRequest(thread_id="t", last_event_id="5", stream_mode=modes)]


async def test_only_the_headers_are_answered_to_head(http: httpx.AsyncClient, service: TellingService) -> None:
    answer = await http.head("/threads/t/stream")
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-type"].startswith("text/event-stream")
    await asyncio.wait_for(service.left.wait(), 20)


async def test_the_sdk_comes_back_after_a_break_and_misses_nothing(sdk: Any, service: TellingService) -> None:
    service.happens("metadata", "{}", "1")
    service.ends(status(code_pb2.UNAVAILABLE, "The server is stopping", "SERVER_STOPPING"))
    service.happens("values", "{}", "2")
    service.ends()
    stream: AsyncIterator[Any] = sdk.runs.stream("t", "agent", stream_resumable=True)
    assert [(part.event, part.id) async for part in stream] == [("metadata", "1"), ("values", "2")]
    _, joined, *_ = service.seen
    assert joined == runs_pb2.JoinRunStreamRequest(thread_id="t", run_id="r", last_event_id="1")


async def test_a_batch_is_a_bare_list_both_ways(http: httpx.AsyncClient, service: TellingService) -> None:
    answer = await http.post("/runs/batch", json=[RUN, {**RUN, "thread_id": "ignored"}])
    assert (answer.status_code, [run["status"] for run in answer.json()]) == (200, ["pending"] * 2)
    for wrong in ({}, "x", 1):
        refused = await http.post("/runs/batch", json=wrong)
        assert (refused.status_code, refused.json()["detail"].partition(" must")[0]) == (422, "runs:")
    assert (await http.post("/runs/batch", json=[1])).status_code == 422
    assert (await http.post("/runs/batch", content=b"[{]")).status_code == 422


async def test_runs_are_cancelled_by_thread_or_status(http: httpx.AsyncClient, service: TellingService) -> None:
    answer = await http.post("/runs/cancel?action=rollback", json={"thread_id": "t", "run_ids": ["a"]})
    assert (answer.status_code, answer.content) == (204, b"")
    assert service.seen[-1] == runs_pb2.CancelRunsRequest(
        runs=runs_pb2.RunSelection(thread_id="t", run_ids=["a"]), action=runs_pb2.CANCEL_ACTION_ROLLBACK
    )
    assert (await http.post("/runs/cancel", json={"status": "success"})).status_code == 422
