"""A graph with a graph inside, and one inside that; and what a run of it was configured with."""

import operator
from dataclasses import dataclass
from typing import Annotated

from langchain_core.runnables import RunnableConfig
from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime
from typing_extensions import TypedDict


@dataclass
class Settings:
    """What an assistant may set."""

    model: str = "small"
    depth: int = 1


class Said(TypedDict):
    """What each node says."""

    said: Annotated[list[str], operator.add]


def leaf(state: Said, config: RunnableConfig, runtime: Runtime[Settings]) -> dict:
    settings = runtime.context
    tags = [tag for tag in config.get("tags") or [] if ":" not in tag]
    return {"said": [f"{settings.model} {settings.depth} {config['configurable'].get('model')} {tags}"]}


def way(state: Said) -> str:
    return "deeper" if state["said"] else "stop"


def one(node: str, action: object) -> StateGraph:
    return StateGraph(Said, context_schema=Settings).add_node(node, action).add_edge(START, node).add_edge(node, END)


inner = one("leaf", leaf).compile()
middle = one("inner", inner).compile()
nested = (
    StateGraph(Said, context_schema=Settings)
    .add_node("middle", middle)
    .add_conditional_edges(START, way, {"deeper": "middle", "stop": END})
    .add_edge("middle", END)
    .compile()
)
told = one("leaf", leaf).compile()
