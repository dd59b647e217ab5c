"""Threads with the official SDKs: copied, pruned, ended, searched, and their states read and written."""

from __future__ import annotations

import re
import uuid
from typing import Any

import httpx
import pytest
from langgraph_sdk.errors import BadRequestError, ConflictError, NotFoundError, UnprocessableEntityError

import cronlane
from gate import Gate
from official import NOBODY, STATE, THREAD
from serving import ROOT, Served, run

HI = {"messages": [{"role": "user", "content": "hi"}]}
NOWHERE = "1f000000-0000-6000-8000-000000000000"
PLACE = {"thread_id", "checkpoint_ns", "checkpoint_id"}


def said(values: Any) -> list[str]:
    return [message["content"] for message in values.get("messages", [])]


async def talked(sdk: Any, graph: str = "talking", **thread: Any) -> str:
    """A thread with one run of the graph on it."""
    made = await sdk.threads.create(**thread)
    await sdk.runs.wait(made["thread_id"], graph, input=HI)
    return str(made["thread_id"])


async def test_a_copy_has_metadata_values_and_states(sdk: Any) -> None:
    source = await talked(sdk, metadata={"a": 1})
    copy = await sdk.threads.copy(source)
    assert uuid.UUID(copy["thread_id"]).version == 4
    assert copy.keys() == THREAD | {"error"}
    assert (copy["metadata"]["a"], copy["metadata"]["graph_id"]) == (1, "talking")
    assert (copy["status"], said(copy["values"])) == ("idle", ["hi", "reply 1", "reply 2"])
    assert await sdk.runs.list(copy["thread_id"]) == []
    theirs, ours = [await sdk.threads.get_history(each) for each in (source, copy["thread_id"])]
    assert len(ours) == len(theirs) == 4
    for one, other in zip(ours, theirs, strict=True):
        assert one["checkpoint"] == {**other["checkpoint"], "thread_id": copy["thread_id"]}
        assert one["metadata"] == {**other["metadata"], "thread_id": copy["thread_id"]}
        assert (one["values"], one["next"]) == (other["values"], other["next"])
    await sdk.runs.wait(copy["thread_id"], "talking", input=HI)
    assert len(said((await sdk.threads.get_state(copy["thread_id"]))["values"])) == 6
    assert len(said((await sdk.threads.get_state(source))["values"])) == 3


async def test_a_copy_of_nothing_is_not_found(sdk: Any) -> None:
    with pytest.raises(NotFoundError):
        await sdk.threads.copy(NOBODY)
    with pytest.raises(UnprocessableEntityError):
        await sdk.threads.copy("nobody")


async def test_threads_are_pruned_whole(sdk: Any) -> None:
    one, other = await talked(sdk), await talked(sdk)
    assert await sdk.threads.prune([one, NOBODY, one]) == {"pruned_count": 1}
    with pytest.raises(NotFoundError):
        await sdk.threads.get(one)
    assert (await sdk.threads.get(other))["status"] == "idle"
    with pytest.raises(UnprocessableEntityError):
        await sdk.threads.prune(["nobody"])


async def test_threads_are_rid_of_their_past(sdk: Any) -> None:
    thread = await talked(sdk)
    before = await sdk.threads.get_state(thread)
    assert await sdk.threads.prune([thread], strategy="keep_latest") == {"pruned_count": 1}
    assert await sdk.threads.get_history(thread) == [before]
    values = await sdk.runs.wait(thread, "talking", input=HI)
    assert said(values) == ["hi", "reply 1", "reply 2", "hi", "reply 4", "reply 5"]


