"""Graphs of two steps, in which the second can be another graph that asks."""

from langgraph.graph import START, MessagesState, StateGraph
from langgraph.types import interrupt


def replies(state: MessagesState) -> dict:
    return {"messages": [("ai", f"reply {len(state['messages'])}")]}


def asks(state: MessagesState) -> dict:
    return {"messages": [("ai", f"you said {interrupt('go on?')}")]}


def first(node) -> StateGraph:
    return StateGraph(MessagesState).add_node(node.__name__, node).add_edge(START, node.__name__)


talking = first(replies).add_node("closes", replies).add_edge("replies", "closes")
nesting = first(replies).add_node("child", first(asks).compile()).add_edge("replies", "child")
