"""Functions that make a graph anew for each run."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import pytest

from cronlane_service.domain.runs import RunError
from cronlane_service.runner.graphs import Factory
from runner.sample import THREAD, Steps, chain, failing, first, run

CLOSED: list[str] = []


def plain() -> Any:
    return chain(first)


async def coroutine() -> Any:
    return chain(first)


@asynccontextmanager
async def opened() -> AsyncIterator[Any]:
    yield chain(first)
    CLOSED.append("opened")


@contextmanager
def opened_in_a_thread() -> Iterator[Any]:
    yield chain(first)
    CLOSED.append("opened_in_a_thread")


@pytest.mark.parametrize("make", [plain, coroutine, opened, opened_in_a_thread])
async def test_every_kind_of_factory_makes_the_graph(serve: Any, make: Any) -> None:
    CLOSED.clear()
    outcome = await (await serve(Factory.of(make))).execute(run())
    assert outcome.values == '{"steps":["input","first"]}'
    expected = [make.__name__] if make.__name__.startswith("opened") else []
    assert expected == CLOSED


async def test_a_factory_gets_the_config_of_the_run_and_of_a_state_read(serve: Any) -> None:
    seen: list[dict[str, Any]] = []

    async def make(config: dict[str, Any]) -> Any:
        seen.append(config["configurable"])

        def named(state: Steps) -> Steps:
            return {"steps": [config["configurable"]["model"]]}

        return chain(named)

    graphs = await serve(Factory.of(make))
    outcome = await graphs.execute(run(config={"configurable": {"model": "small"}}))
    assert json.loads(outcome.values)["steps"] == ["input", "small"]
    assert (await graphs.state("agent", THREAD)).values == outcome.values
    assert [given["thread_id"] for given in seen] == [THREAD, THREAD]
    assert seen[0]["run_id"] == run().run_id


async def test_a_factory_that_raises_fails_the_run(serve: Any) -> None:
    def make(config: dict[str, Any]) -> Any:
        return {"a": 1}[config["configurable"]["model"]]

    outcome = await (await serve(Factory.of(make))).execute(run())
    assert outcome.error == RunError("KeyError", "'model'")
    assert outcome.values is None


async def test_a_factory_that_makes_something_else_fails_the_run(serve: Any) -> None:
    def make() -> Any:
        return {"no": "graph"}

    outcome = await (await serve(Factory.of(make))).execute(run())
    assert outcome.error == RunError("TypeError", "the factory returned a dict, which is no graph")


async def test_a_context_manager_cannot_swallow_the_failure_of_a_run(serve: Any) -> None:
    class Forgiving:
        async def __aenter__(self) -> Any:
            return chain(failing)

        async def __aexit__(self, *_: object) -> bool:
            return True

    outcome = await (await serve(Factory.of(Forgiving))).execute(run())
    assert outcome.error == RunError("ValueError", "no such luck")
