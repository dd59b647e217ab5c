"""A graph that answers what time it is: no model, no network."""

from __future__ import annotations

from typing import Any

from langchain_core.messages import AIMessage, HumanMessage
from langgraph.graph import START, MessagesState, StateGraph

from cronlane_service.domain.clock import SystemClock


def answer(state: MessagesState) -> dict[str, Any]:
    """Answers the last human message, unless it is answered already."""
    messages = state["messages"]
    if not messages or not isinstance(messages[-1], HumanMessage):
        return {}
    now = SystemClock().now()
    return {"messages": [AIMessage(f"It is {now:%H:%M:%S} UTC on {now:%A}, {now.day} {now:%B} {now.year}.")]}


graph = StateGraph(MessagesState).add_node("answer", answer).add_edge(START, "answer").compile(name="agent")
