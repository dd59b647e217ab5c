"""Graphs that tests can hold, fail, and be asked by."""

import asyncio
import socket

from langgraph.graph import START, MessagesState, StateGraph
from langgraph.types import interrupt


class Asked(MessagesState):
    """``port``: of the gate to wait at. ``text``: what to raise."""

    port: int
    text: str


async def waits(state: Asked) -> dict:
    reader, writer = await asyncio.open_connection("127.0.0.1", state["port"])
    try:
        await reader.read()
    finally:
        writer.close()
    return {"messages": [("ai", "went through")]}


def blocks(state: Asked) -> dict:
    with socket.create_connection(("127.0.0.1", state["port"])) as gate:
        gate.recv(1)
    return {"messages": [("ai", "went through")]}


def raises(state: Asked) -> dict:
    if state.get("text"):
        raise ValueError(state["text"])
    return {"messages": [("ai", "well done")]}


def asks(state: Asked) -> dict:
    return {"messages": [("ai", f"you said {interrupt('go on?')}")]}


def first(state: Asked) -> dict:
    return {"messages": [("ai", "first")]}


async def second(state: Asked) -> dict:
    await asyncio.sleep(0.3)
    return {"messages": [("ai", "second")]}


def keeps(state: Asked) -> dict:
    """Nothing is added: the state is what came in."""
    return {}


def graph(node) -> StateGraph:
    return StateGraph(Asked).add_node(node.__name__, node).add_edge(START, node.__name__)


def anything() -> StateGraph:
    """A graph whose state is any JSON."""
    return StateGraph(dict).add_node("keeps", keeps).add_edge(START, "keeps")


in_two_steps = graph(first).add_node("second", second).add_edge("first", "second")
waiting = graph(waits)
blocking = graph(blocks)
raising = graph(raises).compile()
asking = graph(asks)
