"""What factories are told of the server and of the use their graph is made for."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from langchain_core.runnables import RunnableConfig
from langgraph.store.base import BaseStore
from langgraph_sdk.runtime import ServerRuntime, _ExecutionRuntime, _ReadRuntime
from pydantic import BaseModel

from cronlane_service.domain.items import ItemDraft
from cronlane_service.domain.runs import RunError
from cronlane_service.domain.states import HistoryQuery, StateUpdate
from cronlane_service.runner.factories import Factory
from cronlane_service.runner.introspection import GraphIntrospection
from cronlane_service.runner.items import LocalItems
from cronlane_service.runner.local import LocalGraphs
from runner.sample import THREAD, Steps, chain, first, loaded, run

if TYPE_CHECKING:
    from langgraph_sdk.runtime import ServerRuntime as Unseen


@dataclass
class Settings:
    model: str = "small"


class Checked(BaseModel):
    model: str


SEEN: list[Any] = []


def seen(*given: Any) -> Any:
    SEEN.append(given)
    return chain(first)


def of_config(config: RunnableConfig) -> Any:
    return seen(config)


def of_anything(it) -> Any:  # type: ignore[no-untyped-def]
    return seen(it)


def of_runtime(rt: ServerRuntime) -> Any:
    return seen(rt)


def of_optional(rt: ServerRuntime | None = None) -> Any:
    return seen(rt)


def of_unannotated(runtime) -> Any:  # type: ignore[no-untyped-def]
    return seen(runtime)


def of_both(config: RunnableConfig, runtime: ServerRuntime) -> Any:
    return seen(config, runtime)


async def of_both_turned(runtime: ServerRuntime[Settings], given: RunnableConfig) -> Any:
    return seen(given, runtime)


def of_both_named(*, runtime: ServerRuntime, config: RunnableConfig) -> Any:
    return seen(config, runtime)


def of_both_for_type_checkers(config: RunnableConfig, rt: Unseen) -> Any:
    return seen(config, rt)


def of_both_unannotated(config, runtime, /, more=3, **other) -> Any:  # type: ignore[no-untyped-def]
    assert (more, other) == (3, {})
    return seen(config, runtime)


@asynccontextmanager
async def of_both_in_a_context_manager(config: RunnableConfig, runtime: ServerRuntime) -> AsyncIterator[Any]:
    yield seen(config, runtime)


of_both_for_type_checkers.__annotations__["rt"] = (
    "Unseen_ServerRuntime[Settings]"  # as `from … import …` would leave it
)


class Served:
    """Graphs of one factory, with a long-term store."""

    def __init__(self, folder: Path) -> None:
        self.items, self.folder = LocalItems(folder / "store.db"), folder

    async def opened(self, make: Callable[..., Any]) -> LocalGraphs:
        SEEN.clear()
        graphs = loaded(Factory.of(make))
        self.introspection = GraphIntrospection(graphs, self.items)
        self.local = LocalGraphs(graphs, self.folder / "checkpoints.db", self.items)
        await self.local.open()
        return self.local


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    served = Served(tmp_path)
    yield served
    await served.local.close()


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (of_config, [dict]),
        (of_anything, [dict]),
        (of_runtime, [_ExecutionRuntime]),
        (of_optional, [_ExecutionRuntime]),
        (of_unannotated, [_ExecutionRuntime]),
        *(
            (make, [dict, _ExecutionRuntime])
            for make in (
                of_both,
                of_both_turned,
                of_both_named,
                of_both_for_type_checkers,
                of_both_unannotated,
                of_both_in_a_context_manager,
            )
        ),
    ],
)
async def test_a_factory_gets_what_its_signature_asks_for(served: Served, make: Any, told: list[type]) -> None:
    outcome = await (await served.opened(make)).execute(run())
    assert json.loads(outcome.values)["steps"] == ["input", "first"]
    assert [type(each) for each in SEEN[0]] == told


async def test_a_runtime_tells_why_the_graph_is_wanted(served: Served) -> None:
    graphs = await served.opened(of_both)
    await graphs.execute(run())
    SEEN.clear()
    await graphs.execute(run(2))
    await graphs.interrupted(run(2))
    await graphs.state("agent", THREAD)
    await graphs.history("agent", THREAD, HistoryQuery())
    await graphs.update("agent", THREAD, [[StateUpdate('{"steps":["x"]}', "first")]])
    await served.introspection.schemas("agent", "{}")
    await served.introspection.drawing("agent", "{}", False)
    await served.introspection.subgraphs("agent", "{}")
    why = [runtime.access_context for _, runtime in SEEN]
    reads = ["threads.read"] * 3
    assert why == ["threads.create_run", *reads, "threads.update", *["assistants.read"] * 3]
    assert [runtime.execution_runtime is runtime for _, runtime in SEEN] == [True, *[False] * 7]
    assert {type(runtime) for _, runtime in SEEN[1:]} == {_ReadRuntime}
    executing = [config["configurable"]["__is_for_execution__"] for config, _ in SEEN]
    assert executing == [True, *[False] * 7]


async def test_a_runtime_has_the_owner_s_store_in_every_use(served: Served) -> None:
    texts: list[Any] = []

    async def make(runtime: ServerRuntime) -> Any:
        assert isinstance(runtime.store, BaseStore)
        texts.append((await runtime.store.aget(("notes",), "one")).value["text"])
        return chain(first)

    graphs = await served.opened(make)
    await served.items.put("", ItemDraft(("notes",), "one", '{"text":"mine"}'))
    await served.items.put("other", ItemDraft(("notes",), "one", '{"text":"theirs"}'))
    assert (await graphs.execute(run())).error is None
    await graphs.state("agent", THREAD)
    await graphs.state("agent", THREAD, owner="other")
    await served.introspection.schemas("agent", "{}")
    await served.introspection.schemas("agent", "{}", owner="other")
    assert texts == ["mine", "mine", "theirs", "mine", "theirs"]


@pytest.mark.parametrize(
    ("annotation", "context"),
    [
        (ServerRuntime[Settings], Settings("large")),
        (ServerRuntime[Settings] | None, Settings("large")),
        (ServerRuntime[Checked], Checked(model="large")),
        (ServerRuntime[Steps], {"model": "large", "more": 1}),
        (ServerRuntime, {"model": "large", "more": 1}),
    ],
)
async def test_the_context_of_a_run_is_of_the_class_that_the_factory_names(
    served: Served, annotation: Any, context: Any
) -> None:
    def make(runtime: Any) -> Any:
        return seen(runtime.execution_runtime.context)

    make.__annotations__["runtime"] = annotation
    await (await served.opened(make)).execute(run(context={"model": "large", "more": 1}))
    assert SEEN[0] == (context,)


async def test_a_run_without_context_has_none(served: Served) -> None:
    await (await served.opened(of_both_turned)).execute(run())
    assert SEEN[0][1].context is None


async def test_nobody_is_the_user_while_nobody_is_authenticated(served: Served) -> None:
    def make(runtime: ServerRuntime) -> Any:
        assert runtime.user is None
        runtime.ensure_user()

    error = (await (await served.opened(make)).execute(run())).error
    assert isinstance(error, RunError)
    assert error.error == "PermissionError"


async def test_what_only_a_factory_is_told_does_not_reach_the_graph(served: Served) -> None:
    def tells(state: Steps, config: RunnableConfig) -> Steps:
        return {"steps": sorted(name for name in config["configurable"] if "execution" in name or "runtime" in name)}

    def make(config: RunnableConfig, runtime: ServerRuntime) -> Any:
        return chain(tells)

    outcome = await (await served.opened(make)).execute(run())
    assert json.loads(outcome.values)["steps"] == ["input", "__pregel_runtime"]