async def test_state_is_written_and_the_graph_goes_on_from_there(sdk: Any) -> None:
    thread = await talked(sdk)
    was = await sdk.threads.get(thread)
    reply = await sdk.threads.update_state(
        thread, {"messages": [{"role": "ai", "content": "by hand"}]}, as_node="replies"
    )
    assert reply.keys() == {"checkpoint", "configurable", "checkpoint_id"}
    assert reply["checkpoint"] == reply["configurable"]
    assert reply["checkpoint"].keys() == PLACE
    shown = await sdk.threads.get(thread)
    assert (said(shown["values"])[-1], shown["status"], shown["error"]) == ("by hand", "interrupted", None)
    assert shown["state_updated_at"] == shown["updated_at"] > was["updated_at"]
    state = await sdk.threads.get_state(thread)
    assert (state["next"], state["checkpoint"]) == (["closes"], reply["checkpoint"])
    assert (state["metadata"]["source"], state["metadata"]["graph_id"]) == ("update", "talking")
    values = await sdk.runs.wait(thread, "talking", input=None)
    assert said(values)[-2:] == ["by hand", "reply 4"]


async def test_state_is_written_at_an_older_checkpoint_and_without_values(sdk: Any) -> None:
    thread = await talked(sdk)
    old = (await sdk.threads.get_history(thread))[2]
    assert said(old["values"]) == ["hi"]
    hand = {"messages": [{"role": "ai", "content": "fork"}]}
    for place in ({"checkpoint": old["checkpoint"]}, {"checkpoint_id": old["checkpoint_id"]}):
        await sdk.threads.update_state(thread, hand, as_node="replies", **place)
        state = await sdk.threads.get_state(thread)
        assert (said(state["values"]), state["parent_checkpoint"]) == (["hi", "fork"], old["checkpoint"])
    await sdk.threads.update_state(thread, None, as_node="closes")
    assert (await sdk.threads.get(thread))["status"] == "idle"
    with pytest.raises(NotFoundError):
        await sdk.threads.update_state(thread, hand, checkpoint_id=NOWHERE)


async def test_state_that_cannot_be_written_says_why(sdk: Any, gate: Gate) -> None:
    thread = (await sdk.threads.create())["thread_id"]
    with pytest.raises(BadRequestError, match="no assigned graph ID"):
        await sdk.threads.update_state(thread, {})
    await sdk.runs.wait(thread, "talking", input=HI)
    with pytest.raises(BadRequestError, match="Node nosuch does not exist"):
        await sdk.threads.update_state(thread, {}, as_node="nosuch")
    with pytest.raises(BadRequestError, match="Expected dict, got"):
        await sdk.threads.update_state(thread, [{}], as_node="replies")
    with pytest.raises(NotFoundError):
        await sdk.threads.update_state(NOBODY, {})
    running = await sdk.runs.create(thread, "waiting", input={"port": gate.port})
    with pytest.raises(ConflictError, match=running["run_id"]):
        await sdk.threads.update_state(thread, {}, as_node="waits")
    await sdk.runs.cancel(thread, running["run_id"], wait=True)


async def test_a_history_is_read_page_by_page(sdk: Any) -> None:
    thread = await talked(sdk)
    whole = await sdk.threads.get_history(thread)
    assert [state["metadata"]["source"] for state in whole] == ["loop", "loop", "loop", "input"]
    assert all(state.keys() == STATE for state in whole)
    assert await sdk.threads.get_history(thread, limit=2) == whole[:2]
    for before in (whole[1]["checkpoint"], whole[1]["checkpoint_id"], {"configurable": whole[1]["checkpoint"]}):
        assert await sdk.threads.get_history(thread, limit=5, before=before) == whole[2:]
    assert await sdk.threads.get_history(thread, metadata={"source": "input"}) == whole[3:]
    assert await sdk.threads.get_history(thread, checkpoint=whole[2]["checkpoint"]) == whole[2:3]
    assert await sdk.threads.get_history((await sdk.threads.create())["thread_id"]) == []
    with pytest.raises(NotFoundError):
        await sdk.threads.get_history(NOBODY)
    for limit in (0, 1001):
        with pytest.raises(UnprocessableEntityError, match="limit"):
            await sdk.threads.get_history(thread, limit=limit)


