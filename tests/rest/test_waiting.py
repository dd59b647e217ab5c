"""Replies that wait for a run."""

from __future__ import annotations

import asyncio
import json
import warnings
from typing import Any

import httpx
import pytest
from google.rpc import code_pb2

from client.facts import missing, status
from client.stored_service import StoredService

RUN = {"assistant_id": "agent"}


async def test_the_headers_come_at_once_and_signs_of_life_until_the_values(
    http: httpx.AsyncClient, service: StoredService
) -> None:
    service.ended.clear()
    async with http.stream("POST", "/threads/t/runs/wait", json=RUN) as answer:
        (run,) = service.runs.values()
        path = f"/threads/t/runs/{run.run_id}"
        assert answer.status_code == 200
        assert (answer.headers["content-location"], answer.headers["location"]) == (path, f"{path}/join")
        chunks = answer.aiter_raw()
        assert [await anext(chunks), await anext(chunks)] == [b"\n", b"\n"]
        service.ended.set()
        rest = b"".join([chunk async for chunk in chunks])
    assert json.loads(rest) == {"messages": [1.0]}
    assert b"1.0" in rest


async def test_a_join_starts_to_answer_once_it_was_not_refused(http: httpx.AsyncClient, service: StoredService) -> None:
    run = (await http.post("/threads/t/runs", json=RUN)).json()
    path = f"/threads/t/runs/{run['run_id']}"
    service.ended.clear()
    async with http.stream("GET", f"{path}/join") as answer:
        assert (answer.status_code, answer.headers["content-location"]) == (200, path)
        service.ended.set()
        assert json.loads(await answer.aread()) == {"messages": [1.0]}
    finished = await http.get(f"{path}/join")
    assert finished.json() == {"messages": [1.0]}
    assert finished.headers["content-location"].endswith(run["run_id"])


async def test_a_join_of_an_unknown_run_is_404(http: httpx.AsyncClient) -> None:
    answer = await http.get("/threads/t/runs/r/join")
    assert (answer.status_code, answer.json()) == (404, {"detail": "Run with ID r not found"})


async def test_what_fails_before_the_run_is_made_has_its_status(
    http: httpx.AsyncClient, service: StoredService
) -> None:
    service.fail["WaitRun"] = status(code_pb2.INVALID_ARGUMENT, "assistant_id: is required", "INVALID_FIELD")
    answer = await http.post("/runs/wait", json={})
    assert (answer.status_code, answer.json()) == (422, {"detail": "assistant_id: is required"})


async def test_a_failed_run_answers_its_error(http: httpx.AsyncClient, service: StoredService) -> None:
    service.outcome.run.error.error, service.outcome.run.error.message = "ValueError", "boom"
    answer = await http.post("/runs/wait", json=RUN)
    assert (answer.status_code, answer.json()) == (200, {"__error__": {"error": "ValueError", "message": "boom"}})


async def test_an_interrupted_run_answers_what_it_waits_for(http: httpx.AsyncClient, service: StoredService) -> None:
    service.outcome.interrupts.text = '[{"value":1.0,"id":"i"}]'
    answer = await http.post("/runs/wait", json=RUN)
    assert answer.text.strip() == '{"messages":[1.0],"__interrupt__":[{"value":1.0,"id":"i","response_schema":null}]}'
    service.outcome.interrupts.text = " [ ] "
    assert (await http.post("/runs/wait", json=RUN)).text.strip() == '{"messages": [1.0]}'


async def test_values_that_are_no_object_are_answered_as_they_are(
    http: httpx.AsyncClient, service: StoredService
) -> None:
    service.outcome.values.text = "[1]"
    service.outcome.interrupts.text = '[{"value":1,"id":"i"}]'
    assert (await http.post("/runs/wait", json=RUN)).json() == [1]
    service.outcome.Clear()
    assert (await http.post("/runs/wait", json=RUN)).json() is None


async def test_whoever_hangs_up_waits_no_longer(http: httpx.AsyncClient, service: StoredService) -> None:
    service.ended.clear()
    async with http.stream("POST", "/runs/wait", json=RUN) as answer:
        await anext(answer.aiter_raw())
    await asyncio.wait_for(service.left.wait(), 10)


async def test_a_run_lost_while_it_is_waited_for_is_an_error_in_the_answer(
    http: httpx.AsyncClient, service: StoredService
) -> None:
    service.ended.clear()
    service.lost = missing("Run", "r")
    async with http.stream("POST", "/runs/wait", json=RUN) as answer:
        service.ended.set()
        assert json.loads(await answer.aread()) == {
            "__error__": {"error": "NotFound", "message": "Run with ID r not found"}
        }


async def test_the_answer_breaks_off_when_the_service_goes_away(
    http: httpx.AsyncClient, service: StoredService
) -> None:
    service.ended.clear()
    service.lost = status(code_pb2.UNAVAILABLE, "stopping", "SERVER_STOPPING")
    async with http.stream("POST", "/runs/wait", json=RUN) as answer:
        service.ended.set()
        with pytest.raises(httpx.RemoteProtocolError):
            await answer.aread()


async def test_the_sdk_then_comes_back_and_joins(sdk: Any, service: StoredService) -> None:
    service.ended.clear()
    service.lost = status(code_pb2.UNAVAILABLE, "stopping", "SERVER_STOPPING")
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Request failed, attempting reconnect")
        waiting = asyncio.create_task(sdk.runs.wait(None, "agent"))
        await asyncio.wait_for(service.waiting.wait(), 10)
        service.ended.set()
        await asyncio.wait_for(service.left.wait(), 10)
        service.lost = None
        assert await waiting == {"messages": [1.0]}
    assert [type(each).__name__ for each in service.seen] == ["WaitRunRequest", "JoinRunRequest"]
