"""Graphs that do the same on every server."""

import asyncio
import operator
from dataclasses import dataclass
from typing import Annotated

from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage
from langchain_core.runnables import RunnableConfig
from langgraph.config import get_stream_writer
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.runtime import Runtime
from langgraph.types import interrupt
from langgraph_sdk.runtime import ServerRuntime
from typing_extensions import TypedDict


@dataclass
class Settings:
    """What an assistant may set."""

    model: str = "small"


class Steps(TypedDict, total=False):
    """Every node adds its name to ``steps``. ``hold``: do not end. ``text``: what to raise."""

    steps: Annotated[list[str], operator.add]
    count: int
    hold: bool
    text: str


def answers(state: MessagesState) -> dict:
    return {"messages": [AIMessage(f"you said {state['messages'][-1].content}", id="answer")]}


def first(state: Steps, runtime: Runtime[Settings]) -> Steps:
    get_stream_writer()({"told": state.get("count", 0)})
    return {"steps": [f"first {runtime.context.model if runtime.context else None}"]}


def second(state: Steps) -> Steps:
    return {"steps": ["second"], "count": state.get("count", 0) + 1}


def asks(state: Steps) -> Steps:
    return {"steps": [f"answered {interrupt({'question': 'go on?'})}"]}


def raises(state: Steps) -> Steps:
    raise ValueError(state.get("text", "it failed"))


async def holds(state: Steps) -> Steps:
    if state.get("hold"):
        await asyncio.Event().wait()
    return {"steps": ["held"], "hold": False}


async def says(state: MessagesState) -> dict:
    model = GenericFakeChatModel(messages=iter([AIMessage("well hello there", id="said")]))
    return {"messages": [await model.ainvoke(state["messages"])]}


def chain(state: type, *nodes, **options) -> StateGraph:
    graph, before = StateGraph(state, **options), START
    for name, node in nodes:
        before = graph.add_node(name, node).add_edge(before, name) and name
    return graph


echo = chain(MessagesState, ("answers", answers)).compile()
typed = chain(Steps, ("first", first), ("second", second), context_schema=Settings).compile()
asking = chain(Steps, ("second", second), ("asks", asks)).compile()
failing = chain(Steps, ("second", second), ("raises", raises)).compile()
inner = chain(Steps, ("asks", asks)).compile()
parent = chain(Steps, ("second", second), ("inner", inner)).compile()
holding = chain(Steps, ("holds", holds)).compile()
chatting = chain(MessagesState, ("says", says)).compile()


async def made(config: RunnableConfig, runtime: ServerRuntime[dict]) -> StateGraph:
    """A factory; its node tells what it was told."""
    run = runtime.execution_runtime
    model = config["configurable"].get("model")

    def tells(state: Steps) -> Steps:
        context = run.context if run else None
        return {"steps": [f"{runtime.access_context} {context} {model} {runtime.store is not None} {runtime.user}"]}

    return chain(Steps, ("tells", tells), context_schema=Settings)
