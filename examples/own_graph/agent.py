"""A graph of one's own: it greets whoever it is told about."""

from typing import TypedDict

from langgraph.graph import END, START, StateGraph


class State(TypedDict):
    name: str
    greeting: str


def greet(state: State) -> dict:
    return {"greeting": f"Good morning, {state['name']}!"}


graph = StateGraph(State).add_node("greet", greet).add_edge(START, "greet").add_edge("greet", END)
