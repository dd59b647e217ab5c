"""What a thread's state looks like from outside."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC
from typing import Any

import pytest
from langgraph.graph import START, StateGraph

from cronlane_service.domain.errors import GraphNotLoaded, StoreUnavailable
from cronlane_service.domain.models import ThreadState
from cronlane_service.domain.states import Place
from cronlane_service.runner.local import LocalGraphs
from runner.sample import THREAD, Steps, asking, chain, failing, first, loaded, run, second


async def test_a_thread_that_never_ran_has_an_empty_state(serve: Any) -> None:
    assert await (await serve(chain(first))).state("agent", THREAD) == ThreadState()


async def test_the_newest_checkpoint_is_answered(serve: Any) -> None:
    graphs = await serve(chain(first))
    await graphs.execute(run())
    state = await graphs.state("agent", THREAD)
    assert state.values == '{"steps":["input","first"]}'
    assert (state.next, state.tasks, state.interrupts) == ((), (), "[]")
    metadata = json.loads(state.metadata)
    assert metadata["source"] == "loop"
    assert metadata["step"] == 1
    assert metadata["thread_id"] == THREAD
    assert metadata["run_id"] == run().run_id
    assert metadata["graph_id"] == "agent"
    assert metadata["assistant_id"] == run().assistant_id
    assert metadata["team"] == "night"
    assert state.created_at.tzinfo is UTC
    assert (state.checkpoint.thread_id, state.checkpoint.checkpoint_ns) == (THREAD, "")
    assert state.parent_checkpoint.checkpoint_id < state.checkpoint.checkpoint_id


async def test_a_cron_is_named_in_the_metadata(serve: Any) -> None:
    from dataclasses import replace

    graphs = await serve(chain(first))
    await graphs.execute(replace(run(), cron_id="c"))
    assert json.loads((await graphs.state("agent", THREAD)).metadata)["cron_id"] == "c"


async def test_an_older_checkpoint_can_be_named(serve: Any) -> None:
    graphs = await serve(chain(first))
    await graphs.execute(run())
    parent = (await graphs.state("agent", THREAD)).parent_checkpoint
    state = await graphs.state("agent", THREAD, Place(parent.checkpoint_id))
    assert (state.values, state.next) == ('{"steps":["input"]}', ("first",))
    assert state.checkpoint == parent


async def test_a_checkpoint_that_does_not_exist_is_none(serve: Any) -> None:
    graphs = await serve(chain(first))
    await graphs.execute(run())
    assert await graphs.state("agent", THREAD, Place("1f000000-0000-6000-8000-000000000000")) is None


async def test_a_waiting_task_shows_its_question(serve: Any) -> None:
    graphs = await serve(chain(first, asking))
    await graphs.execute(run())
    state = await graphs.state("agent", THREAD)
    (task,) = state.tasks
    assert (task.name, state.next) == ("asking", ("asking",))
    assert json.loads(task.path) == ["__pregel_pull", "asking"]
    ((question,), (same,)) = json.loads(state.interrupts), json.loads(task.interrupts)
    assert question == same == {"id": question["id"], "value": {"question": "go on?"}}
    assert (task.error, task.checkpoint, task.state, task.result) == (None, None, None, None)


async def test_a_failed_task_shows_its_error(serve: Any) -> None:
    graphs = await serve(chain(first, failing))
    await graphs.execute(run())
    (task,) = (await graphs.state("agent", THREAD)).tasks
    assert task.error == "ValueError('no such luck')"


def nested() -> Any:
    graph = StateGraph(Steps).add_node("inner", chain(second, asking)).add_edge(START, "inner")
    return graph.compile()


async def test_a_subgraph_is_a_reference_unless_its_state_is_asked_for(serve: Any) -> None:
    graphs = await serve(nested())
    await graphs.execute(run())
    (task,) = (await graphs.state("agent", THREAD)).tasks
    assert task.state is None
    reference = json.loads(task.checkpoint)
    assert reference["thread_id"] == THREAD
    assert reference["checkpoint_ns"].startswith("inner:")
    (task,) = (await graphs.state("agent", THREAD, subgraphs=True)).tasks
    inner = json.loads(task.state)
    assert inner["values"]["steps"][-1] == "second"
    assert inner["next"] == ["asking"]
    assert inner["tasks"][0]["name"] == "asking"
    assert inner["checkpoint"]["checkpoint_ns"] == reference["checkpoint_ns"]
    assert inner["metadata"]["thread_id"] == THREAD


async def test_an_unknown_graph_is_named(serve: Any) -> None:
    with pytest.raises(GraphNotLoaded, match="'gone' not found"):
        await (await serve(chain(first))).state("gone", THREAD)


async def test_the_state_can_be_read_from_another_loop(serve: Any) -> None:
    graphs = await serve(chain(first))
    await graphs.execute(run())
    state = await asyncio.to_thread(lambda: asyncio.run(graphs.state("agent", THREAD)))
    assert state == await graphs.state("agent", THREAD)


async def test_a_runner_that_does_not_run_is_unavailable(tmp_path: Any) -> None:
    graphs = LocalGraphs(loaded(chain(first)), tmp_path / "checkpoints.db")
    with pytest.raises(StoreUnavailable, match="runner is not running"):
        await graphs.state("agent", THREAD)
    await graphs.open()
    await graphs.close()
    with pytest.raises(StoreUnavailable, match="runner is not running"):
        await graphs.state("agent", THREAD)