async def test_a_history_is_one_state_long_unless_more_is_asked_for(sdk: Any, served: Served) -> None:
    thread = await talked(sdk)
    whole = await sdk.threads.get_history(thread)
    async with httpx.AsyncClient(base_url=served.url) as http:
        path = f"/threads/{thread}/history"
        assert (await http.get(path)).json() == (await http.post(path, json={})).json() == whole[:1]
        older = {"limit": 2, "before": whole[0]["checkpoint_id"]}
        assert (await http.get(path, params=older)).json() == whole[1:3]


async def test_a_state_is_read_at_a_checkpoint(sdk: Any) -> None:
    thread = await talked(sdk)
    for state in await sdk.threads.get_history(thread):
        assert await sdk.threads.get_state(thread, checkpoint=state["checkpoint"]) == state
        assert await sdk.threads.get_state(thread, checkpoint_id=state["checkpoint_id"]) == state
    for place in ({"checkpoint_id": NOWHERE}, {"checkpoint": {"checkpoint_id": NOWHERE}}):
        with pytest.raises(NotFoundError):
            await sdk.threads.get_state(thread, **place)


async def test_interrupts_and_subgraphs_are_shown_in_the_state(sdk: Any) -> None:
    thread = await talked(sdk, "nesting")
    state = await sdk.threads.get_state(thread)
    (task,), (question,) = state["tasks"], state["interrupts"]
    assert (task["name"], task["state"], question["value"]) == ("child", None, "go on?")
    assert task["interrupts"] == state["interrupts"]
    shown = await sdk.threads.get(thread)
    assert (shown["status"], shown["interrupts"]) == ("interrupted", {task["id"]: [question]})
    (whole,) = (await sdk.threads.get_state(thread, subgraphs=True))["tasks"]
    inner = whole["state"]
    assert (whole["checkpoint"], inner.keys(), inner["next"]) == (None, STATE, ["asks"])
    assert inner["checkpoint"]["checkpoint_ns"] == task["checkpoint"]["checkpoint_ns"]
    for place in (task["checkpoint"], inner["checkpoint"]):
        there = await sdk.threads.get_state(thread, checkpoint=place)
        assert (there["values"], there["next"]) == (inner["values"], ["asks"])
    history = await sdk.threads.get_history(thread, checkpoint=task["checkpoint"])
    assert {each["checkpoint"]["checkpoint_ns"] for each in history} == {task["checkpoint"]["checkpoint_ns"]}
    copy = await sdk.threads.copy(thread)
    assert (copy["status"], copy["interrupts"]) == (shown["status"], shown["interrupts"])
    values = await sdk.runs.wait(copy["thread_id"], "nesting", command={"resume": "yes"})
    assert said(values)[-1] == "you said yes"
    assert (await sdk.threads.get(thread))["status"] == "interrupted"


async def test_a_thread_is_made_with_supersteps(sdk: Any) -> None:
    steps = [
        {"updates": [{"values": HI, "as_node": "__start__"}]},
        {"updates": [{"values": {"messages": [{"role": "ai", "content": "before"}]}, "as_node": "replies"}]},
    ]
    made = await sdk.threads.create(graph_id="talking", supersteps=steps)
    assert (made["status"], said(made["values"])) == ("interrupted", ["hi", "before"])
    assert len(await sdk.threads.get_history(made["thread_id"])) == 2
    assert said(await sdk.runs.wait(made["thread_id"], "talking", input=None)) == ["hi", "before", "reply 2"]
    wrong = [{"updates": [{"values": {}, "as_node": "nosuch"}]}]
    with pytest.raises(BadRequestError, match="Node nosuch does not exist"):
        await sdk.threads.create(graph_id="talking", supersteps=wrong, thread_id=NOBODY)
    with pytest.raises(NotFoundError):
        await sdk.threads.get(NOBODY)


