"""Executes runs in this process, and reads the state that they leave."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, aclosing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from cronlane_service.domain import protocol
from cronlane_service.domain.errors import GraphNotLoaded
from cronlane_service.domain.lifetimes import EARLIER
from cronlane_service.domain.models import ThreadState
from cronlane_service.domain.runs import Outcome, Run, RunError, RunStatus
from cronlane_service.domain.states import HistoryQuery, Place, Supersteps, Updated
from cronlane_service.runner import calls, checkpoints, graphs, snapshots, states, values
from cronlane_service.runner.calls import Call
from cronlane_service.runner.checkpoints import Checkpoints
from cronlane_service.runner.factories import Access, Use
from cronlane_service.runner.graphs import LoadedGraphs
from cronlane_service.runner.items import LocalItems
from cronlane_service.runner.loops import carried_out
from cronlane_service.runner.protocol import ProtocolStream
from cronlane_service.runner.seams import Events
from cronlane_service.runner.sqlite import SqliteCheckpoints
from cronlane_service.runner.streaming import Stream
from cronlane_service.runner.turns import short_turns

if TYPE_CHECKING:
    from cronlane_service.runner.graphs import Graph, Saver

T = TypeVar("T")


class LocalGraphs:
    """Graphs and their checkpoints. It lives in the loop in which ``open`` was awaited."""

    def __init__(self, loaded: LoadedGraphs, checkpoints: Path | Checkpoints, items: LocalItems | None = None) -> None:
        """``checkpoints``: a path names a SQLite file. ``items``: the long-term store that its graphs are given."""
        self._loaded, self._items = loaded, items
        self._checkpoints = SqliteCheckpoints(checkpoints) if isinstance(checkpoints, Path) else checkpoints
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def names(self) -> Sequence[str]:
        return self._loaded.names

    async def open(self) -> None:
        """Raises StoreUnavailable when the checkpoints are not to be used."""
        await self._checkpoints.open()
        if self._items is not None:
            try:
                await self._items.open()
            except BaseException:
                await self._checkpoints.close()
                raise
        self._loop = asyncio.get_running_loop()

    async def close(self) -> None:
        self._loop = None
        try:
            if self._items is not None:
                await self._items.close()
        finally:
            await self._checkpoints.close()

    async def execute(self, run: Run, events: Events | None = None) -> Outcome:
        """Runs the graph to its end, or to where it waits for a human. What it raises becomes the outcome's error.

        ``events`` is given what happens meanwhile, in the modes that the run streams.
        """
        graph = None
        async with AsyncExitStack() as stack:
            stack.enter_context(short_turns())
            try:
                call = calls.call(run)
                use = self._use(Access.RUN, call.config, run.owner, call.context)
                opened = self._loaded.open(run.graph_id, use, self._checkpoints.saver(run))
                graph = await stack.enter_async_context(opened)
                await _play(graph, run, call, events)
                return snapshots.outcome(RunStatus.SUCCESS, await _latest(graph, run))
            except (Exception, SystemExit, KeyboardInterrupt) as problem:  # noqa: BLE001 - the attempt's boundary
                error = RunError(type(problem).__name__, values.described(problem))
            return snapshots.outcome(RunStatus.ERROR, await _latest(graph, run) if graph else None, error)

    async def interrupted(self, run: Run) -> Outcome:
        """The outcome of an attempt that was cancelled: the thread's state as it is now."""
        use = self._use(Access.READ, calls.call(run).config, run.owner)
        async with self._loaded.open(run.graph_id, use, self._checkpoints.saver()) as graph:
            return snapshots.outcome(RunStatus.INTERRUPTED, await _latest(graph, run))

    async def purge(self, purges: Sequence[tuple[str, str]]) -> None:
        """Deletes the checkpoints of threads, or only the EARLIER ones, or those that one run made."""
        kept = self._checkpoints
        with kept.failing():
            if whole := [thread_id for thread_id, run_id in purges if not run_id]:
                await kept.purge_threads(whole)
            for thread_id, run_id in purges:
                if run_id == EARLIER:
                    await kept.forget(thread_id, await kept.newest(thread_id))
                elif run_id:
                    await kept.purge_run(thread_id, run_id)

    # What follows can be awaited in any loop of any thread.

    async def state(
        self, graph_id: str, thread_id: str, place: Place | None = None, subgraphs: bool = False, *, owner: str = ""
    ) -> ThreadState | None:
        """None: there is no such checkpoint. Raises GraphNotLoaded."""
        where = place or Place()
        config = calls.thread_config(graph_id, thread_id, where)
        reading = partial(self._use, Access.READ, config, owner)
        return await self._with_graph(graph_id, reading, lambda graph: states.state(graph, config, where, subgraphs))

    async def history(
        self, graph_id: str, thread_id: str, query: HistoryQuery, *, owner: str = ""
    ) -> Sequence[ThreadState]:
        """Raises GraphNotLoaded."""
        config = calls.thread_config(graph_id, thread_id, query.place)
        reading = partial(self._use, Access.READ, config, owner)
        return await self._with_graph(graph_id, reading, lambda graph: states.history(graph, config, query))

    async def update(
        self, graph_id: str, thread_id: str, supersteps: Supersteps, place: Place | None = None, *, owner: str = ""
    ) -> Updated:
        """Raises GraphNotLoaded, NotFound for the place, and InvalidStateUpdate."""
        where = place or Place()
        config = calls.thread_config(graph_id, thread_id, where)
        writing = partial(self._use, Access.UPDATE, config, owner)
        return await self._with_graph(graph_id, writing, lambda graph: states.update(graph, config, supersteps, where))

    async def copy(self, source_id: str, target_id: str) -> None:
        await self._with_saver(lambda saver: checkpoints.copy(saver, source_id, target_id))

    async def newest(self, thread_id: str) -> Mapping[str, str]:
        return await self._with_saver(lambda _: self._checkpoints.newest(thread_id))

    async def forget(self, thread_id: str, newest: Mapping[str, str]) -> None:
        await self._with_saver(lambda _: self._checkpoints.forget(thread_id, newest))

    def _use(self, access: Access, config: Any, owner: str, context: Mapping[str, Any] | None = None) -> Use:
        return Use(access, config, None if self._items is None else self._items.of(owner), context)

    async def _with_graph(self, graph_id: str, use: Callable[[], Use], ask: Callable[[Graph], Awaitable[T]]) -> T:
        if graph_id not in self.names:
            raise GraphNotLoaded(graph_id, self.names)

        async def opened(saver: Saver) -> T:
            async with self._loaded.open(graph_id, use(), saver) as graph:
                return await ask(graph)

        return await self._with_saver(opened)

    async def _with_saver(self, use: Callable[[Saver], Awaitable[T]]) -> T:
        async def used() -> T:
            with self._checkpoints.failing():
                return await use(self._checkpoints.saver())

        return await carried_out(used(), self._loop)


