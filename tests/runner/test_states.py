"""The states of threads, read, written, copied and pruned through real graphs."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from cronlane_service.domain.errors import GraphNotLoaded, InvalidStateUpdate, NotFound
from cronlane_service.domain.lifetimes import EARLIER
from cronlane_service.domain.models import ThreadState
from cronlane_service.domain.runs import RunStatus
from cronlane_service.domain.states import HistoryQuery, Place, StateUpdate
from runner.sample import THREAD, asking, chain, failing, first, greet, run, second
from runner.test_state import nested

OTHER = "01900000-0000-7000-8000-00000000000b"
NOWHERE = Place("1f000000-0000-6000-8000-000000000000")


def steps(state: ThreadState | None) -> list[str]:
    assert state is not None
    return list(json.loads(state.values).get("steps", []))


def wrote(*names: str, as_node: str | None = None) -> list[list[StateUpdate]]:
    return [[StateUpdate(json.dumps({"steps": names}), as_node)]]


async def history(graphs: Any, limit: int = 100, thread: str = THREAD, **query: Any) -> list[ThreadState]:
    return list(await graphs.history("agent", thread, HistoryQuery(limit=limit, **query)))


async def test_a_history_goes_back_from_the_newest(serve: Any) -> None:
    graphs = await serve(chain(first, second))
    assert await history(graphs) == []
    await graphs.execute(run())
    found = await history(graphs)
    assert [json.loads(state.metadata)["source"] for state in found] == ["loop", "loop", "loop", "input"]
    assert found[0] == await graphs.state("agent", THREAD)
    assert [state.parent_checkpoint for state in found] == [*(state.checkpoint for state in found[1:]), None]
    assert await history(graphs, 1) == found[:1]


async def test_a_history_can_begin_before_a_checkpoint(serve: Any) -> None:
    graphs = await serve(chain(first, second))
    await graphs.execute(run())
    found = await history(graphs)
    assert await history(graphs, 2, before=found[1].checkpoint.checkpoint_id) == found[2:4]
    assert await history(graphs, before=found[-1].checkpoint.checkpoint_id) == []


async def test_a_history_can_be_narrowed_by_metadata(serve: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cronlane_service.runner.states._PAGE", 2)
    graphs = await serve(chain(first, second))
    for number in (1, 2, 3):
        await graphs.execute(run(number))
    found = await history(graphs)
    assert len(found) == 12
    inputs = [state for state in found if json.loads(state.metadata)["source"] == "input"]
    assert await history(graphs, metadata='{"source":"input"}') == inputs
    assert await history(graphs, 2, metadata='{"source":"input"}') == inputs[:2]
    assert await history(graphs, metadata='{"team":"night","run_id":"none"}') == []
    assert len(await history(graphs, metadata=json.dumps({"run_id": run(2).run_id, "step": 6}))) == 1


async def test_a_history_at_a_checkpoint_is_that_state_alone(serve: Any) -> None:
    graphs = await serve(chain(first))
    await graphs.execute(run())
    found = await history(graphs)
    assert await history(graphs, place=Place(found[1].checkpoint.checkpoint_id)) == [found[1]]


async def test_the_history_of_a_subgraph_can_be_asked_for(serve: Any) -> None:
    graphs = await serve(nested())
    await graphs.execute(run())
    (task,) = (await graphs.state("agent", THREAD)).tasks
    namespace = json.loads(task.checkpoint)["checkpoint_ns"]
    inner = await history(graphs, place=Place(checkpoint_ns=namespace))
    assert [state.checkpoint.checkpoint_ns for state in inner] == [namespace] * len(inner)
    assert steps(inner[0])[-1] == "second"
    assert json.loads(inner[0].checkpoint.checkpoint_map)[namespace] == inner[0].checkpoint.checkpoint_id
    assert await graphs.state("agent", THREAD, Place(checkpoint_ns=namespace)) == inner[0]


async def test_an_unknown_subgraph_has_no_state(serve: Any) -> None:
    graphs = await serve(chain(first))
    await graphs.execute(run())
    assert await graphs.state("agent", THREAD, Place(checkpoint_ns="inner:none")) is None


async def test_an_update_is_a_new_checkpoint(serve: Any) -> None:
    graphs = await serve(chain(first, second))
    await graphs.execute(run())
    before = await graphs.state("agent", THREAD)
    updated = await graphs.update("agent", THREAD, wrote("human"))
    state = await graphs.state("agent", THREAD)
    assert updated.checkpoint == state.checkpoint
    assert state.parent_checkpoint == before.checkpoint
    assert steps(state) == ["input", "first", "second", "human"]
    assert json.loads(state.metadata) == {
        "graph_id": "agent",
        "thread_id": THREAD,
        "source": "update",
        "step": 3,
        "parents": {},
    }
    assert (updated.left.values, updated.left.stopped, updated.left.interrupts) == (state.values, False, "{}")


async def test_an_update_as_a_node_leads_on_from_there(serve: Any) -> None:
    graphs = await serve(chain(first, second))
    await graphs.execute(run())
    updated = await graphs.update("agent", THREAD, wrote("human", as_node="first"))
    assert updated.left.stopped
    assert (await graphs.state("agent", THREAD)).next == ("second",)
    outcome = await graphs.execute(run(2, input=None))
    assert json.loads(outcome.values)["steps"] == ["input", "first", "second", "human", "second"]


async def test_an_update_before_any_run_makes_the_first_checkpoint(serve: Any) -> None:
    graphs = await serve(chain(first, second))
    updated = await graphs.update("agent", THREAD, wrote("human", as_node="first"))
    assert updated.left.values == '{"steps":["human"]}'


async def test_an_update_can_go_on_from_an_older_checkpoint(serve: Any) -> None:
    graphs = await serve(chain(first, second))
    await graphs.execute(run())
    old = (await history(graphs))[2]
    assert steps(old) == ["input"]
    await graphs.update("agent", THREAD, wrote("fork", as_node="first"), Place(old.checkpoint.checkpoint_id))
    state = await graphs.state("agent", THREAD)
    assert (steps(state), state.parent_checkpoint) == (["input", "fork"], old.checkpoint)


async def test_nothing_can_be_written_at_a_checkpoint_that_does_not_exist(serve: Any) -> None:
    graphs = await serve(chain(first))
    await graphs.execute(run())
    with pytest.raises(NotFound, match=str(NOWHERE.checkpoint_id)):
        await graphs.update("agent", THREAD, wrote("x"), NOWHERE)
    assert len(await history(graphs)) == 3


async def test_no_values_can_be_written_as_a_node(serve: Any) -> None:
    graphs = await serve(chain(first, second))
    await graphs.execute(run())
    updated = await graphs.update("agent", THREAD, [[StateUpdate(None, "first")]])
    assert updated.left.stopped
    assert len(await history(graphs)) == 5


@pytest.mark.parametrize(
    ("update", "message"),
    [
        (StateUpdate("{}", "nosuch"), "Node nosuch does not exist"),
        (StateUpdate("{}", "__end__"), "Node __end__ does not exist"),
        (StateUpdate("[]", "first"), "Expected dict, got []"),
        (StateUpdate('{"steps":1}', "first"), "TypeError: can only concatenate list"),
    ],
)
async def test_what_the_graph_refuses_is_told_and_not_written(serve: Any, update: StateUpdate, message: str) -> None:
    graphs = await serve(chain(first))
    await graphs.execute(run())
    with pytest.raises(InvalidStateUpdate) as caught:
        await graphs.update("agent", THREAD, [[update]])
    assert str(caught.value).startswith(message)
    assert len(await history(graphs)) == 3


async def test_the_state_of_a_subgraph_can_be_written(serve: Any) -> None:
    graphs = await serve(nested())
    await graphs.execute(run())
    (task,) = (await graphs.state("agent", THREAD)).tasks
    namespace = json.loads(task.checkpoint)["checkpoint_ns"]
    updated = await graphs.update("agent", THREAD, wrote("human"), Place(checkpoint_ns=namespace))
    assert updated.checkpoint.checkpoint_ns == namespace
    assert updated.left.values == '{"steps":["input"]}'
    assert updated.left.stopped
    inner = await graphs.state("agent", THREAD, Place(checkpoint_ns=namespace))
    assert steps(inner)[-1] == "human"


async def test_supersteps_and_commands_build_a_history(serve: Any) -> None:
    graphs = await serve(chain(first, second))
    command = StateUpdate(None, "first", '{"update":{"steps":["by command"]},"goto":"second"}')
    updated = await graphs.update("agent", THREAD, [*wrote("input", as_node="__start__"), [command]])
    assert updated.left.values == '{"steps":["input","by command"]}'
    assert [steps(state) for state in await history(graphs)] == [["input", "by command"], ["input"]]
    assert updated.left.stopped


async def test_an_unknown_graph_is_named(serve: Any) -> None:
    graphs = await serve(chain(first))
    with pytest.raises(GraphNotLoaded):
        await graphs.update("gone", THREAD, wrote("x"))
    with pytest.raises(GraphNotLoaded):
        await graphs.history("gone", THREAD, HistoryQuery())


def moved(state: ThreadState) -> ThreadState:
    """As it looks on the other thread."""
    text = json.dumps([state.values, state.metadata, [[task.checkpoint, task.state] for task in state.tasks]])
    values, metadata, tasks = json.loads(text.replace(THREAD, OTHER))
    places = [place and replace(place, thread_id=OTHER) for place in (state.checkpoint, state.parent_checkpoint)]
    return replace(
        state,
        values=values,
        metadata=metadata,
        checkpoint=places[0],
        parent_checkpoint=places[1],
        tasks=tuple(
            replace(task, checkpoint=parts[0], state=parts[1]) for task, parts in zip(state.tasks, tasks, strict=True)
        ),
    )


@pytest.mark.parametrize("graph", [chain(first, asking), chain(first, failing), nested()])
async def test_a_copy_has_every_state_with_its_tasks(serve: Any, graph: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cronlane_service.runner.checkpoints._PAGE", 2)
    graphs = await serve(graph)
    for number in (1, 2):
        await graphs.execute(run(number))
    await graphs.copy(THREAD, OTHER)
    assert await history(graphs, thread=OTHER) == [moved(state) for state in await history(graphs)]
    whole = [await graphs.state("agent", thread, subgraphs=True) for thread in (THREAD, OTHER)]
    assert whole[1] == moved(whole[0])


async def test_a_copy_goes_its_own_way(serve: Any) -> None:
    graphs = await serve(chain(first, asking))
    await graphs.execute(run())
    await graphs.copy(THREAD, OTHER)
    outcome = await graphs.execute(run(2, thread=OTHER, command={"resume": "yes"}))
    assert json.loads(outcome.values)["steps"] == ["input", "first", "answered yes"]
    assert (await graphs.state("agent", THREAD)).next == ("asking",)
    await graphs.purge([(THREAD, "")])
    assert len(await history(graphs, thread=OTHER)) == 4


async def test_a_thread_without_checkpoints_has_an_empty_copy(serve: Any) -> None:
    graphs = await serve(chain(first))
    await graphs.copy(THREAD, OTHER)
    assert await history(graphs, thread=OTHER) == []


@pytest.mark.parametrize("purged", [True, False])
async def test_only_the_newest_checkpoints_are_kept(serve: Any, purged: bool) -> None:
    graphs = await serve(nested())
    await graphs.execute(run())
    await graphs.execute(run(1, thread=OTHER))
    before = await graphs.state("agent", THREAD, subgraphs=True)
    if purged:
        await graphs.purge([(THREAD, EARLIER)])
    else:
        await graphs.forget(THREAD, await graphs.newest(THREAD))
    assert len(await history(graphs)) == 1
    assert await graphs.state("agent", THREAD, subgraphs=True) == before
    assert len(await history(graphs, thread=OTHER)) > 1
    outcome = await graphs.execute(run(2, command={"resume": "yes"}))
    assert (outcome.status, json.loads(outcome.values)["steps"][-1]) == (RunStatus.SUCCESS, "answered yes")


async def test_what_came_after_the_newest_was_looked_up_is_kept(serve: Any) -> None:
    graphs = await serve(chain(first))
    await graphs.execute(run())
    newest = await graphs.newest(THREAD)
    await graphs.execute(run(2))
    await graphs.forget(THREAD, newest)
    assert len(await history(graphs)) == 4
    await graphs.purge([(THREAD, run(2).run_id)])
    assert steps(await graphs.state("agent", THREAD)) == ["input", "first"]


async def test_messages_survive_a_copy(serve: Any) -> None:
    from langgraph.graph import MessagesState

    graphs = await serve(chain(greet, state=MessagesState))
    await graphs.execute(run(input={"messages": [{"role": "user", "content": "hi"}]}))
    await graphs.copy(THREAD, OTHER)
    await graphs.execute(run(2, thread=OTHER, input={"messages": [{"role": "user", "content": "again"}]}))
    told = json.loads((await graphs.state("agent", OTHER)).values)["messages"]
    assert [each["content"] for each in told] == ["hi", "hello 1", "again", "hello 3"]