async def test_a_ttl_is_accepted_in_every_form(sdk: Any) -> None:
    made = await sdk.threads.create(ttl=5)
    assert made.keys() == THREAD
    assert (await sdk.threads.get(made["thread_id"], include=["ttl"])).keys() == THREAD
    await sdk.threads.update(made["thread_id"], metadata={}, ttl={"ttl": 1.5, "strategy": "keep_latest"})
    for ttl in (0, -1, {"ttl": "5"}, {"ttl": 5, "strategy": "never"}):
        with pytest.raises(UnprocessableEntityError, match="ttl"):
            await sdk.threads.create(ttl=ttl)


async def test_a_search_extracts_and_selects(sdk: Any) -> None:
    mark = str(uuid.uuid4())
    thread = await talked(sdk, metadata={"mark": mark})
    paths = {"last": "values.messages[-1].content", "graph": "metadata.graph_id", "none": "values.nothing[3]"}
    found = await sdk.threads.search(metadata={"mark": mark}, extract=paths, select=["thread_id"])
    extracted = {"last": "reply 2", "graph": "talking", "none": None}
    assert found == [{"thread_id": thread, "extracted": extracted}]
    (whole,) = await sdk.threads.search(metadata={"mark": mark}, extract=paths)
    assert whole.keys() == THREAD | {"error", "extracted"}
    with pytest.raises(UnprocessableEntityError, match="must start with one of"):
        await sdk.threads.search(extract={"a": "status"})


def test_patching_a_state_is_not_allowed(served: Served) -> None:
    answer = httpx.patch(f"{served.url}/threads/{NOBODY}/state", json={"metadata": {}})
    assert (answer.status_code, answer.json()) == (405, {"detail": "Method Not Allowed"})
    assert answer.headers["allow"] == "GET, HEAD, POST"


async def test_the_client_offers_the_same_over_grpc(served: Served) -> None:
    async with cronlane.get_client(served.grpc) as client:
        thread = await talked(client)
        copy = await client.threads.copy(thread)
        whole = await client.threads.get_history(copy["thread_id"])
        assert len(whole) == 4
        assert await client.threads.get_history(copy["thread_id"], before=whole[1]["checkpoint"]) == whole[2:]
        place = whole[2]["checkpoint"]
        assert await client.threads.get_state(copy["thread_id"], checkpoint=place) == whole[2]
        reply = await client.threads.update_state(copy["thread_id"], HI, as_node="replies", checkpoint=place)
        assert reply["checkpoint"] == (await client.threads.get_state(copy["thread_id"]))["checkpoint"]
        with pytest.raises(cronlane.InvalidRequest, match="Node nosuch does not exist"):
            await client.threads.update_state(copy["thread_id"], {}, as_node="nosuch")
        assert await client.threads.prune([thread, copy["thread_id"]], strategy="keep_latest") == {"pruned_count": 2}
        assert len(await client.threads.get_history(copy["thread_id"])) == 1
        assert await client.threads.prune([thread]) == {"pruned_count": 1}
        made = await client.threads.create(
            graph_id="talking", ttl=5, supersteps=[{"updates": [{"values": HI, "as_node": "__start__"}]}]
        )
        await client.threads.update(made["thread_id"], metadata={"over": "grpc"}, ttl={"ttl": 1})
        found = await client.threads.search(
            metadata={"over": "grpc"}, extract={"said": "values.messages[0].content"}, select=["thread_id"]
        )
        assert found == [{"thread_id": made["thread_id"], "extracted": {"said": "hi"}}]
    with cronlane.get_sync_client(served.grpc) as blocking:
        assert blocking.threads.prune([made["thread_id"]]) == {"pruned_count": 1}


def test_the_javascript_sdk_finds_the_same(served: Served) -> None:
    script = ROOT / "tests" / "js" / "threads.mjs"
    stories = re.findall(r"^  async (\w+)\(\) \{$", script.read_text(), re.MULTILINE)
    assert stories
    assert run("node", script, CRONLANE_URL=served.url).splitlines() == [f"{name}: ok" for name in stories]
