"""Graphs that do what a test needs, and runs of them."""

from __future__ import annotations

import asyncio
import json
import operator
import threading
from collections.abc import Callable
from typing import Annotated, Any, TypedDict

from langchain_core.messages import AIMessage
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.types import interrupt

from builders import AGENT, NOON
from cronlane_service.domain.runs import MultitaskStrategy, Run, RunStatus
from cronlane_service.runner.graphs import LoadedGraphs

THREAD = "01900000-0000-7000-8000-00000000000a"


class Steps(TypedDict, total=False):
    """Every node adds its name."""

    steps: Annotated[list[str], operator.add]


def chain(*nodes: Callable[..., Any], state: type = Steps, **options: Any) -> Any:
    """A compiled graph of nodes that follow each other."""
    graph = StateGraph(state, context_schema=options.pop("context_schema", None))
    previous = START
    for node in nodes:
        graph.add_node(node.__name__, node)
        graph.add_edge(previous, node.__name__)
        previous = node.__name__
    return graph.compile(**options)


def first(state: Steps) -> Steps:
    return {"steps": ["first"]}


def second(state: Steps) -> Steps:
    return {"steps": ["second"]}


async def third(state: Steps) -> Steps:
    await asyncio.sleep(0)
    return {"steps": ["third"]}


def failing(state: Steps) -> Steps:
    raise ValueError("no such luck")


def asking(state: Steps) -> Steps:
    return {"steps": [f"answered {interrupt({'question': 'go on?'})}"]}


def greet(state: MessagesState) -> dict[str, Any]:
    return {"messages": [AIMessage(f"hello {len(state['messages'])}")]}


class Gate:
    """A graph that says when it has got somewhere, and goes on when it is told."""

    def __init__(self) -> None:
        self.reached, self.opened = threading.Semaphore(0), threading.Event()
        self.entered = 0

    def blocking(self, state: Steps) -> Steps:
        self.entered += 1
        self.reached.release()
        assert self.opened.wait(30)
        return {"steps": ["blocking"]}

    async def waiting(self, state: Steps) -> Steps:
        self.entered += 1
        self.reached.release()
        while not self.opened.is_set():  # noqa: ASYNC110 - it is set by another thread
            await asyncio.sleep(0.005)
        return {"steps": ["waiting"]}

    def wait_until_reached(self) -> None:
        assert self.reached.acquire(timeout=10), "the node was not reached"

    async def reached_by_now(self) -> None:
        await asyncio.to_thread(self.wait_until_reached)


def run(number: int = 1, *, thread: str = THREAD, graph: str = "agent", attempt: int = 1, **kwargs: Any) -> Run:
    """A claimed run, as the use cases make them."""
    run_id = f"01900000-0000-7000-8000-{number:012d}"
    ids = {"thread_id": thread, "run_id": run_id, "graph_id": graph, "assistant_id": AGENT, "user_id": ""}
    config = kwargs.pop("config", {})
    config = {**config, "configurable": {**config.get("configurable", {}), **ids}}
    kwargs = {"input": {"steps": ["input"]}, "config": config, "durability": "sync", **kwargs}
    return Run(
        run_id=run_id,
        owner="",
        thread_id=thread,
        assistant_id=AGENT,
        graph_id=graph,
        created_at=NOON,
        updated_at=NOON,
        status=RunStatus.RUNNING,
        metadata='{"created_by":"system","team":"night"}',
        kwargs=json.dumps(kwargs),
        multitask_strategy=MultitaskStrategy.ENQUEUE,
        attempt=attempt,
    )


def loaded(graph: Any, **others: Any) -> LoadedGraphs:
    return LoadedGraphs({"agent": graph, **others})
