"""Graphs with something to tell while they run."""

import asyncio
import operator
from typing import Annotated, TypedDict

from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage
from langgraph.config import get_stream_writer
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.types import interrupt


class Steps(TypedDict, total=False):
    """Every node adds its name. ``port``: of a gate at which `waits` waits. ``text``: what it raises."""

    steps: Annotated[list[str], operator.add]
    port: int
    text: str


def tells(state: Steps) -> Steps:
    get_stream_writer()({"told": len(state["steps"])})
    return {"steps": ["tells"]}


async def waits(state: Steps) -> Steps:
    if state.get("port"):
        reader, writer = await asyncio.open_connection("127.0.0.1", state["port"])
        try:
            await reader.read()
        finally:
            writer.close()
    if state.get("text"):
        raise ValueError(state["text"])
    return {"steps": ["waits"]}


def asks(state: Steps) -> Steps:
    return {"steps": [f"answered {interrupt('go on?')}"]}


async def says(state: MessagesState) -> dict:
    model = GenericFakeChatModel(messages=iter([AIMessage("well hello there", id="said")]))
    return {"messages": [await model.ainvoke(state["messages"])]}


def chain(state: type, *nodes) -> StateGraph:
    graph, before = StateGraph(state), START
    for name, node in nodes:
        before = graph.add_node(name, node).add_edge(before, name) and name
    return graph


telling = chain(Steps, ("tells", tells), ("waits", waits))
inner = chain(Steps, ("tells", tells)).compile()
outer = chain(Steps, ("inner", inner), ("waits", waits))
chatting = chain(MessagesState, ("says", says))
consulting = chain(Steps, ("tells", tells), ("asks", asks), ("waits", waits))
