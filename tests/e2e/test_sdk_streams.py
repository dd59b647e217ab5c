"""The official Python SDK, unmodified: what happens in runs, as it happens."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from langgraph_sdk import get_client
from langgraph_sdk.client import LangGraphClient, SyncLangGraphClient
from langgraph_sdk.errors import NotFoundError, UnprocessableEntityError

from gate import Gate
from official import NOBODY, QUESTION
from serving import Served, wait_until

INPUT = {"steps": ["input"]}


@pytest.fixture
async def sdk(served: Served) -> AsyncIterator[LangGraphClient]:
    async with get_client(url=served.url) as client:
        yield client


async def told(stream: AsyncIterator[Any]) -> list[tuple[str, Any]]:
    return [(part.event, part.data) for part in await parts(stream)]


async def parts(stream: AsyncIterator[Any]) -> list[Any]:
    async with asyncio.timeout(30):
        return [part async for part in stream]


async def until(stream: AsyncIterator[Any], event: str, data: Any) -> list[Any]:
    """The parts up to one."""
    seen = []
    async with asyncio.timeout(30):
        async for part in stream:
            seen.append(part)
            if (part.event, part.data) == (event, data):
                return seen
    raise AssertionError(f"{event} {data} did not come: {seen}")


async def test_a_stream_begins_with_metadata_and_tells_the_values_after_each_step(sdk: LangGraphClient) -> None:
    thread = await sdk.threads.create()
    created: list[Any] = []
    (first, *rest) = await told(
        sdk.runs.stream(thread["thread_id"], "telling", input=INPUT, on_run_created=created.append)
    )
    assert first == ("metadata", {"run_id": created[0]["run_id"], "attempt": 1})
    assert rest == [
        ("values", {"steps": ["input"]}),
        ("values", {"steps": ["input", "tells"]}),
        ("values", {"steps": ["input", "tells", "waits"]}),
    ]
    assert created[0]["thread_id"] == thread["thread_id"]
    run = await sdk.runs.get(thread["thread_id"], created[0]["run_id"])
    assert run["status"] == "success", "the stream ends when the run has ended"


async def test_several_modes_are_told_each_under_its_name(sdk: LangGraphClient) -> None:
    events = await told(sdk.runs.stream(None, "telling", input=INPUT, stream_mode=["updates", "custom", "tasks"]))
    assert [event for event, _ in events] == [
        *("metadata", "tasks", "custom", "updates", "tasks", "tasks", "updates", "tasks"),
    ]
    assert [data for event, data in events if event == "updates"] == [
        {"tells": {"steps": ["tells"]}},
        {"waits": {"steps": ["waits"]}},
    ]
    assert [data for event, data in events if event == "custom"] == [{"told": 1}]


@pytest.mark.parametrize("mode", ["values", "updates", "custom", "debug", "tasks", "checkpoints", "events"])
async def test_each_mode_names_its_events_after_itself(sdk: LangGraphClient, mode: Any) -> None:
    events = await told(sdk.runs.stream(None, "telling", input=INPUT, stream_mode=mode))
    assert {event for event, _ in events[1:]} == {mode}


async def test_a_checkpoint_says_where_it_is_and_keeps_to_itself_what_langgraph_needs(sdk: LangGraphClient) -> None:
    events = await told(sdk.runs.stream(None, "telling", input=INPUT, stream_mode="debug"))
    checkpoints = [data["payload"] for _, data in events[1:] if data["type"] == "checkpoint"]
    assert [payload["metadata"]["step"] for payload in checkpoints] == [-1, 0, 1, 2]
    for before, payload in zip([None, *checkpoints], checkpoints, strict=False):
        assert payload["parent_checkpoint"] == (before and before["checkpoint"])
        configurable = payload["config"]["configurable"]
        assert {name: configurable[name] for name in payload["checkpoint"]} == payload["checkpoint"]
        assert not [name for name in configurable if name.startswith("__")]


async def test_messages_are_told_part_by_part(sdk: LangGraphClient) -> None:
    (_, described, *partial) = await told(sdk.runs.stream(None, "chatting", input=QUESTION, stream_mode="messages"))
    assert described[0] == "messages/metadata"
    assert described[1]["said"]["metadata"]["langgraph_node"] == "says"
    assert {event for event, _ in partial} == {"messages/partial"}
    texts = [message["content"] for _, [message] in partial]
    assert texts == ["well", "well ", "well hello", "well hello ", "well hello there"]
    assert {(message["type"], message["id"]) for _, [message] in partial} == {("ai", "said")}


async def test_messages_can_be_told_as_pairs_of_a_part_and_its_metadata(sdk: LangGraphClient) -> None:
    stream = sdk.runs.stream(None, "chatting", input=QUESTION, stream_mode=["messages-tuple", "messages"])
    (_, *pairs) = await told(stream)
    assert {event for event, _ in pairs} == {"messages"}
    assert "".join(part["content"] for _, (part, _) in pairs) == "well hello there"
    assert {part["type"] for _, (part, _) in pairs} == {"AIMessageChunk"}
    assert {metadata["langgraph_node"] for _, (_, metadata) in pairs} == {"says"}


async def test_a_message_that_no_model_wrote_is_told_whole(sdk: LangGraphClient) -> None:
    events = await told(sdk.runs.stream(None, "agent", input=QUESTION, stream_mode="messages"))
    assert [event for event, _ in events] == ["metadata", "messages/metadata", "messages/complete"]
    assert events[2][1][0]["type"] == "ai"


async def test_events_of_langchain_come_beside_other_modes(sdk: LangGraphClient) -> None:
    events = await told(sdk.runs.stream(None, "chatting", input=QUESTION, stream_mode=["events", "values"]))
    run_id = events[0][1]["run_id"]
    traced = [data for event, data in events if event == "events"]
    assert [(data["event"], data["name"]) for data in traced if data["run_id"] == run_id] == [
        ("on_chain_start", "chatting"),
        ("on_chain_end", "chatting"),
    ]
    assert "on_chat_model_stream" in {data["event"] for data in traced}
    assert [len(data["messages"]) for event, data in events if event == "values"] == [1, 2]


async def test_subgraphs_are_told_with_where_they_are(sdk: LangGraphClient) -> None:
    modes: Any = ["updates", "custom"]
    (_, *alone) = await told(sdk.runs.stream(None, "outer", input=INPUT, stream_mode=modes))
    assert {event for event, _ in alone} == {"updates"}
    (_, *both) = await told(sdk.runs.stream(None, "outer", input=INPUT, stream_mode=modes, stream_subgraphs=True))
    inside = [event.partition("|") for event, _ in both if "|" in event]
    assert [name for name, _, _ in inside] == ["custom", "updates"]
    assert all(place.startswith("inner:") for _, _, place in inside)


async def test_a_run_that_fails_ends_with_the_error(sdk: LangGraphClient) -> None:
    stream = sdk.runs.stream(None, "telling", input={**INPUT, "text": "no luck"}, stream_mode=["updates", "tasks"])
    events = await told(stream)
    error = {"error": "ValueError", "message": "no luck"}
    assert events[-1] == ("error", error)
    assert events[-2][1]["error"] == error


async def test_a_question_to_a_human_is_told_and_answered(sdk: LangGraphClient) -> None:
    thread_id = (await sdk.threads.create())["thread_id"]
    asked = await told(sdk.runs.stream(thread_id, "consulting", input=INPUT, stream_mode=["values", "updates"]))
    ((update, question), (values, left)) = asked[-2:]
    assert (update, values) == ("updates", "values")
    assert [each["value"] for each in question["__interrupt__"]] == ["go on?"]
    assert left == {"steps": ["input", "tells"], **question}
    state = await sdk.threads.get_state(thread_id)
    assert (state["next"], [each["value"] for each in state["interrupts"]]) == (["asks"], ["go on?"])
    assert [each["value"] for task in state["tasks"] for each in task["interrupts"]] == ["go on?"]
    answered = await told(sdk.runs.stream(thread_id, "consulting", command={"resume": "yes"}))
    assert answered[-1] == ("values", {"steps": ["input", "tells", "answered yes", "waits"]})
    assert (await sdk.threads.get(thread_id))["status"] == "idle"


async def test_a_breakpoint_ends_the_stream_and_the_next_run_goes_on(sdk: LangGraphClient) -> None:
    thread_id = (await sdk.threads.create())["thread_id"]
    stopped = await told(sdk.runs.stream(thread_id, "telling", input=INPUT, interrupt_before=["waits"]))
    assert stopped[-1] == ("values", {"steps": ["input", "tells"]})
    thread = await sdk.threads.get(thread_id)
    assert (thread["status"], thread["interrupts"]) == ("interrupted", {})
    gone_on = await told(sdk.runs.stream(thread_id, "telling", input=None))
    assert gone_on[-1] == ("values", {"steps": ["input", "tells", "waits"]})


async def test_a_resumable_stream_is_told_again_from_any_event(sdk: LangGraphClient) -> None:
    thread_id = (await sdk.threads.create())["thread_id"]
    created: list[Any] = []
    stream = sdk.runs.stream(
        thread_id,
        "telling",
        input=INPUT,
        stream_resumable=True,
        on_run_created=created.append,
        stream_mode=["values", "updates"],
    )
    first = await parts(stream)
    assert len({part.id for part in first}) == len(first)
    run_id = created[0]["run_id"]
    assert await parts(sdk.runs.join_stream(thread_id, run_id, last_event_id="-1")) == first
    assert await parts(sdk.runs.join_stream(thread_id, run_id, last_event_id=first[2].id)) == first[3:]
    assert await parts(sdk.runs.join_stream(thread_id, run_id)) == [], "it has ended: nothing comes"
    values = await parts(sdk.runs.join_stream(thread_id, run_id, last_event_id="-1", stream_mode=["values"]))
    assert values == [part for part in first if part.event == "values"]
    with pytest.raises(UnprocessableEntityError):
        await parts(sdk.runs.join_stream(thread_id, run_id, last_event_id="the last"))


async def test_events_of_a_run_that_is_not_resumable_have_no_ids_and_are_not_told_again(sdk: LangGraphClient) -> None:
    thread_id = (await sdk.threads.create())["thread_id"]
    created: list[Any] = []
    stream = sdk.runs.stream(thread_id, "telling", input=INPUT, on_run_created=created.append)
    assert {part.id for part in await parts(stream)} == {None}
    assert await parts(sdk.runs.join_stream(thread_id, created[0]["run_id"], last_event_id="-1")) == []


async def test_who_joins_a_run_under_way_is_told_what_comes(sdk: LangGraphClient, gate: Gate) -> None:
    thread_id = (await sdk.threads.create())["thread_id"]
    run = await sdk.runs.create(thread_id, "telling", input={**INPUT, "port": gate.port}, stream_mode=["updates"])
    visitor = await asyncio.to_thread(gate.arrival)
    path, begun = f"/threads/{thread_id}/runs/{run['run_id']}/stream", asyncio.Event()
    stream = sdk.http.stream(path, "GET", on_response=lambda _: begun.set())
    reading = asyncio.ensure_future(told(stream))
    await begun.wait()
    visitor.close()
    assert await reading == [("updates", {"waits": {"steps": ["waits"]}})]


async def test_a_run_goes_on_when_its_reader_leaves(sdk: LangGraphClient, gate: Gate) -> None:
    thread_id = (await sdk.threads.create())["thread_id"]
    run_id = await left_while_waiting(sdk, thread_id, gate)
    assert (await sdk.runs.get(thread_id, run_id))["status"] == "running"
    gate.waiting[0].close()
    assert (await sdk.runs.join(thread_id, run_id))["steps"] == ["input", "tells", "waits"]


async def left_while_waiting(sdk: LangGraphClient, thread_id: str, gate: Gate, **options: Any) -> str:
    given = {**INPUT, "port": gate.port}
    stream = sdk.runs.stream(thread_id, "telling", input=given, stream_mode="updates", **options)
    seen = await until(stream, "updates", {"tells": {"steps": ["tells"]}})
    await asyncio.to_thread(gate.arrival)
    await stream.aclose()  # type: ignore[attr-defined]
    return str(seen[0].data["run_id"])


async def test_a_run_can_be_cancelled_by_its_reader_leaving(
    sdk: LangGraphClient, client: SyncLangGraphClient, gate: Gate
) -> None:
    thread_id = (await sdk.threads.create())["thread_id"]
    run_id = await left_while_waiting(sdk, thread_id, gate, on_disconnect="cancel")
    await asyncio.to_thread(ended, client, thread_id, run_id)
    assert (await sdk.runs.get(thread_id, run_id))["status"] == "interrupted"


def ended(client: SyncLangGraphClient, thread_id: str, run_id: str) -> None:
    wait_until(
        lambda: client.runs.get(thread_id, run_id)["status"] not in ("pending", "running"), description="the run's end"
    )


async def test_a_joined_run_can_be_cancelled_by_its_reader_leaving(
    sdk: LangGraphClient, client: SyncLangGraphClient, gate: Gate
) -> None:
    thread_id = (await sdk.threads.create())["thread_id"]
    run = await sdk.runs.create(thread_id, "telling", input={**INPUT, "port": gate.port}, stream_resumable=True)
    await asyncio.to_thread(gate.arrival)
    stream = sdk.runs.join_stream(thread_id, run["run_id"], cancel_on_disconnect=True, last_event_id="-1")
    await until(stream, "values", {**INPUT, "port": gate.port})
    await stream.aclose()  # type: ignore[attr-defined]
    await asyncio.to_thread(ended, client, thread_id, run["run_id"])
    assert (await sdk.runs.get(thread_id, run["run_id"]))["status"] == "interrupted"


async def test_the_stream_of_a_cancelled_run_just_ends(sdk: LangGraphClient, gate: Gate) -> None:
    thread_id = (await sdk.threads.create())["thread_id"]
    for action in ("interrupt", "rollback"):
        given: Any = {**INPUT, "port": gate.port}
        stream = sdk.runs.stream(thread_id, "telling", input=given, stream_mode="custom")
        reading = asyncio.ensure_future(told(stream))
        await asyncio.to_thread(gate.arrival)
        [run] = await sdk.runs.list(thread_id, status="running")
        await sdk.runs.cancel(thread_id, run["run_id"], action=action)  # type: ignore[arg-type]
        assert [event for event, _ in await reading] == ["metadata", "custom"]


async def test_a_thread_tells_of_all_its_runs_those_of_crons_too(sdk: LangGraphClient) -> None:
    thread_id = (await sdk.threads.create())["thread_id"]
    begun = asyncio.Event()
    stream: Any = sdk.http.stream(f"/threads/{thread_id}/stream", "GET", on_response=lambda _: begun.set())
    following = asyncio.ensure_future(anext(stream))
    await begun.wait()
    cron = await sdk.crons.create_for_thread(thread_id, "telling", schedule="* * * * * *", input=INPUT)
    first = await asyncio.wait_for(following, 30)
    assert (first.event, first.data["attempt"]) == ("metadata", 1)
    run = await sdk.runs.get(thread_id, first.data["run_id"])
    assert run["kwargs"]["config"]["configurable"]["cron_id"] == cron["cron_id"]
    done = {"status": "run_done", "run_id": run["run_id"]}
    seen = await until(stream, "metadata", done)
    assert [part.event for part in seen] == ["values", "values", "values", "metadata"]
    assert all(part.id for part in seen)
    await sdk.crons.delete(cron["cron_id"])
    again = await sdk.threads.join_stream(thread_id, last_event_id=first.id)
    assert await until(again, "metadata", done) == seen
    await again.aclose()  # type: ignore[attr-defined]
    await stream.aclose()


async def test_the_stream_of_a_thread_ends_with_the_thread(sdk: LangGraphClient) -> None:
    thread_id = (await sdk.threads.create())["thread_id"]
    begun, lifecycle = asyncio.Event(), {"stream_mode": "lifecycle"}
    path = f"/threads/{thread_id}/stream"
    reading = asyncio.ensure_future(
        told(sdk.http.stream(path, "GET", params=lifecycle, on_response=lambda _: begun.set()))
    )
    await begun.wait()
    await sdk.runs.wait(thread_id, "telling", input=INPUT)
    await sdk.threads.delete(thread_id)
    ((first, begun), (second, done)) = await reading
    assert (first, second) == ("metadata", "metadata")
    assert (begun["attempt"], done) == (1, {"status": "run_done", "run_id": begun["run_id"]})


async def test_a_batch_makes_all_runs_or_none(sdk: LangGraphClient) -> None:
    made = await sdk.runs.create_batch(
        [{"assistant_id": "agent", "input": QUESTION, "metadata": {"batch": n}} for n in range(3)]  # type: ignore[typeddict-item]
    )
    assert [run["metadata"]["batch"] for run in made] == [0, 1, 2]
    assert len({run["thread_id"] for run in made}) == 3
    for run in made:
        assert len((await sdk.runs.join(run["thread_id"], run["run_id"]))["messages"]) == 2
    before = await sdk.threads.count()
    for batch in ([], [{"assistant_id": "agent"}, {"assistant_id": "nosuchgraph"}], [{"assistant_id": "agent"}, {}]):
        with pytest.raises(UnprocessableEntityError):
            await sdk.runs.create_batch(batch)  # type: ignore[arg-type]
    assert await sdk.threads.count() == before


async def test_many_runs_are_cancelled_at_once(sdk: LangGraphClient, gate: Gate) -> None:
    thread_id = (await sdk.threads.create())["thread_id"]
    runs = [await sdk.runs.create(thread_id, "telling", input={**INPUT, "port": gate.port}) for _ in range(3)]
    await asyncio.to_thread(gate.arrival)
    first, second, third = (run["run_id"] for run in runs)
    await sdk.runs.cancel_many(thread_id=thread_id, run_ids=[second, NOBODY])
    assert (await sdk.runs.get(thread_id, second))["status"] == "interrupted"
    with pytest.raises(NotFoundError):
        await sdk.runs.cancel_many(thread_id=thread_id, run_ids=[second])
    await sdk.runs.cancel_many(status="all", action="rollback")
    await asyncio.to_thread(wait_until_gone, sdk, thread_id, first)
    with pytest.raises(NotFoundError):
        await sdk.runs.get(thread_id, third)
    with pytest.raises(NotFoundError):
        await sdk.runs.cancel_many(status="all")


def wait_until_gone(sdk: LangGraphClient, thread_id: str, run_id: str) -> None:
    url = f"{sdk.http.client.base_url}/threads/{thread_id}/runs/{run_id}"
    wait_until(lambda: httpx.get(url).status_code == 404, description="the run was rolled back")


async def test_a_run_starts_from_an_earlier_checkpoint(sdk: LangGraphClient) -> None:
    thread_id = (await sdk.threads.create())["thread_id"]
    events = await told(sdk.runs.stream(thread_id, "telling", input=INPUT, stream_mode="debug"))
    places = [data["payload"]["checkpoint"] for _, data in events[1:] if data["type"] == "checkpoint"]
    again: Any = await sdk.runs.wait(thread_id, "telling", input=None, checkpoint=places[2])
    assert again == {"steps": ["input", "tells", "waits"]}
    place = places[1]["checkpoint_id"]
    forked: Any = await sdk.runs.wait(thread_id, "telling", input={"steps": ["other"]}, checkpoint_id=place)
    assert forked == {"steps": ["input", "other", "tells", "waits"]}
    for wrong in ({"checkpoint_id": "x"}, {"checkpoint": {"checkpoint_id": 1}}):
        with pytest.raises(httpx.HTTPStatusError, match="422"):
            await sdk.runs.wait(thread_id, "telling", input=INPUT, **wrong)  # type: ignore[call-overload]


async def test_unknown_runs_and_threads_have_no_stream(sdk: LangGraphClient) -> None:
    thread_id = (await sdk.threads.create())["thread_id"]
    for stream in (
        sdk.runs.join_stream(thread_id, NOBODY),
        sdk.runs.stream(NOBODY, "telling", input=INPUT),
        await sdk.threads.join_stream(NOBODY),
    ):
        with pytest.raises(NotFoundError):
            await parts(stream)
    with pytest.raises(UnprocessableEntityError):
        await parts(sdk.runs.stream(None, "telling", input=INPUT, stream_mode="everything"))  # type: ignore[call-overload]


def test_the_blocking_sdk_is_told_the_same(client: SyncLangGraphClient) -> None:
    events = [
        (part.event, part.data) for part in client.runs.stream(None, "telling", input=INPUT, stream_mode="updates")
    ]
    assert events[1:] == [("updates", {"tells": {"steps": ["tells"]}}), ("updates", {"waits": {"steps": ["waits"]}})]
