"""What real graphs tell while they run."""

from __future__ import annotations

import json
from typing import Any

import pytest
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, HumanMessage
from langgraph.config import get_stream_writer
from langgraph.graph import START, MessagesState, StateGraph

from cronlane_service.domain.runs import CancelAction, RunStatus
from cronlane_service.runner import values
from cronlane_service.runner.messages import Messages
from cronlane_service.usecases.streams import Streams
from runner.conftest import Serve
from runner.house import House
from runner.sample import Gate, Steps, asking, chain, failing, first, run, second

MODES = ["values", "updates", "custom", "debug", "tasks", "checkpoints", "messages", "messages-tuple", "events"]


class Told:
    """Keeps what it is told, as JSON."""

    def __init__(self) -> None:
        self.events: list[tuple[str, Any]] = []

    async def add(self, event: str, value: Any) -> None:
        self.events.append((event, json.loads(values.text(value))))

    def of(self, event: str) -> list[Any]:
        return [value for name, value in self.events if name == event]

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.events]


async def told(serve: Serve, graph: Any, *modes: str, **kwargs: Any) -> Told:
    graphs, events = await serve(graph), Told()
    outcome = await graphs.execute(run(stream_mode=list(modes), **kwargs), events)
    assert outcome.status is RunStatus.SUCCESS, outcome.error
    return events


async def test_the_state_is_told_after_the_input_and_after_each_step(serve: Serve) -> None:
    events = await told(serve, chain(first, second), "values")
    assert [value["steps"] for value in events.of("values")] == [
        ["input"],
        ["input", "first"],
        ["input", "first", "second"],
    ]


async def test_a_run_is_executed_the_same_whether_or_not_it_is_told(serve: Serve) -> None:
    graphs = await serve(chain(first, second))
    silent = await graphs.execute(run(1, thread="t1"))
    for number, mode in enumerate(MODES, 2):
        loud = await graphs.execute(run(number, thread=f"t{number}", stream_mode=[mode], subgraphs=True), Told())
        assert (loud.status, loud.values) == (silent.status, silent.values)


async def test_all_modes_can_be_told_at_once(serve: Serve) -> None:
    events = await told(serve, chain(first), *[mode for mode in MODES if mode != "events"])
    assert {name for name in events.names if name != "messages"} == {
        "values", "updates", "debug", "tasks", "checkpoints"
    }  # fmt: skip


def tells(state: Steps) -> Steps:
    get_stream_writer()({"from": "inside"})
    return {"steps": ["inside"]}


def nested() -> Any:
    graph = StateGraph(Steps)
    graph.add_node("inner", chain(tells))
    graph.add_edge(START, "inner")
    return graph.compile()


async def test_a_subgraph_is_told_of_only_if_it_was_asked_for(serve: Serve) -> None:
    alone = await told(serve, nested(), "values", "custom")
    assert set(alone.names) == {"values"}
    both = await told(serve, nested(), "values", "custom", subgraphs=True, number=2)
    inside = [name for name in both.names if "|" in name]
    assert {name.partition("|")[0] for name in inside} == {"values", "custom"}
    assert all(name.partition("|")[2].startswith("inner:") for name in inside)


async def test_a_task_that_failed_says_how(serve: Serve) -> None:
    graphs, events = await serve(chain(first, failing)), Told()
    outcome = await graphs.execute(run(stream_mode=["tasks", "debug"]), events)
    error = {"error": "ValueError", "message": "no such luck"}
    assert outcome.status is RunStatus.ERROR
    assert [task["error"] for task in events.of("tasks") if "error" in task] == [None, error]
    assert events.of("debug")[-1]["payload"]["error"] == error


async def test_a_question_is_part_of_the_last_values_and_updates(serve: Serve) -> None:
    events = await told(serve, chain(first, asking), "values", "updates")
    [question] = events.of("updates")[-1]["__interrupt__"]
    assert question["value"] == {"question": "go on?"}
    assert events.of("values")[-1] == {"steps": ["input", "first"], "__interrupt__": [question]}


async def test_checkpoints_are_told_with_their_places_and_without_what_is_langgraphs_own(serve: Serve) -> None:
    events = await told(serve, nested(), "debug", "checkpoints")
    payloads = [each["payload"] for each in events.of("debug") if each["type"] == "checkpoint"]
    assert len(payloads) == len(events.of("checkpoints"))
    for before, payload, plain in zip([None, *payloads], payloads, events.of("checkpoints"), strict=False):
        assert set(payload["config"]) == {"configurable"}
        assert not [name for name in payload["config"]["configurable"] if name.startswith("__")]
        assert payload["parent_checkpoint"] == (before and before["checkpoint"])
        assert {"checkpoint", "parent_checkpoint"} & set(plain) == set()
    [task] = [task for payload in payloads for task in payload["tasks"] if task["name"] == "inner"]
    assert task["checkpoint"]["checkpoint_ns"].startswith("inner:")
    assert "state" not in task


