"""The thread-centric protocol over HTTP and over websockets: envelopes around what the service says."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from google.rpc import code_pb2
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosedError

from client.facts import status
from client.telling_service import TellingService

EVENT = {
    "type": "event",
    "event_id": "7",
    "seq": 7,
    "method": "values",
    "params": {"namespace": ["tools:1"], "timestamp": 1_795_364_885_972, "data": {"f": 1.0}},
}
START = {"id": 3, "method": "run.start", "params": {"assistant_id": "agent", "input": {"f": 1.0}}}
UNKNOWN = status(code_pb2.UNIMPLEMENTED, "Unknown protocol command: run.fly", "UNKNOWN_COMMAND")
WRONG = status(code_pb2.INVALID_ARGUMENT, "run.start requires an assistant_id.", "INVALID_FIELD")
AWAY = status(code_pb2.UNAVAILABLE, "away", "STORE_UNAVAILABLE")


@pytest.fixture
async def service() -> TellingService:
    return TellingService()


@pytest.fixture
async def socket(url: str) -> AsyncIterator[ClientConnection]:
    address = f"{url.replace('http', 'ws')}/threads/t/stream/events"
    async with connect(address, additional_headers={"x-api-key": "mine"}, proxy=None) as socket:
        yield socket


async def said(socket: ClientConnection, command: Any = None) -> Any:
    """The next frame, after a command if there is one."""
    if command is not None:
        await socket.send(command if isinstance(command, str) else json.dumps(command))
    async with asyncio.timeout(10):
        return json.loads(await socket.recv())


async def test_a_command_is_answered_with_its_id_and_its_run(http: httpx.AsyncClient, service: TellingService) -> None:
    answer = await http.post("/threads/t/commands", json=START)
    meta = {"applied_through_seq": 1_795_386_231_997_227}
    assert (answer.status_code, answer.json()) == (
        200,
        {"type": "success", "id": 3, "result": {"run_id": "r"}, "meta": meta},
    )
    [request] = service.seen
    assert (request.thread_id, request.method) == ("t", "run.start")  # type: ignore[attr-defined]
    assert request.params.text == '{"assistant_id":"agent","input":{"f":1.0}}'  # type: ignore[attr-defined]


@pytest.mark.parametrize(("refusal", "code"), [(UNKNOWN, "unknown_command"), (WRONG, "invalid_argument")])
async def test_a_command_that_is_refused_is_an_envelope_too(
    http: httpx.AsyncClient, service: TellingService, refusal: Any, code: str
) -> None:
    service.fail["SendCommand"] = refusal
    answer = await http.post("/threads/t/commands", json=START)
    assert (answer.status_code, answer.json()) == (
        200,
        {"type": "error", "id": 3, "error": code, "message": refusal.message},
    )


async def test_a_service_that_is_away_is_a_status(http: httpx.AsyncClient, service: TellingService) -> None:
    service.fail["SendCommand"] = AWAY
    assert (await http.post("/threads/t/commands", json=START)).status_code == 503


async def test_a_command_without_an_id_is_refused(http: httpx.AsyncClient, service: TellingService) -> None:
    answer = await http.post("/threads/t/commands", json={"method": "run.start"})
    assert (answer.status_code, answer.json()["error"], answer.json()["id"]) == (400, "invalid_argument", None)
    assert not service.seen
    for body in ("{nope", "[]"):
        assert (await http.post("/threads/t/commands", content=body)).status_code == 422


async def test_events_are_told_in_envelopes(http: httpx.AsyncClient, service: TellingService) -> None:
    service.happens("values|tools:1", '{"f":1.0}', "7")
    service.ends()
    body = {
        "channels": ["values", "custom:x"],
        "namespaces": [["tools"], []],
        "depth": 1,
        "since": 1_795_386_231_997_227,
    }
    answer = await http.post("/threads/t/stream/events", json=body)
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    event, data, number = answer.text.split("\r\n")[:3]
    assert (event, number) == ("event: values", "id: 7")
    assert json.loads(data.removeprefix("data: ")) == EVENT
    assert '"data":{"f":1.0}' in data
    request: Any = service.seen[0]
    assert (list(request.channels), request.depth, request.since) == (["values", "custom:x"], 1, body["since"])
    assert [list(path.segments) for path in request.namespaces] == [["tools"], []]


async def test_what_is_not_said_is_left_open(http: httpx.AsyncClient, service: TellingService) -> None:
    service.ends()
    nothing = {"channels": ["values"], "namespaces": None, "depth": None, "since": None}
    assert (await http.post("/threads/t/stream/events", json=nothing)).content == b""
    request: Any = service.seen[0]
    assert not (request.HasField("since"))
    assert not (request.HasField("depth"))
    assert not (request.namespaces)


@pytest.mark.parametrize("namespaces", ["x", [1], ["x"], [[1]]])
async def test_a_place_that_is_none_is_refused(http: httpx.AsyncClient, namespaces: Any) -> None:
    answer = await http.post("/threads/t/stream/events", json={"channels": ["values"], "namespaces": namespaces})
    assert (answer.status_code, "namespaces" in answer.json()["detail"]) == (422, True)


async def test_a_stream_that_is_refused_has_a_status(http: httpx.AsyncClient, service: TellingService) -> None:
    service.fail["StreamEvents"] = WRONG
    assert (await http.post("/threads/t/stream/events", json={"channels": []})).status_code == 422


async def test_a_stream_that_fails_says_so_in_its_last_frame(http: httpx.AsyncClient, service: TellingService) -> None:
    service.ends(status(code_pb2.INTERNAL, "no luck", "INTERNAL"))
    answer = await http.post("/threads/t/stream/events", json={"channels": ["values"]})
    assert '"type":"error","id":null' in answer.text


async def test_a_websocket_carries_commands_and_events(socket: ClientConnection, service: TellingService) -> None:
    subscribe = {"id": 1, "method": "subscription.subscribe", "params": {"channels": ["values"]}}
    service.happens("values|tools:1", '{"f":1.0}', "7")
    reply = await said(socket, subscribe)
    assert (reply["type"], reply["id"], reply["result"]) == ("success", 1, {"subscription_id": "1"})
    assert await said(socket) == EVENT
    assert service.metadata["x-api-key"] == "mine"
    assert (await said(socket, START))["result"] == {"run_id": "r"}
    unsubscribe = {"id": 2, "method": "subscription.unsubscribe", "params": {"subscription_id": "1"}}
    assert (await said(socket, unsubscribe))["type"] == "success"
    async with asyncio.timeout(10):
        await service.left.wait()
    assert (await said(socket, unsubscribe))["error"] == "invalid_argument"


async def test_a_websocket_outlives_what_is_wrong_with_a_command(
    socket: ClientConnection, service: TellingService
) -> None:
    for wrong in ("{nope", "[]", '{"method":"run.start"}'):
        reply = await said(socket, wrong)
        assert (reply["type"], reply["id"], reply["error"]) == ("error", None, "invalid_argument")
    service.fail["StreamEvents"] = WRONG
    assert (await said(socket, {"id": 1, "method": "subscription.subscribe"}))["error"] == "invalid_argument"
    service.fail["SendCommand"] = UNKNOWN
    assert (await said(socket, {"id": 2, "method": "subscription.fly"}))["error"] == "unknown_command"
    assert (await said(socket, {"id": 3, "method": "run.fly"}))["error"] == "unknown_command"


async def test_a_websocket_that_is_left_ends_its_streams(socket: ClientConnection, service: TellingService) -> None:
    await said(socket, {"id": 1, "method": "subscription.subscribe", "params": {"channels": ["values"]}})
    await socket.close()
    async with asyncio.timeout(10):
        await service.left.wait()


async def test_a_service_that_goes_away_closes_the_websocket(socket: ClientConnection, service: TellingService) -> None:
    await said(socket, {"id": 1, "method": "subscription.subscribe", "params": {"channels": ["values"]}})
    service.ends(AWAY)
    assert (await said(socket))["type"] == "error"
    with pytest.raises(ConnectionClosedError) as closed:
        await said(socket)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1012


async def test_a_websocket_has_so_many_subscriptions_and_no_more(
    socket: ClientConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cronlane.rest.websocket.MOST", 2)
    subscribe = {"id": 1, "method": "subscription.subscribe", "params": {"channels": ["values"]}}
    replies = [await said(socket, subscribe) for _ in range(3)]
    assert [reply["type"] for reply in replies] == ["success", "success", "error"]
    assert "at most 2 subscriptions" in replies[2]["message"]
    await said(socket, {"id": 2, "method": "subscription.unsubscribe", "params": {"subscription_id": "1"}})
    assert (await said(socket, subscribe))["type"] == "success"
