"""The official Python SDK, unmodified: runs."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from langgraph_sdk.errors import BadRequestError, ConflictError, NotFoundError, UnprocessableEntityError

from gate import Gate
from official import AGENT, IDS, KWARGS, NOBODY, QUESTION, RUN, is_new_id, is_time
from serving import Served


async def test_a_run_answers_exactly_what_the_platform_answers(sdk: Any) -> None:
    thread = await sdk.threads.create(metadata={"from": "thread", "both": 1})
    run = await sdk.runs.create(
        thread["thread_id"], "agent", input=QUESTION, metadata={"both": 2}, config={"configurable": {"model": "m"}}
    )
    assert set(run) == RUN
    assert is_new_id(run["run_id"])
    assert is_time(run["created_at"])
    assert (run["thread_id"], run["assistant_id"]) == (thread["thread_id"], AGENT)
    assert (run["status"], run["multitask_strategy"], run["langsmith_session_name"]) == ("pending", "enqueue", None)
    assert run["metadata"] == {
        "created_by": "system",
        "from": "thread",
        "both": 2,
        "graph_id": "agent",
        "assistant_id": AGENT,
    }
    assert set(run["kwargs"]) == KWARGS
    assert set(run["kwargs"]["config"]["configurable"]) == IDS | {"model"}
    assert (run["kwargs"]["input"], run["kwargs"]["stream_mode"]) == (QUESTION, ["values"])
    assert (run["kwargs"]["temporary"], run["kwargs"]["webhook"], run["kwargs"]["durability"]) == (False, None, "async")
    await sdk.runs.join(thread["thread_id"], run["run_id"])
    ended = await sdk.runs.get(thread["thread_id"], run["run_id"])
    assert ended["status"] == "success"
    assert ended | {"status": "", "updated_at": ""} == run | {"status": "", "updated_at": ""}


async def test_wait_continues_the_conversation_of_the_thread(sdk: Any) -> None:
    thread = await sdk.threads.create()
    created: list[dict[str, str]] = []
    for length in (2, 4):
        values = await sdk.runs.wait(thread["thread_id"], "agent", input=QUESTION, on_run_created=created.append)
        assert len(values["messages"]) == length
    runs = await sdk.runs.list(thread["thread_id"])
    assert [run["run_id"] for run in runs] == [each["run_id"] for each in created][::-1]
    assert created[0]["thread_id"] == thread["thread_id"]
    assert await sdk.runs.list(thread["thread_id"], limit=1, offset=1, select=["run_id"]) == [
        {"run_id": runs[1]["run_id"]}
    ]
    assert len(await sdk.runs.list(thread["thread_id"], status="success")) == 2
    assert await sdk.runs.list(thread["thread_id"], status="error") == []


async def test_a_stateless_run_leaves_no_thread_unless_it_is_to_be_kept(sdk: Any) -> None:
    values = await sdk.runs.wait(None, "agent", input=QUESTION, metadata={"stateless": "gone"})
    assert len(values["messages"]) == 2
    assert await sdk.threads.count(metadata={"stateless": "gone"}) == 0
    run = await sdk.runs.create(None, "agent", input=QUESTION, metadata={"stateless": "kept"}, on_completion="keep")
    assert (await sdk.runs.join(run["thread_id"], run["run_id"]))["messages"]
    [thread] = await sdk.threads.search(metadata={"stateless": "kept"})
    assert (thread["thread_id"], thread["status"]) == (run["thread_id"], "idle")
    await sdk.threads.delete(thread["thread_id"])


async def test_a_stateless_run_that_has_ended_can_still_be_joined(sdk: Any) -> None:
    run = await sdk.runs.create(None, "agent", input=QUESTION)
    for _ in range(2):
        assert len((await sdk.runs.join(run["thread_id"], run["run_id"]))["messages"]) == 2
    with pytest.raises(NotFoundError):
        await sdk.runs.get(run["thread_id"], run["run_id"])


def test_replies_about_runs_say_where_the_run_is(served: Served) -> None:
    with httpx.Client(base_url=served.url) as http:
        thread_id = http.post("/threads", json={}).json()["thread_id"]
        body = {"assistant_id": "agent", "input": QUESTION}
        made = http.post(f"/threads/{thread_id}/runs", json=body)
        place = f"/threads/{thread_id}/runs/{made.json()['run_id']}"
        assert made.headers["content-location"] == place
        assert "location" not in made.headers
        joined = http.get(f"{place}/join")
        assert (joined.headers["content-location"], joined.headers["location"]) == (place, f"{place}/join")
        waited = http.post(f"/threads/{thread_id}/runs/wait", json=body)
        assert waited.headers["content-location"].startswith(f"/threads/{thread_id}/runs/")
        stateless = http.post("/runs", json=body)
        assert stateless.headers["content-location"] == f"/runs/{stateless.json()['run_id']}"


async def test_a_run_under_way_is_cancelled_and_its_thread_is_interrupted(sdk: Any, gate: Gate) -> None:
    thread = await sdk.threads.create()
    run = await sdk.runs.create(thread["thread_id"], "waiting", input={"port": gate.port})
    gate.arrival()
    assert (await sdk.threads.get(thread["thread_id"]))["status"] == "busy"
    assert (await sdk.runs.get(thread["thread_id"], run["run_id"]))["status"] == "running"
    await sdk.runs.cancel(thread["thread_id"], run["run_id"], wait=True)
    assert (await sdk.runs.get(thread["thread_id"], run["run_id"]))["status"] == "interrupted"
    assert (await sdk.threads.get(thread["thread_id"]))["status"] == "interrupted"
    with pytest.raises(NotFoundError):
        await sdk.runs.cancel(thread["thread_id"], run["run_id"])


async def test_a_run_that_is_rolled_back_leaves_the_thread_as_it_was(sdk: Any, gate: Gate) -> None:
    thread = await sdk.threads.create()
    before = await sdk.runs.wait(thread["thread_id"], "agent", input=QUESTION)
    run = await sdk.runs.create(thread["thread_id"], "waiting", input={**QUESTION, "port": gate.port})
    gate.arrival()
    await sdk.runs.cancel(thread["thread_id"], run["run_id"], wait=True, action="rollback")
    with pytest.raises(NotFoundError):
        await sdk.runs.get(thread["thread_id"], run["run_id"])
    after = await sdk.threads.get(thread["thread_id"])
    assert (after["status"], after["values"]) == ("idle", before)
    assert (await sdk.threads.get_state(thread["thread_id"]))["values"] == before


async def test_a_pending_run_is_cancelled_while_another_goes_on(sdk: Any, gate: Gate) -> None:
    thread_id = (await sdk.threads.create())["thread_id"]
    first = await sdk.runs.create(thread_id, "waiting", input={"port": gate.port})
    visitor = gate.arrival()
    second = await sdk.runs.create(thread_id, "agent", input=QUESTION)
    await sdk.runs.cancel(thread_id, second["run_id"])
    assert (await sdk.runs.get(thread_id, second["run_id"]))["status"] == "interrupted"
    assert (await sdk.threads.get(thread_id))["status"] == "busy"
    visitor.close()
    assert (await sdk.runs.join(thread_id, first["run_id"]))["messages"][-1]["content"] == "went through"
    assert (await sdk.threads.get(thread_id))["status"] == "idle"


async def test_a_busy_thread_rejects_or_enqueues(sdk: Any, gate: Gate) -> None:
    thread_id = (await sdk.threads.create())["thread_id"]
    await sdk.runs.create(thread_id, "waiting", input={"port": gate.port})
    visitor = gate.arrival()
    with pytest.raises(ConflictError, match="Thread is already running a task"):
        await sdk.runs.create(thread_id, "agent", input=QUESTION, multitask_strategy="reject")
    queued = await sdk.runs.create(thread_id, "agent", input=QUESTION)
    assert (await sdk.runs.get(thread_id, queued["run_id"]))["status"] == "pending"
    visitor.close()
    contents = [message["type"] for message in (await sdk.runs.join(thread_id, queued["run_id"]))["messages"]]
    assert contents == ["ai", "human", "ai"]


async def test_a_run_is_deleted_also_while_it_is_under_way(sdk: Any, gate: Gate) -> None:
    thread_id = (await sdk.threads.create())["thread_id"]
    run = await sdk.runs.create(thread_id, "waiting", input={"port": gate.port})
    gate.arrival()
    await sdk.runs.delete(thread_id, run["run_id"])
    for call in (sdk.runs.get, sdk.runs.delete, sdk.runs.cancel):
        with pytest.raises(NotFoundError):
            await call(thread_id, run["run_id"])
    assert (await sdk.threads.get(thread_id))["status"] == "idle"
    assert len((await sdk.runs.wait(thread_id, "agent", input=QUESTION))["messages"]) == 2


async def test_a_graph_that_asks_is_answered_with_a_command(sdk: Any) -> None:
    thread_id = (await sdk.threads.create())["thread_id"]
    asked = await sdk.runs.wait(thread_id, "asking", input={"messages": []})
    [question] = asked["__interrupt__"]
    assert question["value"] == "go on?"
    thread = await sdk.threads.get(thread_id)
    assert thread["status"] == "interrupted"
    assert [waiting["value"] for [waiting] in thread["interrupts"].values()] == ["go on?"]
    assert (await sdk.runs.list(thread_id))[0]["status"] == "success"
    assert (await sdk.threads.get_state(thread_id))["next"] == ["asks"]
    answered = await sdk.runs.wait(thread_id, "asking", command={"resume": "yes"})
    assert answered["messages"][-1]["content"] == "you said yes"
    thread = await sdk.threads.get(thread_id)
    assert (thread["status"], thread["interrupts"]) == ("idle", {})


async def test_what_a_graph_raises_is_the_runs_error_and_the_threads(sdk: Any) -> None:
    thread_id = (await sdk.threads.create())["thread_id"]
    with pytest.raises(Exception, match="ValueError: no luck"):
        await sdk.runs.wait(thread_id, "raising", input={"text": "no luck"})
    run = await sdk.runs.create(thread_id, "raising", input={"text": "none again"})
    error = {"error": "ValueError", "message": "none again"}
    assert await sdk.runs.join(thread_id, run["run_id"]) == {"__error__": error}
    assert [run["status"] for run in await sdk.runs.list(thread_id)] == ["error", "error"]
    thread = await sdk.threads.get(thread_id)
    assert (thread["status"], thread["error"]) == ("error", error)
    assert len(await sdk.runs.wait(thread_id, "raising", input={"text": ""})) > 0
    thread = await sdk.threads.get(thread_id)
    assert (thread["status"], thread["error"]) == ("idle", None)


async def test_a_missing_thread_can_be_made_by_the_run(sdk: Any) -> None:
    thread_id = (await sdk.threads.create())["thread_id"]
    await sdk.threads.delete(thread_id)
    with pytest.raises(NotFoundError, match="Thread or assistant not found"):
        await sdk.runs.create(thread_id, "agent", input=QUESTION)
    await sdk.runs.create(thread_id, "agent", input=QUESTION, if_not_exists="create")
    assert (await sdk.threads.get(thread_id))["thread_id"] == thread_id


async def test_a_run_that_cannot_be_made_says_why(sdk: Any) -> None:
    thread_id = (await sdk.threads.create())["thread_id"]
    with pytest.raises(UnprocessableEntityError, match="nosuchgraph"):
        await sdk.runs.create(thread_id, "nosuchgraph")
    with pytest.raises(NotFoundError, match=r"Thread or assistant not found\."):
        await sdk.runs.create(thread_id, NOBODY)
    with pytest.raises(BadRequestError, match="Cannot specify both configurable and context"):
        await sdk.runs.create(thread_id, "agent", context={"a": 1}, config={"configurable": {"b": 1}})
    with pytest.raises(NotFoundError):
        await sdk.runs.get(thread_id, NOBODY)
    with pytest.raises(UnprocessableEntityError, match="Invalid run ID: must be a UUID"):
        await sdk.runs.get(thread_id, "first")
    with pytest.raises(httpx.HTTPStatusError) as refused:
        await sdk.runs.join(thread_id, NOBODY)
    assert refused.value.response.status_code == 404
    assert await sdk.runs.list(thread_id) == []
