"""The official Python SDK, unmodified: threads and assistants."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import httpx
import pytest
from langgraph_sdk.errors import BadRequestError, ConflictError, NotFoundError, UnprocessableEntityError

from official import AGENT, ASSISTANT, NOBODY, QUESTION, STATE, THREAD, is_new_id, is_time
from serving import GRAPHS, Served


async def test_a_new_thread_answers_exactly_what_the_platform_answers(sdk: Any) -> None:
    thread = await sdk.threads.create()
    assert set(thread) == THREAD
    assert is_new_id(thread["thread_id"])
    assert is_time(thread["created_at"])
    assert thread["created_at"] == thread["updated_at"] == thread["state_updated_at"]
    del thread["thread_id"], thread["created_at"], thread["updated_at"], thread["state_updated_at"]
    assert thread == {"metadata": {}, "status": "idle", "config": {}, "values": None, "interrupts": {}}


async def test_a_thread_that_ran_has_its_values_and_no_error(sdk: Any) -> None:
    thread = await sdk.threads.create()
    values = await sdk.runs.wait(thread["thread_id"], "agent", input=QUESTION)
    ran = await sdk.threads.get(thread["thread_id"])
    assert set(ran) == THREAD | {"error"}
    assert ran["error"] is None
    assert ran["status"] == "idle"
    assert ran["values"] == values
    assert ran["interrupts"] == {}
    assert ran["metadata"] == {"graph_id": "agent", "assistant_id": AGENT}
    assert [message["type"] for message in values["messages"]] == ["human", "ai"]
    assert ran["state_updated_at"] > thread["state_updated_at"]


async def test_a_message_has_the_keys_of_langchain(sdk: Any) -> None:
    human, ai = (await sdk.runs.wait(None, "agent", input=QUESTION))["messages"]
    message = {"content", "additional_kwargs", "response_metadata", "type", "name", "id"}
    assert set(human) == message
    assert set(ai) == message | {"tool_calls", "invalid_tool_calls", "usage_metadata"}
    assert human["content"] == "What time is it?"
    assert human["id"]
    assert " UTC on " in ai["content"]


async def test_a_thread_keeps_the_id_that_was_chosen_in_any_spelling(sdk: Any) -> None:
    chosen = str(uuid4())
    thread = await sdk.threads.create(thread_id=chosen.upper())
    assert thread["thread_id"] == chosen
    assert (await sdk.threads.get(chosen.replace("-", "")))["thread_id"] == chosen


async def test_an_id_that_is_taken_is_a_conflict_unless_nothing_is_to_be_done(sdk: Any) -> None:
    thread = await sdk.threads.create(metadata={"a": 1})
    with pytest.raises(ConflictError, match=f"Thread with ID {thread['thread_id']} already exists"):
        await sdk.threads.create(thread_id=thread["thread_id"])
    again = await sdk.threads.create(thread_id=thread["thread_id"], if_exists="do_nothing", metadata={"b": 2})
    assert again == thread


async def test_metadata_is_merged_at_the_top_and_null_is_kept(sdk: Any) -> None:
    thread = await sdk.threads.create(metadata={"a": {"x": 1}, "b": 1}, graph_id="agent", ttl=60)
    assert thread["metadata"] == {"a": {"x": 1}, "b": 1, "graph_id": "agent"}
    changed = await sdk.threads.update(thread["thread_id"], metadata={"a": {"y": 2}, "b": None})
    assert changed["metadata"] == {"a": {"y": 2}, "b": None, "graph_id": "agent"}
    assert changed["updated_at"] > thread["updated_at"]
    assert changed["state_updated_at"] == thread["state_updated_at"]
    assert await sdk.threads.update(thread["thread_id"], metadata={"c": 3}, return_minimal=True) is None
    assert (await sdk.threads.get(thread["thread_id"]))["metadata"]["c"] == 3


async def test_a_thread_that_is_deleted_is_gone(sdk: Any) -> None:
    thread = await sdk.threads.create()
    assert await sdk.threads.delete(thread["thread_id"]) is None
    for call in (sdk.threads.get, sdk.threads.delete, sdk.threads.get_state, sdk.runs.list):
        with pytest.raises(NotFoundError, match=f"Thread with ID {thread['thread_id']} not found"):
            await call(thread["thread_id"])


async def test_the_state_of_a_thread_that_never_ran_is_empty(sdk: Any) -> None:
    thread = await sdk.threads.create()
    state = await sdk.threads.get_state(thread["thread_id"])
    assert set(state) == STATE
    assert {name: value for name, value in state.items() if value is not None} == {
        "values": {},
        "next": [],
        "tasks": [],
        "interrupts": [],
    }


async def test_the_state_after_a_run_names_its_checkpoint_and_its_run(sdk: Any) -> None:
    thread = await sdk.threads.create()
    thread_id = thread["thread_id"]
    run = await sdk.runs.create(thread_id, "agent", input=QUESTION, metadata={"who": "me"})
    values = await sdk.runs.join(thread_id, run["run_id"])
    state = await sdk.threads.get_state(thread_id)
    assert set(state) == STATE
    assert state["values"] == values
    assert state["next"] == state["tasks"] == state["interrupts"] == []
    assert state["checkpoint"] == {
        "thread_id": thread_id,
        "checkpoint_ns": "",
        "checkpoint_id": state["checkpoint_id"],
    }
    assert state["parent_checkpoint"]["checkpoint_id"] == state["parent_checkpoint_id"] != state["checkpoint_id"]
    expected = {"source": "loop", "step": 1, "run_id": run["run_id"], "thread_id": thread_id, "graph_id": "agent"}
    expected |= {"assistant_id": AGENT, "who": "me"}
    assert state["metadata"] == state["metadata"] | expected
    earlier = await sdk.threads.get_state(thread_id, checkpoint_id=state["parent_checkpoint_id"])
    assert earlier["next"] == ["answer"]
    assert len(earlier["values"]["messages"]) == 1


async def test_threads_are_found_by_what_they_hold_last_changed_first(sdk: Any) -> None:
    mark = str(uuid4())
    made = [await sdk.threads.create(metadata={"mark": mark, "n": {"i": i, "j": 0}}) for i in range(3)]
    found = await sdk.threads.search(metadata={"mark": mark})
    assert found == made[::-1]
    assert await sdk.threads.search(metadata={"mark": mark, "n": {"i": 1}}) == [made[1]]
    assert await sdk.threads.search(metadata={"mark": mark, "n": {"i": "1"}}) == []
    assert await sdk.threads.search(ids=[made[0]["thread_id"], NOBODY]) == [made[0]]
    by_age = await sdk.threads.search(
        metadata={"mark": mark}, sort_by="created_at", sort_order="asc", limit=2, offset=1, select=["thread_id"]
    )
    assert by_age == [{"thread_id": made[1]["thread_id"]}, {"thread_id": made[2]["thread_id"]}]
    assert await sdk.threads.count(metadata={"mark": mark}) == 3
    assert await sdk.threads.count(metadata={"mark": mark}, status="busy") == 0
    values = await sdk.runs.wait(made[0]["thread_id"], "agent", input=QUESTION)
    assert await sdk.threads.count(metadata={"mark": mark}, values={"messages": values["messages"]}) == 1


def test_a_search_says_in_headers_how_many_there_are_and_where_the_next_page_begins(served: Served) -> None:
    with httpx.Client(base_url=served.url) as http:
        mark = {"mark": str(uuid4())}
        for _ in range(3):
            http.post("/threads", json={"metadata": mark}).raise_for_status()
        first = http.post("/threads/search", json={"metadata": mark, "limit": 2})
        assert (first.headers["x-pagination-total"], first.headers["x-pagination-next"]) == ("3", "2")
        last = http.post("/threads/search", json={"metadata": mark, "limit": 2, "offset": 2})
        assert last.headers["x-pagination-total"] == "3"
        assert "x-pagination-next" not in last.headers
        assert (len(first.json()), len(last.json())) == (2, 1)


async def test_what_is_wrong_with_a_thread_is_said_with_the_field(sdk: Any) -> None:
    with pytest.raises(UnprocessableEntityError, match="Invalid thread ID: must be a UUID"):
        await sdk.threads.get("nobody")
    with pytest.raises(NotFoundError):
        await sdk.threads.update(NOBODY, metadata={})
    with pytest.raises(UnprocessableEntityError, match="limit"):
        await sdk.threads.search(limit=1001)
    with pytest.raises(UnprocessableEntityError, match="metadata"):
        await sdk.threads.search(metadata=["no object"])
    with pytest.raises(UnprocessableEntityError, match="select"):
        await sdk.threads.search(select=["colour"])


async def test_each_graph_has_one_assistant_with_an_id_equal_on_every_server(sdk: Any) -> None:
    [agent] = await sdk.assistants.search(graph_id="agent")
    assert set(agent) == ASSISTANT
    assert agent["assistant_id"] == AGENT
    assert agent["graph_id"] == agent["name"] == "agent"
    assert agent["metadata"] == {"created_by": "system"}
    assert (agent["version"], agent["config"], agent["context"], agent["description"]) == (1, {}, {}, None)
    assert await sdk.assistants.get(AGENT) == agent
    everything = await sdk.assistants.search(limit=1000)
    assert {each["graph_id"] for each in everything} == set(json.loads(GRAPHS.read_text())["graphs"])
    assert await sdk.assistants.count() == len(everything)
    assert await sdk.assistants.count(name="AGENT") == 1
    page = await sdk.assistants.search(limit=2, response_format="object")
    assert (len(page["assistants"]), page["next"]) == (2, "2")


async def test_an_assistant_is_read_by_its_id_alone(sdk: Any) -> None:
    with pytest.raises(NotFoundError):
        await sdk.assistants.get(NOBODY)
    with pytest.raises(UnprocessableEntityError, match="Invalid assistant ID: must be a UUID"):
        await sdk.assistants.get("agent")


async def test_an_update_of_nothing_is_a_bad_request(sdk: Any) -> None:
    cron = await sdk.crons.create("agent", schedule="@yearly", input=QUESTION)
    with pytest.raises(BadRequestError, match="Request body cannot be empty"):
        await sdk.crons.update(cron["cron_id"])
    await sdk.crons.delete(cron["cron_id"])