def model(*replies: AIMessage) -> GenericFakeChatModel:
    return GenericFakeChatModel(messages=iter(replies))


async def says(state: MessagesState) -> dict[str, Any]:
    chat = model(AIMessage("one two", id="m1"), AIMessage("three", id="m2"))
    return {"messages": [await chat.ainvoke("?"), await chat.ainvoke("?"), AIMessage("plain", id="m3")]}


QUESTION: dict[str, Any] = {"input": {"messages": [{"role": "user", "content": "hi"}]}}


async def test_messages_come_described_once_and_then_in_growing_parts(serve: Serve) -> None:
    events = await told(serve, chain(says, state=MessagesState), "messages", **QUESTION)
    assert [[*each] for each in events.of("messages/metadata")] == [["m1"], ["m2"], ["m3"]]
    parts = [(message["id"], message["content"]) for [message] in events.of("messages/partial")]
    assert parts == [("m1", "one"), ("m1", "one "), ("m1", "one two"), ("m2", "three")]
    assert [message["content"] for [message] in events.of("messages/complete")] == ["plain"]
    assert {message["type"] for [message] in events.of("messages/partial")} == {"ai"}


async def test_pairs_are_told_instead_when_both_are_asked_for(serve: Serve) -> None:
    graph = chain(says, state=MessagesState)
    events = await told(serve, graph, "messages", "messages-tuple", **QUESTION)
    assert set(events.names) == {"messages"}
    assert "".join(part["content"] for part, _ in events.of("messages")) == "one twothreeplain"


async def test_events_of_langchain_are_told_beside_the_graphs_own(serve: Serve) -> None:
    graph = chain(says, state=MessagesState)
    events = await told(serve, graph, "events", "values", **QUESTION)
    assert set(events.names) == {"events", "values"}
    mine = [each for each in events.of("events") if each["run_id"] == run().run_id]
    assert [(each["event"], each["name"]) for each in mine] == [("on_chain_start", "agent"), ("on_chain_end", "agent")]
    assert len(events.of("values")) == 2


def test_a_message_from_a_human_is_whole() -> None:
    names = [name for name, _ in Messages().events(HumanMessage("hi", id="h"), {})]
    assert names == ["messages/metadata", "messages/complete"]


@pytest.fixture
def rows(house: House) -> Any:
    def rows() -> list[str]:
        found = house.do(lambda tx: tx.runs._connection.execute("SELECT event FROM run_events ORDER BY seq"))
        return [event for (event,) in found]

    return rows


def test_a_recorded_run_is_in_the_database_with_its_end(house: House, rows: Any) -> None:
    recorded = house.run(house.thread(), recorded=True)
    house.pool(chain(first))
    house.ended(recorded)
    assert rows() == ["metadata", "protocol/lifecycle", "values", "values", "protocol/lifecycle", "run_done"]


def test_a_run_that_nobody_follows_writes_nothing(house: House, rows: Any) -> None:
    silent = house.run(house.thread())
    house.pool(chain(first))
    house.ended(silent)
    assert rows() == []


def test_a_run_under_way_is_recorded_from_when_it_is_followed(house: House, rows: Any) -> None:
    gate = Gate()
    house.pool(chain(first, gate.waiting, second))
    watched = house.run(house.thread())
    gate.wait_until_reached()
    house.do(Streams().watch, Streams().of_new_run(watched))
    house.do(lambda tx: None)  # notices are told before the next write is carried out
    gate.opened.set()
    house.ended(watched)
    assert rows() == ["values", "values", "protocol/lifecycle", "run_done"]


def test_a_cancelled_run_tells_what_was_and_just_ends(house: House, rows: Any) -> None:
    gate = Gate()
    house.pool(chain(first, gate.waiting))
    recorded = house.run(house.thread(), recorded=True)
    gate.wait_until_reached()
    house.do(house.runs.cancel, "", recorded.thread_id, recorded.run_id, CancelAction.INTERRUPT)
    assert house.ended(recorded).status is RunStatus.INTERRUPTED
    assert rows() == ["metadata", "protocol/lifecycle", "values", "values", "protocol/lifecycle", "run_done"]
