"""A graph that a factory makes for each use, with the platform's ServerRuntime, served."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from langgraph_sdk import get_sync_client

from serving import Served

FACTORY = """
from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypedDict

from langgraph.graph import START, StateGraph
from langgraph_sdk.runtime import ServerRuntime

if TYPE_CHECKING:
    from langchain_core.runnables import RunnableConfig


@dataclass
class Settings:
    endpoint: str = "nowhere"


class State(TypedDict, total=False):
    said: str


@contextlib.asynccontextmanager
async def make(config: RunnableConfig, runtime: ServerRuntime[Settings]):
    note = await runtime.store.aget(("notes",), "one")
    run = runtime.execution_runtime
    with open("uses.txt", "a") as uses:
        uses.write(f"{runtime.access_context} {run and run.context and run.context.endpoint} {note and note.value}\\n")

    def says(state: State) -> State:
        return {"said": f"{run.context.endpoint} {config['configurable']['graph_id']} {note.value['text']}"}

    builder = StateGraph(State, context_schema=Settings)
    yield builder.add_node("says", says).add_edge(START, "says").compile()
    with open("uses.txt", "a") as uses:
        uses.write("closed\\n")
"""


def test_a_served_factory_is_told_what_for_and_closed_after_each_use(
    serve: Callable[..., Served], tmp_path: Path
) -> None:
    (tmp_path / "made.py").write_text(FACTORY)
    (tmp_path / "langgraph.json").write_text(json.dumps({"dependencies": ["."], "graphs": {"made": "./made.py:make"}}))
    server = serve()
    with get_sync_client(url=server.url) as client:
        client.store.put_item(["notes"], "one", {"text": "kept"})
        thread = client.threads.create()["thread_id"]
        values = client.runs.wait(thread, "made", input={}, context={"endpoint": "there", "more": 1})
        assert values == {"said": "there made kept"}
        assert client.threads.get_state(thread)["values"] == values
        client.threads.update_state(thread, {"said": "by hand"}, as_node="says")
        assistant = client.assistants.search(graph_id="made")[0]["assistant_id"]
        assert client.assistants.get_schemas(assistant)["context_schema"]["properties"]["endpoint"]["type"] == "string"
    assert server.stop() == 0
    uses = (tmp_path / "uses.txt").read_text().splitlines()
    kept = "{'text': 'kept'}"
    whys = ["threads.create_run there", "threads.read None", "threads.update None", "assistants.read None"]
    assert uses == [line for why in whys for line in (f"{why} {kept}", "closed")]
