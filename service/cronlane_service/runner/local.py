"""Executes runs in this process, and reads the state that they leave."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Coroutine, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from cronlane_service.domain.errors import GraphNotLoaded, StoreUnavailable
from cronlane_service.domain.models import Outcome, Run, RunError, RunStatus, ThreadState
from cronlane_service.runner import calls, graphs, snapshots, values
from cronlane_service.runner.calls import Call
from cronlane_service.runner.graphs import LoadedGraphs

if TYPE_CHECKING:
    from cronlane_service.runner.graphs import Graph, Saver

T = TypeVar("T")

_OF_RUN = "thread_id = :thread AND json_extract(CAST(metadata AS TEXT), '$.run_id') = :run"


class LocalGraphs:
    """Graphs with their checkpoints in a SQLite file. It lives in the loop in which ``open`` was awaited."""

    def __init__(self, loaded: LoadedGraphs, checkpoints: Path) -> None:
        self._loaded, self._path = loaded, checkpoints
        self._saver: Saver | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def names(self) -> Sequence[str]:
        return self._loaded.names

    async def open(self) -> None:
        """Raises StoreUnavailable when the file is not to be used."""
        try:
            self._saver = await graphs.open_saver(self._path)
        except (sqlite3.Error, OSError) as problem:
            raise StoreUnavailable(f"{self._path}: {problem}") from problem
        self._loop = asyncio.get_running_loop()

    async def close(self) -> None:
        saver, self._saver, self._loop = self._open_saver, None, None
        await saver.conn.close()

    @property
    def _open_saver(self) -> Saver:
        if self._saver is None:
            raise StoreUnavailable("the runner is not running")
        return self._saver

    async def execute(self, run: Run) -> Outcome:
        """Runs the graph to its end, or to where it waits for a human. What it raises becomes the outcome's error."""
        graph = None
        async with AsyncExitStack() as stack:
            try:
                call = calls.call(run)
                opened = self._loaded.open(run.graph_id, call.config, self._open_saver)  # type: ignore[arg-type]
                graph = await stack.enter_async_context(opened)
                await _play(graph, run, call)
                return snapshots.outcome(RunStatus.SUCCESS, await _latest(graph, run))
            except (Exception, SystemExit, KeyboardInterrupt) as problem:  # noqa: BLE001 - the attempt's boundary
                error = RunError(type(problem).__name__, values.described(problem))
            return snapshots.outcome(RunStatus.ERROR, await _latest(graph, run) if graph else None, error)

    async def interrupted(self, run: Run) -> Outcome:
        """The outcome of an attempt that was cancelled: the thread's state as it is now."""
        config: Any = calls.call(run).config
        async with self._loaded.open(run.graph_id, config, self._open_saver) as graph:
            return snapshots.outcome(RunStatus.INTERRUPTED, await _latest(graph, run))

    async def purge(self, thread_id: str, run_id: str = "") -> None:
        """Deletes the checkpoints of a thread, or only those that one run made on it."""
        saver = self._open_saver
        try:
            if run_id:
                await _purge_run(saver, thread_id, run_id)
            else:
                await saver.adelete_thread(thread_id)
        except sqlite3.Error as problem:
            raise StoreUnavailable(f"{self._path}: {problem}") from problem

    async def state(
        self, graph_id: str, thread_id: str, checkpoint_id: str | None = None, subgraphs: bool = False
    ) -> ThreadState | None:
        """Can be awaited in any loop of any thread. None: there is no such checkpoint. Raises GraphNotLoaded."""
        if graph_id not in self.names:
            raise GraphNotLoaded(graph_id, self.names)
        return await self._in_own_loop(self._state(graph_id, thread_id, checkpoint_id, subgraphs))

    async def _state(
        self, graph_id: str, thread_id: str, checkpoint_id: str | None, subgraphs: bool
    ) -> ThreadState | None:
        config: Any = calls.thread_config(graph_id, thread_id, checkpoint_id)
        try:
            async with self._loaded.open(graph_id, config, self._open_saver) as graph:
                snapshot = await graph.aget_state(config, subgraphs=subgraphs)
        except sqlite3.Error as problem:
            raise StoreUnavailable(f"{self._path}: {problem}") from problem
        if snapshot.metadata is None and checkpoint_id is not None:
            return None
        return snapshots.thread_state(snapshot)

    async def _in_own_loop(self, work: Coroutine[Any, Any, T]) -> T:
        loop = self._loop
        if loop is None or loop is asyncio.get_running_loop():
            return await work
        try:
            return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, loop))
        except RuntimeError as problem:
            if not loop.is_closed():
                raise
            work.close()
            raise StoreUnavailable("the runner is not running") from problem


async def _play(graph: Graph, run: Run, call: Call) -> None:
    given: Any = call.input if call.command is None else graphs.command(call.command)
    config: Any = call.config
    before = call.interrupt_before or graph.interrupt_before_nodes
    after = call.interrupt_after or graph.interrupt_after_nodes
    if run.attempt > 1 and (left := await _latest(graph, run)).metadata and left.metadata.get("run_id") == run.run_id:
        # An earlier attempt got this far: go on from there, but not past a place where it was to stop.
        if await _stands_at(graph, left, before, after):
            return
        given, config = None, _without_checkpoint(call)
    events = graph.astream(
        given,
        config,
        context=graphs.context(graph, call.context),
        stream_mode=[],
        interrupt_before=before,
        interrupt_after=after,
        durability=call.durability,  # type: ignore[arg-type]
    )
    async for _ in events:
        pass


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


async def _purge_run(saver: Saver, thread_id: str, run_id: str) -> None:
    ids = {"thread": thread_id, "run": run_id}
    made = f"SELECT checkpoint_ns, checkpoint_id FROM checkpoints WHERE {_OF_RUN}"  # noqa: S608 - constants
    async with saver.lock:
        try:
            await saver.conn.execute(
                f"DELETE FROM writes WHERE thread_id = :thread AND (checkpoint_ns, checkpoint_id) IN ({made})",  # noqa: S608
                ids,
            )
            await saver.conn.execute(f"DELETE FROM checkpoints WHERE {_OF_RUN}", ids)  # noqa: S608
        except BaseException:
            await saver.conn.rollback()
            raise
        await saver.conn.commit()
