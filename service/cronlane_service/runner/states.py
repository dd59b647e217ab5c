"""A thread's states, read and written through its graph."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from cronlane_service.domain import jsontext
from cronlane_service.domain.errors import InvalidStateUpdate, NotFound, StoreUnavailable
from cronlane_service.domain.models import ThreadState
from cronlane_service.domain.runs import RunStatus
from cronlane_service.domain.states import HistoryQuery, Place, StateUpdate, Supersteps, Updated
from cronlane_service.runner import calls, graphs, snapshots, values

if TYPE_CHECKING:
    from cronlane_service.runner.graphs import Graph

_PAGE = 100
"""How many states are looked through together for those that a filter wants."""


async def state(graph: Graph, config: Any, place: Place, subgraphs: bool) -> ThreadState | None:
    """None: there is no such checkpoint."""
    snapshot = await graph.aget_state(config, subgraphs=subgraphs)
    if snapshot.metadata is None and place != Place():
        return None
    return snapshots.thread_state(snapshot)


async def history(graph: Graph, config: Any, query: HistoryQuery) -> Sequence[ThreadState]:
    wanted = jsontext.parse(query.metadata or "{}")
    size = max(query.limit, _PAGE) if wanted else query.limit
    found: list[ThreadState] = []
    before = query.before
    while len(found) < query.limit:
        page = await _page(graph, config, before, size)
        found += [state for state in page if jsontext.contains(jsontext.parse(state.metadata or "{}"), wanted)]
        if len(page) < size or page[-1].checkpoint is None or query.place.checkpoint_id is not None:
            break
        before = page[-1].checkpoint.checkpoint_id
    return found[: query.limit]


async def _page(graph: Graph, config: Any, before: str | None, size: int) -> list[ThreadState]:
    older: Any = None if before is None else {"configurable": {"checkpoint_id": before}}
    states = graph.aget_state_history(config, before=older, limit=size)
    return [snapshots.thread_state(snapshot) async for snapshot in states]


async def update(graph: Graph, config: Any, supersteps: Supersteps, place: Place) -> Updated:
    """Raises NotFound for a checkpoint that is not there, and InvalidStateUpdate."""
    if place != Place() and (await graph.aget_state(config)).metadata is None:
        raise NotFound("checkpoint", place.name)
    steps = [[_update(update) for update in updates] for updates in supersteps]
    try:
        made = await graph.abulk_update_state(config, steps)
    except (StoreUnavailable, sqlite3.Error):
        raise
    except Exception as problem:  # the graph's own reducers and edges run here
        raise InvalidStateUpdate(_explained(problem)) from problem
    latest: Any = calls.thread_config(config["configurable"]["graph_id"], config["configurable"]["thread_id"])
    found = await graph.aget_state(latest)
    left = snapshots.outcome(RunStatus.SUCCESS, found)
    return Updated(snapshots.checkpoint(made), left, snapshots.text(found))


def _update(update: StateUpdate) -> Any:
    given: Any = jsontext.parse(update.values) if update.values is not None else None
    if update.command is not None:
        given = graphs.command(jsontext.parse(update.command))
    return graphs.state_update(given, update.as_node)


def _explained(problem: Exception) -> str:
    """LangGraph's own words; what other code raises with its class."""
    said = values.described(problem)
    ours = type(problem).__module__.startswith("langgraph.") or isinstance(problem, ValueError)
    return said if ours and said else f"{type(problem).__name__}: {said}"
