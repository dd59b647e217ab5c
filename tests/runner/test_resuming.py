"""A run whose first attempt was lost goes on where it was, and not past a place where it was to stop."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from typing import Any

import pytest

from cronlane_service.domain.runs import Outcome, RunStatus
from runner.sample import Gate, Steps, asking, chain, first, run, second, third


def steps(outcome: Outcome) -> list[str]:
    assert outcome.values is not None
    return json.loads(outcome.values)["steps"]


async def lose(graphs: Any, gate: Gate, lost: Any) -> None:
    """An attempt at which the worker goes away, in the node with the gate."""
    executing = asyncio.create_task(graphs.execute(lost))
    await gate.reached_by_now()
    executing.cancel()
    await asyncio.wait([executing])
    assert executing.cancelled()
    gate.opened.set()


async def test_nodes_that_were_done_are_not_run_again(serve: Any) -> None:
    counted: Counter[str] = Counter()
    gate = Gate()

    def before(state: Steps) -> Steps:
        counted["before"] += 1
        return {"steps": ["before"]}

    await lose(await serve(chain(before, gate.waiting, second)), gate, run(durability="sync"))
    outcome = await (await serve(chain(before, gate.waiting, second))).execute(run(attempt=2))
    assert steps(outcome) == ["input", "before", "waiting", "second"]
    assert counted == {"before": 1}
    assert gate.entered == 2


async def test_an_attempt_that_had_written_nothing_is_made_with_the_input(serve: Any) -> None:
    graphs = await serve(chain(first))
    await graphs.execute(run(1))
    assert steps(await graphs.execute(run(2, attempt=2))) == ["input", "first", "input", "first"]


async def test_a_run_that_had_ended_when_it_was_lost_is_not_run_again(serve: Any) -> None:
    graphs = await serve(chain(first))
    ended = await graphs.execute(run(1))
    assert await graphs.execute(run(1, attempt=2)) == ended


@pytest.mark.parametrize(
    ("breakpoints", "expected"),
    [
        ({"interrupt_before": ["second"]}, ["input", "first"]),
        ({"interrupt_before": "*"}, ["input"]),
        ({"interrupt_after": ["first"]}, ["input", "first"]),
        ({"interrupt_after": "*"}, ["input", "first"]),
    ],
)
async def test_a_second_attempt_does_not_run_past_a_breakpoint(
    serve: Any, breakpoints: dict[str, Any], expected: list[str]
) -> None:
    graphs = await serve(chain(first, second, third))
    stopped = await graphs.execute(run(**breakpoints))
    again = await graphs.execute(run(attempt=2, **breakpoints))
    assert again == stopped
    assert steps(again) == expected


async def test_a_second_attempt_respects_the_breakpoints_that_the_graph_was_compiled_with(serve: Any) -> None:
    graphs = await serve(chain(first, second, interrupt_before=["second"]))
    await graphs.execute(run())
    assert steps(await graphs.execute(run(attempt=2))) == ["input", "first"]


async def test_a_second_attempt_still_stops_at_a_breakpoint_further_on(serve: Any) -> None:
    gate = Gate()
    stop = {"interrupt_after": ["second"]}
    await lose(await serve(chain(first, gate.waiting, second, third)), gate, run(**stop))
    outcome = await (await serve(chain(first, gate.waiting, second, third))).execute(run(attempt=2, **stop))
    assert (steps(outcome), outcome.stopped) == (["input", "first", "waiting", "second"], True)


async def test_a_question_to_a_human_is_asked_again_and_still_stops_the_run(serve: Any) -> None:
    graphs = await serve(chain(first, asking, second))
    stopped = await graphs.execute(run())
    assert await graphs.execute(run(attempt=2)) == stopped


async def test_a_resumed_run_that_was_lost_keeps_its_answer(serve: Any) -> None:
    gate = Gate()
    graph = chain(asking, gate.waiting)
    await (await serve(graph)).execute(run(1))
    answer = {"input": None, "command": {"resume": "yes"}}
    await lose(await serve(graph), gate, run(2, **answer))
    outcome = await (await serve(graph)).execute(run(2, attempt=2, **answer))
    assert outcome.status is RunStatus.SUCCESS
    assert steps(outcome) == ["input", "answered yes", "waiting"]
