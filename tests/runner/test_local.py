"""Runs of real graphs: how they end, and what they leave on their thread."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import subprocess
import sys
from typing import Any

import pytest
from langchain_core.runnables import RunnableConfig
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.runtime import Runtime
from langgraph.types import Send
from pydantic import BaseModel

from cronlane_service.domain.runs import Outcome, RunError, RunStatus
from cronlane_service.runner.turns import SHORT
from runner.sample import Gate, Steps, asking, chain, failing, first, greet, run, second, third


def steps(outcome: Outcome) -> list[str]:
    assert outcome.values is not None
    return json.loads(outcome.values)["steps"]


async def test_a_run_ends_with_the_values_of_the_state(serve: Any) -> None:
    outcome = await (await serve(chain(first, third))).execute(run())
    assert outcome == Outcome(RunStatus.SUCCESS, '{"steps":["input","first","third"]}', "{}", False, None)


async def test_a_graph_leaves_other_threads_time_at_once(serve: Any, usual_turns: float) -> None:
    def telling(state: Steps) -> Steps:
        return {"steps": [f"{sys.getswitchinterval():.4f}"]}

    outcome = await (await serve(chain(telling))).execute(run())
    assert steps(outcome) == ["input", f"{SHORT:.4f}"]
    assert sys.getswitchinterval() == pytest.approx(usual_turns)
    assert usual_turns > SHORT


async def test_messages_grow_from_run_to_run_on_a_thread(serve: Any) -> None:
    graphs = await serve(chain(greet, state=MessagesState))
    asked = {"messages": [{"role": "user", "content": "What time is it? ⏰"}]}
    await graphs.execute(run(1, input=asked))
    outcome = await graphs.execute(run(2, input=asked))
    messages = json.loads(outcome.values)["messages"]
    assert [(m["type"], m["content"]) for m in messages] == [
        ("human", "What time is it? ⏰"),
        ("ai", "hello 1"),
        ("human", "What time is it? ⏰"),
        ("ai", "hello 3"),
    ]
    assert list(messages[0]) == ["content", "additional_kwargs", "response_metadata", "type", "name", "id"]
    assert list(messages[1])[6:] == ["tool_calls", "invalid_tool_calls", "usage_metadata"]
    assert all(message["id"] for message in messages)


async def test_threads_do_not_see_each_other(serve: Any) -> None:
    graphs = await serve(chain(first))
    await graphs.execute(run(1, thread="one"))
    assert steps(await graphs.execute(run(2, thread="two"))) == ["input", "first"]


async def test_an_exception_becomes_class_and_text_and_the_state_stays(serve: Any) -> None:
    graphs = await serve(chain(first, failing))
    outcome = await graphs.execute(run())
    assert (outcome.status, outcome.error) == (RunStatus.ERROR, RunError("ValueError", "no such luck"))
    assert steps(outcome) == ["input", "first"]
    assert outcome.interrupts == "{}"


async def test_an_error_s_text_can_be_stored_whatever_is_in_it(serve: Any) -> None:
    def failing_oddly(state: Steps) -> Steps:
        raise RuntimeError("\ud800 is half a character")

    outcome = await (await serve(chain(failing_oddly))).execute(run())
    assert outcome.error == RunError("RuntimeError", "\ufffd is half a character")


async def test_the_recursion_limit_of_the_config_holds(serve: Any) -> None:
    outcome = await (await serve(chain(first, second, third))).execute(run(config={"recursion_limit": 2}))
    assert outcome.error is not None
    assert outcome.error.error == "GraphRecursionError"
    assert "limit of 2" in outcome.error.message
    assert steps(outcome) == ["input", "first", "second"]


async def test_an_interrupt_stops_the_run_and_a_command_resumes_it(serve: Any) -> None:
    graphs = await serve(chain(first, asking, second))
    stopped = await graphs.execute(run(1))
    assert (stopped.status, stopped.stopped) == (RunStatus.SUCCESS, True)
    ((task_id, (question,)),) = json.loads(stopped.interrupts).items()
    assert task_id
    assert set(question) == {"id", "value"}
    assert question["value"] == {"question": "go on?"}
    resumed = await graphs.execute(run(2, input=None, command={"resume": "yes"}))
    assert (resumed.stopped, resumed.interrupts) == (False, "{}")
    assert steps(resumed) == ["input", "first", "answered yes", "second"]


@pytest.mark.parametrize(
    ("breakpoints", "expected"),
    [
        ({"interrupt_before": ["second"]}, ["input", "first"]),
        ({"interrupt_after": ["second"]}, ["input", "first", "second"]),
        ({"interrupt_before": "*"}, ["input"]),
        ({"interrupt_after": ["*"]}, ["input", "first"]),
    ],
)
async def test_a_breakpoint_stops_the_run_with_no_interrupts(
    serve: Any, breakpoints: dict[str, Any], expected: list[str]
) -> None:
    outcome = await (await serve(chain(first, second, third))).execute(run(**breakpoints))
    assert (steps(outcome), outcome.stopped, outcome.interrupts) == (expected, True, "{}")


@pytest.mark.parametrize("goto", ["third", ["third"], {"node": "third", "input": {}}, [{"node": "third"}]])
async def test_a_command_can_update_the_state_and_go_to_a_node(serve: Any, goto: Any) -> None:
    graphs = await serve(chain(first, second, third))
    await graphs.execute(run(1, interrupt_before=["second"]))
    command = {"update": {"steps": ["told"]}, "goto": goto}
    outcome = await graphs.execute(run(2, input=None, command=command))
    assert outcome.error is None
    assert steps(outcome)[:3] == ["input", "first", "told"]
    assert sorted(steps(outcome)[3:]) == ["second", "third", "third"]


async def test_a_command_can_update_with_a_list_of_pairs(serve: Any) -> None:
    graphs = await serve(chain(first, asking))
    await graphs.execute(run(1))
    command = {"update": [["steps", ["a"]], ["steps", ["b"]]], "resume": 1}
    outcome = await graphs.execute(run(2, input=None, command=command))
    assert steps(outcome) == ["input", "first", "a", "b", "answered 1"]


async def test_a_graph_that_is_not_loaded_is_an_error_of_the_run(serve: Any) -> None:
    outcome = await (await serve(chain(first), zoo=chain(second))).execute(run(graph="gone"))
    assert outcome.status is RunStatus.ERROR
    assert outcome.error == RunError("GraphNotLoaded", "Graph 'gone' not found. Expected one of: ['agent', 'zoo']")
    assert outcome.values is None


async def test_input_that_is_no_json_is_an_error_of_the_run(serve: Any) -> None:
    outcome = await (await serve(chain(first))).execute(dataclasses.replace(run(), kwargs='{"input": NaN}'))
    assert outcome.error is not None
    assert outcome.error.error == "ValueError"


async def test_a_node_sees_the_configurable_and_the_ids_but_nobody_reaches_langgraphs_own_switches(serve: Any) -> None:
    seen: dict[str, Any] = {}

    def looking(state: Steps, config: RunnableConfig) -> Steps:
        seen.update(config)
        return {}

    given = {"tags": ["x"], "configurable": {"model": "m", "thread_id": "other", "__pregel_resuming": True}}
    given["configurable"] |= {"checkpoint_ns": "elsewhere"}
    outcome = await (await serve(chain(looking))).execute(run(config=given))
    assert outcome.error is None
    assert seen["configurable"]["model"] == "m"
    assert seen["configurable"]["thread_id"] == run().thread_id
    assert seen["configurable"]["run_id"] == run().run_id
    assert seen["metadata"]["team"] == "night"
    assert "x" in seen["tags"]


@dataclasses.dataclass
class Where:
    city: str
    zone: str = "UTC"


class Model(BaseModel):
    city: str


@pytest.mark.parametrize("schema", [Where, Model, dict])
async def test_a_graph_with_a_context_schema_gets_its_context(serve: Any, schema: type) -> None:
    seen: list[Any] = []

    def looking(state: Steps, runtime: Runtime[Any]) -> Steps:
        seen.append(runtime.context)
        return {}

    graph = chain(looking, context_schema=schema)
    outcome = await (await serve(graph)).execute(run(context={"city": "Oslo", "mirrored": 1}))
    assert outcome.error is None
    assert seen == [{"city": "Oslo", "mirrored": 1} if schema is dict else schema(city="Oslo")]


async def test_a_graph_without_a_context_schema_is_not_bothered_with_one(serve: Any) -> None:
    assert (await (await serve(chain(first))).execute(run(context={"a": 1}))).error is None


async def test_parallel_nodes_run_side_by_side(serve: Any) -> None:
    def part(state: dict[str, Any]) -> Steps:
        return {"steps": [f"part {state['n']}"]}

    graph = StateGraph(Steps).add_node("part", part)
    graph.add_conditional_edges(START, lambda state: [Send("part", {"n": n}) for n in range(3)], ["part"])
    outcome = await (await serve(graph.compile())).execute(run())
    assert steps(outcome) == ["input", "part 0", "part 1", "part 2"]


@pytest.mark.parametrize("kind", ["waiting", "blocking"])
async def test_a_stuck_node_can_be_cancelled_and_its_late_result_is_dropped(serve: Any, kind: str) -> None:
    gate = Gate()
    graphs = await serve(chain(first, getattr(gate, kind), second))
    executing = asyncio.create_task(graphs.execute(run()))
    await gate.reached_by_now()
    executing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(executing, 5)
    outcome = await graphs.interrupted(run())
    assert (outcome.status, outcome.stopped) == (RunStatus.INTERRUPTED, True)
    assert steps(outcome) == ["input", "first"]
    gate.opened.set()
    await asyncio.get_running_loop().shutdown_default_executor()
    assert steps(await graphs.interrupted(run())) == ["input", "first"]


def test_the_service_is_imported_without_langgraph() -> None:
    code = (
        "import sys, cronlane_service.runner.local, cronlane_service.runner.pool, cronlane_service.runner.graphs;"
        "print(sorted(m for m in sys.modules if m.startswith(('langgraph', 'langchain'))))"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True, timeout=60).strip() == "[]"