async def _play(graph: Graph, run: Run, call: Call, events: Events | None) -> None:
    given: Any = call.input if call.command is None else graphs.command(call.command)
    config: Any = call.config
    before = call.interrupt_before or graph.interrupt_before_nodes
    after = call.interrupt_after or graph.interrupt_after_nodes
    if run.attempt > 1 and (left := await _latest(graph, run)).metadata and left.metadata.get("run_id") == run.run_id:
        # An earlier attempt got this far: go on from there, but not past a place where it was to stop.
        if await _stands_at(graph, left, before, after):
            return
        given, config = None, _without_checkpoint(call)
    stream = _stream(run, call, events)
    options = {
        "context": graphs.context(graph, call.context),
        "interrupt_before": before,
        "interrupt_after": after,
        "durability": call.durability,
    }
    async with aclosing(stream.play(graph, given, config, options)) as happening:
        async for event, value in happening:
            if events is not None:
                await events.add(event, value)


def _stream(run: Run, call: Call, events: Events | None) -> Stream | ProtocolStream:
    if events is not None and protocol.speaks(call.stream_mode):
        return ProtocolStream()
    return Stream(run.run_id, call.stream_mode if events else (), subgraphs=call.subgraphs)


def _without_checkpoint(call: Call) -> Any:
    configurable = {name: value for name, value in call.config["configurable"].items() if name != "checkpoint_id"}
    return replace(call, config={**call.config, "configurable": configurable}).config


async def _latest(graph: Graph, run: Run) -> Any:
    config: Any = calls.thread_config(run.graph_id, run.thread_id)
    return await graph.aget_state(config)


async def _stands_at(graph: Graph, left: Any, before: str | Sequence[str], after: str | Sequence[str]) -> bool:
    """Whether that state is one at which a breakpoint stops the run. Going on from it would run past it."""
    if not left.next:
        return False
    if _hits(before, left.next):
        return True
    if not after or left.metadata.get("source") != "loop" or left.parent_config is None:
        return False
    step = await graph.aget_state(left.parent_config)
    return _hits(after, [task.name for task in step.tasks])


def _hits(breakpoints: str | Sequence[str], nodes: Sequence[str]) -> bool:
    return any(node != "__start__" and (breakpoints == "*" or node in breakpoints) for node in nodes)
