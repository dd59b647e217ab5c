"""LangGraph: the graphs that langgraph.json names.

LangGraph is imported inside functions: it takes over a second.
"""

from __future__ import annotations

import asyncio
import dataclasses
import os
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from threading import Thread
from typing import TYPE_CHECKING, Any, TypeAlias

from cronlane_service.domain.errors import GraphNotLoaded
from cronlane_service.runner.config import GraphsFile, GraphsFileError, GraphSource
from cronlane_service.runner.factories import Access, Factory, Use, known
from cronlane_service.runner.targets import blaming, resolve

if TYPE_CHECKING:
    from langgraph.checkpoint.base import BaseCheckpointSaver
    from langgraph.pregel import Pregel
    from langgraph.types import Command, StateUpdate

    Graph: TypeAlias = Pregel[Any, Any, Any, Any]
    Saver: TypeAlias = BaseCheckpointSaver[str]


class LoadedGraphs:
    """The graphs of one langgraph.json, imported and ready to run."""

    def __init__(self, graphs: Mapping[str, Graph | Factory]) -> None:
        self._graphs = graphs

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._graphs)

    @asynccontextmanager
    async def open(self, graph_id: str, use: Use, saver: Saver | None) -> AsyncIterator[Graph]:
        """The graph, keeping its state with the saver if given. Raises GraphNotLoaded, and what a factory does."""
        graph = self._graphs.get(graph_id)
        if graph is None:
            raise GraphNotLoaded(graph_id, self.names)
        stack = AsyncExitStack()
        try:
            if isinstance(graph, Factory):
                graph = _made(await graph.enter(use, stack))
            yield graph.copy(update={"checkpointer": saver, **({} if use.store is None else {"store": use.store})})
        finally:
            # Not as `async with`: a context manager of the user's must not swallow how the run ended.
            await stack.aclose()


def load(file: GraphsFile) -> LoadedGraphs:
    """Imports every graph of the file. Raises GraphsFileError.

    The file's ``env`` is set first, where the environment does not say otherwise, and its folders are importable.
    """
    for name, value in file.env.items():
        os.environ.setdefault(name, value)
    for folder in reversed(file.folders):
        if str(folder) not in sys.path:
            sys.path.insert(0, str(folder))
    return LoadedGraphs({graph_id: _loaded(file, source) for graph_id, source in file.graphs.items()})


def _loaded(file: GraphsFile, source: GraphSource) -> Graph | Factory:
    found = resolve(file, source)
    with blaming(file, source, f"{source.target} cannot be compiled"):
        graph = _compiled(found)
    if graph is not None:
        return graph
    if not callable(found) or isinstance(found, type):
        text = f"{source.target} is a {_kind(found)}; it must be a graph, or a function that makes one"
        raise GraphsFileError(file.path, source.key, text)
    return _factory(file, source, found)


def _compiled(found: object) -> Graph | None:
    from langgraph.graph import StateGraph
    from langgraph.pregel import Pregel

    if isinstance(found, StateGraph):
        return found.compile()
    return found if isinstance(found, Pregel) else None


def _made(found: object) -> Graph:
    graph = _compiled(found)
    if graph is None:
        raise TypeError(f"the factory returned a {_kind(found)}, which is no graph")
    return graph


def _factory(file: GraphsFile, source: GraphSource, make: Callable[..., Any]) -> Factory:
    try:
        factory = Factory.of(make)
    except (TypeError, ValueError) as problem:
        raise GraphsFileError(file.path, source.key, f"{source.target} {problem}") from problem
    if not factory.parameters:  # otherwise it may need what only a run has
        _try(file, source, factory)
    return factory


def _try(file: GraphsFile, source: GraphSource, factory: Factory) -> None:
    async def once() -> None:
        async with AsyncExitStack() as stack:
            _made(await factory.enter(Use(Access.DESCRIBE, {}), stack))

    with blaming(file, source, f"{source.target} failed"):
        _run_apart(once())


def _run_apart(work: Coroutine[Any, Any, None]) -> None:
    """In a loop and a thread of its own: the caller may be in a loop."""
    problems: list[BaseException] = []

    def run() -> None:
        try:
            asyncio.run(work)
        except BaseException as problem:  # noqa: BLE001 - raised below, in the caller's thread
            problems.append(problem)

    thread = Thread(target=run, name="cronlane-factory")
    thread.start()
    thread.join()
    if problems:
        raise problems[0]


def command(given: Mapping[str, Any]) -> Command[Any]:
    """The command that a run was created with: ``resume``, ``update`` and ``goto``."""
    from langgraph.types import Command

    update = given.get("update")
    if isinstance(update, list):  # pairs of channel and value
        update = [tuple(pair) if isinstance(pair, list) else pair for pair in update]
    goto = given.get("goto") or ()
    nodes = [goto] if isinstance(goto, (str, dict)) else goto
    return Command(resume=given.get("resume"), update=update, goto=[_node(node) for node in nodes])


def state_update(values: Any, as_node: str | None) -> StateUpdate:
    """What a node is said to have returned."""
    from langgraph.types import StateUpdate

    return StateUpdate(values, as_node)


def _node(node: Any) -> Any:
    from langgraph.types import Send

    return Send(node["node"], node.get("input")) if isinstance(node, dict) else node


def context(graph: Graph, given: Mapping[str, Any] | None) -> Any:
    """What the graph's context schema takes of it; configurable keys are mirrored there, so there may be more."""
    schema = graph.context_schema
    if schema is None or given is None:
        return None
    return known(schema, given) if dataclasses.is_dataclass(schema) else dict(given)


def _kind(found: object) -> str:
    return f"{type(found).__module__}.{type(found).__qualname__}".removeprefix("builtins.")
