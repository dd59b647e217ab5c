"""All that happens on a thread, and commands to it, with both clients."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import cronlane
from client.facts import missing
from client.telling_service import TellingService


@pytest.fixture
async def service() -> TellingService:
    return TellingService()


async def test_events_are_told_in_the_shape_of_the_sdk(
    client: cronlane.CronlaneClient, service: TellingService
) -> None:
    service.happens("values|tools:1", '{"n": 9007199254740993, "f": 1.0}', "7")
    service.ends()
    stream = client.threads.stream_events("t", ["values"], namespaces=[["tools"]], depth=1, since=0)
    params = {
        "namespace": ["tools:1"],
        "timestamp": 1_795_364_885_972,
        "data": {"n": 9007199254740993, "f": 1.0},
    }
    assert [event async for event in stream] == [
        {"type": "event", "event_id": "7", "seq": 7, "method": "values", "params": params}
    ]
    request: Any = service.seen[0]
    assert (request.thread_id, list(request.channels), request.depth, request.since) == ("t", ["values"], 1, 0)
    assert request.HasField("since")
    assert [list(path.segments) for path in request.namespaces] == [["tools"]]


async def test_a_command_answers_its_run(client: cronlane.CronlaneClient, service: TellingService) -> None:
    started = await client.threads.send_command("t", "run.start", {"assistant_id": "agent", "input": {"f": 1.0}})
    assert started == {"run_id": "r", "applied_through_seq": 1_795_386_231_997_227}
    request: Any = service.seen[0]
    assert request.params.text == '{"assistant_id":"agent","input":{"f":1.0}}'
    service.fail["SendCommand"] = missing("Interrupt", "i1")
    with pytest.raises(cronlane.NotFound):
        await client.threads.send_command("t", "input.respond", {"interrupt_id": "i1", "response": None})


async def test_a_blocking_client_is_told_the_same(target: str, service: TellingService) -> None:
    service.happens("lifecycle", '{"event":"completed"}', "7")
    service.ends()

    def told() -> list[Any]:
        with cronlane.get_sync_client(target) as client:
            return [event["params"]["data"] for event in client.threads.stream_events("t", ["lifecycle"])]

    assert await asyncio.to_thread(told) == [{"event": "completed"}]
