"""Assistants: create, read, change, versions, find, their graphs."""

from __future__ import annotations

from typing import Any

from differential.recording import Api

NOBODY = "00000000-0000-7000-8000-000000000000"
MINE = "33333333-3333-4333-8333-333333333333"
OTHER = "44444444-4444-4444-8444-444444444444"
MARK = {"chapter": "assistants"}
BAD: dict[str, Any] = {
    "no graph": {},
    "graph unknown": {"graph_id": "nowhere"},
    "id": {"graph_id": "typed", "assistant_id": "no-uuid"},
    "metadata": {"graph_id": "typed", "metadata": []},
    "config": {"graph_id": "typed", "config": 5},
    "name": {"graph_id": "typed", "name": 5},
    "null": {"graph_id": "typed", "name": None},
    "if_exists": {"graph_id": "typed", "if_exists": "replace"},
    "context and configurable": {
        "graph_id": "typed",
        "context": {"model": "a"},
        "config": {"configurable": {"model": "b"}},
    },
    "unknown field": {"graph_id": "nowhere", "colour": "red"},
}


def assistants(api: Api) -> None:
    _create(api)
    _versions(api)
    _search(api)
    _graphs(api)
    _delete(api)


def _create(api: Api) -> None:
    client = api.sdk.assistants
    api("assistants.create", client.create, "typed", metadata={"chapter": "other"})
    config: Any = {"configurable": {"model": "large"}, "tags": ["t"]}
    named = {"name": "Mine", "description": "about", "metadata": MARK | {"n": 1}}
    api("assistants.create full", client.create, "typed", config, assistant_id=MINE, **named)
    other = {"name": "Other", "assistant_id": OTHER, "metadata": MARK}
    api("assistants.create context", client.create, "typed", context={"model": "small"}, **other)
    api("assistants.create again", client.create, "typed", assistant_id=MINE)
    api("assistants.create do_nothing", client.create, "typed", assistant_id=MINE, if_exists="do_nothing", name="New")
    for name, body in BAD.items():
        api.http(f"assistants.create bad {name}", "POST", "/assistants", json=body)
    api.http("assistants.create without body", "POST", "/assistants")
    api("assistants.get", client.get, MINE)
    api("assistants.get unknown", client.get, NOBODY)
    api("assistants.get graph name", client.get, "typed")
    api("runs.wait with assistant", api.sdk.runs.wait, None, MINE, input={"steps": ["in"]})


def _versions(api: Api) -> None:
    client = api.sdk.assistants
    api("assistants.update", client.update, MINE, name="Renamed", metadata={"n": 2, "added": True})
    api("assistants.update config", client.update, MINE, config={"configurable": {"model": "medium"}})
    api("assistants.update graph", client.update, MINE, graph_id="echo")
    api("assistants.update graph unknown", client.update, MINE, graph_id="nowhere")
    api("assistants.update unknown", client.update, NOBODY, name="x")
    api("assistants.update malformed", client.update, "typed", name="x")
    api.http("assistants.update nothing", "PATCH", f"/assistants/{MINE}", json={})
    api.http("assistants.update bad", "PATCH", f"/assistants/{MINE}", json={"metadata": 5})
    api("assistants.get_versions", client.get_versions, MINE)
    api("assistants.get_versions page", client.get_versions, MINE, limit=1, offset=1)
    api("assistants.get_versions metadata", client.get_versions, MINE, metadata={"added": True})
    api("assistants.get_versions unknown", client.get_versions, NOBODY)
    api.http("assistants.get_versions bad", "POST", f"/assistants/{MINE}/versions", json={"limit": 0})
    api("assistants.set_latest", client.set_latest, MINE, 1)
    api("assistants.get first version", client.get, MINE)
    api("assistants.set_latest unknown version", client.set_latest, MINE, 99)
    api("assistants.set_latest unknown", client.set_latest, NOBODY, 1)
    api.http("assistants.set_latest nothing", "POST", f"/assistants/{MINE}/latest", json={})


def _search(api: Api) -> None:
    client = api.sdk.assistants
    api("assistants.search", client.search, metadata=MARK)
    api("assistants.search system", client.search, metadata={"created_by": "system"}, sort_by="name", sort_order="asc")
    api("assistants.search graph", client.search, graph_id="typed", sort_by="created_at", sort_order="asc")
    api("assistants.search name", client.search, name="MIN")
    api("assistants.search page", client.search, metadata=MARK, limit=1, offset=1)
    api("assistants.search select", client.search, metadata=MARK, select=["assistant_id", "name"])
    for sort in ("assistant_id", "name", "created_at", "updated_at"):
        api(f"assistants.search {sort}", client.search, metadata=MARK, sort_by=sort, sort_order="asc")
    for name, body in {"limit": {"limit": 0}, "sort": {"sort_by": "colour"}, "select": {"select": ["colour"]}}.items():
        api.http(f"assistants.search bad {name}", "POST", "/assistants/search", json=body)
    api("assistants.count", client.count, metadata=MARK)
    api("assistants.count graph", client.count, graph_id="typed")
    api("assistants.count name", client.count, name="min")


def _graphs(api: Api) -> None:
    client = api.sdk.assistants
    for graph in ("typed", "parent", "echo"):
        api(f"assistants.get_graph {graph}", client.get_graph, graph)
        found = client.search(graph_id=graph, metadata={"created_by": "system"})[0]["assistant_id"]
        api(f"assistants.get_schemas {graph}", client.get_schemas, found)
        api(f"assistants.get_subgraphs {graph}", client.get_subgraphs, found)
    api("assistants.get_graph xray", client.get_graph, "parent", xray=True)
    api("assistants.get_graph xray 1", client.get_graph, "parent", xray=1)
    api("assistants.get_subgraphs recurse", client.get_subgraphs, found, recurse=True)
    api("assistants.get_subgraphs namespace", client.get_subgraphs, found, namespace="nowhere")
    api.http("assistants.get_graph bad xray", "GET", "/assistants/parent/graph?xray=deep")
    api("assistants.get_graph unknown", client.get_graph, NOBODY)
    api("assistants.get_schemas unknown", client.get_schemas, NOBODY)
    api("assistants.get_schemas graph name", client.get_schemas, "typed")
    api("assistants.get_subgraphs unknown", client.get_subgraphs, NOBODY)


def _delete(api: Api) -> None:
    client = api.sdk.assistants
    cron: Any = {"assistant_id": MINE, "schedule": "0 0 1 1 *"}
    made = api.quiet.post("/runs/crons", json=cron).json()["cron_id"]
    api("assistants.delete", client.delete, MINE)
    api("assistants.delete again", client.delete, MINE)
    api("assistants.delete malformed", client.delete, "typed")
    api("assistants.get deleted", client.get, MINE)
    api.http("crons.get of a deleted assistant", "GET", f"/runs/crons/{made}")
