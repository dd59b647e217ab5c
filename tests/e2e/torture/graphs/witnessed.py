"""A graph of two steps that leaves a line in a file for each step it takes, and a mark in the thread's state."""

import asyncio
import operator
import os
import time
from typing import Annotated, TypedDict

from langchain_core.runnables import RunnableConfig
from langgraph.graph import START, StateGraph


class State(TypedDict):
    """``pause``: seconds that the second step takes. ``port``: of the gate to wait at before."""

    pause: float
    port: int
    marks: Annotated[list[str], operator.add]


def witness(config: RunnableConfig, step: str) -> dict:
    """The line is one write to a file opened for appending: it is there whole, or not at all."""
    run_id = config["metadata"]["run_id"]
    line = f"{run_id} {step} {os.getpid()}\n"
    file = os.open(os.environ["TORTURE_WITNESS"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(file, line.encode())
    finally:
        os.close(file)
    return {"marks": [f"{run_id} {step}"]}


async def first(state: State, config: RunnableConfig) -> dict:
    await asyncio.sleep(0.02)
    return witness(config, "first")


async def gate(state: State) -> dict:
    """Goes on when whoever listens there closes the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", state["port"])
    try:
        await reader.read()
    finally:
        writer.close()
    return {}


def second(state: State, config: RunnableConfig) -> dict:
    """It blocks: only the heartbeat's own thread keeps the lease meanwhile."""
    time.sleep(state.get("pause") or 0)  # noqa: TID251 - what a slow node does
    return witness(config, "second")


def chain(*steps) -> StateGraph:
    graph, before = StateGraph(State), START
    for step in steps:
        graph.add_node(step).add_edge(before, step.__name__)
        before = step.__name__
    return graph


witnessed = chain(first, second)
gated = chain(first, gate, second)
