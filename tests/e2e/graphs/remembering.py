"""A graph whose node keeps notes in the long-term store."""

from typing import TypedDict

from langgraph.graph import START, StateGraph
from langgraph.store.base import BaseStore


class Noted(TypedDict, total=False):
    note: str
    notes: list[str]


async def remembers(state: Noted, *, store: BaseStore) -> Noted:
    await store.aput(("notes",), state["note"], {"text": state["note"]})
    return {"notes": sorted(item.key for item in await store.asearch(("notes",)))}


remembering = StateGraph(Noted).add_node("remembers", remembers).add_edge(START, "remembers")
