"""Assistants, with the official SDK's two clients and plain HTTP."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from langgraph_sdk.client import SyncLangGraphClient
from langgraph_sdk.errors import BadRequestError, ConflictError, NotFoundError, UnprocessableEntityError

from official import AGENT, ASSISTANT, NOBODY, YEARLY, is_time
from serving import Served, wait_until

VERSION = ASSISTANT - {"updated_at"}


async def test_an_assistant_s_life(sdk: Any) -> None:
    made = await sdk.assistants.create(
        "told", {"tags": ["t"]}, context={"model": "large"}, metadata={"a": 1, "b": {"x": 1}}, name="Teller"
    )
    assert set(made) == ASSISTANT
    assert is_time(made["created_at"])
    assert (made["version"], made["name"], made["description"]) == (1, "Teller", None)
    assert made["config"] == {"tags": ["t"], "configurable": {"model": "large"}}
    assert await sdk.assistants.get(made["assistant_id"]) == made

    changed = await sdk.assistants.update(made["assistant_id"], metadata={"b": {"y": 2}}, description="tells")
    assert (changed["version"], changed["metadata"]) == (2, {"a": 1, "b": {"y": 2}})
    assert (changed["context"], changed["created_at"]) == ({"model": "large"}, made["created_at"])
    assert changed["updated_at"] > made["updated_at"]
    assert (await sdk.assistants.update(made["assistant_id"], config={}))["config"] == made["config"]

    versions = await sdk.assistants.get_versions(made["assistant_id"])
    assert [each["version"] for each in versions] == [3, 2, 1]
    assert all(set(each) == VERSION for each in versions)
    assert (versions[2]["metadata"], versions[2]["created_at"]) == (made["metadata"], made["created_at"])
    page = await sdk.assistants.get_versions(made["assistant_id"], {"b": {"y": 2}}, 1, 1)
    assert [each["version"] for each in page] == [2]

    back = await sdk.assistants.set_latest(made["assistant_id"], 1)
    assert {**back, "updated_at": None} == {**made, "updated_at": None}
    assert await sdk.assistants.delete(made["assistant_id"]) is None
    for call in (sdk.assistants.get, sdk.assistants.delete, sdk.assistants.get_versions):
        with pytest.raises(NotFoundError):
            await call(made["assistant_id"])


async def test_a_search_can_answer_pages(sdk: Any) -> None:
    made = [await sdk.assistants.create("told", name=f"Page {n}", metadata={"of": "pages"}) for n in range(3)]
    first = await sdk.assistants.search(metadata={"of": "pages"}, limit=2, response_format="object")
    assert [each["name"] for each in first["assistants"]] == ["Page 2", "Page 1"]
    rest = await sdk.assistants.search(
        metadata={"of": "pages"}, limit=2, offset=int(first["next"]), response_format="object", select=["name"]
    )
    assert rest == {"assistants": [{"name": "Page 0"}], "next": None}
    found = await sdk.assistants.search(name="pAGE", sort_by="name", sort_order="asc", graph_id="told")
    assert [each["name"] for each in found] == ["Page 0", "Page 1", "Page 2"]
    assert await sdk.assistants.count(name="page", metadata={"of": "pages"}) == 3
    for each in made:
        await sdk.assistants.delete(each["assistant_id"])


async def test_what_is_wrong_has_the_platform_s_status_and_words(sdk: Any) -> None:
    with pytest.raises(NotFoundError, match=r"Graph 'nope' not found. Expected one of: \['agent', 'anything'"):
        await sdk.assistants.create("nope")
    with pytest.raises(ConflictError, match=f"Assistant {AGENT} already exists"):
        await sdk.assistants.create("told", assistant_id=AGENT)
    there = await sdk.assistants.create("told", assistant_id=AGENT, if_exists="do_nothing")
    assert there["graph_id"] == "agent"
    with pytest.raises(BadRequestError, match="Cannot specify both configurable and context"):
        await sdk.assistants.create("told", {"configurable": {"a": 1}}, context={"b": 1})
    with pytest.raises(UnprocessableEntityError, match="Invalid assistant ID: must be a UUID"):
        await sdk.assistants.update("agent", name="x")
    with pytest.raises(ConflictError, match="'agent'"):
        await sdk.assistants.delete(AGENT)
    with pytest.raises(NotFoundError, match=f"Version 9 not found for assistant {AGENT}"):
        await sdk.assistants.set_latest(AGENT, 9)
    for call in (sdk.assistants.get_graph, sdk.assistants.get_schemas, sdk.assistants.get_subgraphs):
        with pytest.raises(NotFoundError):
            await call(NOBODY)
        with pytest.raises(UnprocessableEntityError):
            await call("nope")


async def test_a_run_is_configured_by_its_assistant(sdk: Any) -> None:
    made = await sdk.assistants.create("told", {"configurable": {"model": "large", "depth": 3}, "tags": ["t"]})

    async def said(**options: Any) -> str:
        values = await sdk.runs.wait(None, made["assistant_id"], input={"said": []}, **options)
        return str(values["said"][0])

    assert await said() == "large 3 large ['t']"
    assert await said(config={"configurable": {"depth": 4}}) == "large 4 large ['t']"
    assert await said(context={"model": "tiny"}) == "tiny 3 tiny ['t']"
    assert (await sdk.runs.wait(None, "told", input={"said": []}))["said"] == ["small 1 None []"]
    await sdk.assistants.update(made["assistant_id"], context={"model": "new"})
    assert await said() == "new 1 new ['t']"
    await sdk.assistants.delete(made["assistant_id"])


async def test_a_cron_runs_its_assistant_and_goes_with_it(sdk: Any, client: SyncLangGraphClient) -> None:
    made = await sdk.assistants.create("told", context={"model": "large"}, metadata={"team": "red"})
    thread = await sdk.threads.create()
    every_second = await sdk.crons.create_for_thread(
        thread["thread_id"], made["assistant_id"], schedule="* * * * * *", input={"said": []}
    )
    values = wait_until(lambda: client.threads.get(thread["thread_id"])["values"], description="it fires")
    assert values["said"][0] == "large 1 large []"
    (run,) = await sdk.runs.list(thread["thread_id"], limit=1, select=["metadata", "assistant_id"])
    assert (run["metadata"]["team"], run["assistant_id"]) == ("red", made["assistant_id"])
    yearly = await sdk.crons.create("told", schedule=YEARLY)
    await sdk.assistants.delete(made["assistant_id"], delete_threads=True)
    for missing in (sdk.threads.get(thread["thread_id"]), sdk.crons.update(every_second["cron_id"], enabled=False)):
        with pytest.raises(NotFoundError):
            await missing
    await sdk.crons.delete(yearly["cron_id"])


async def test_a_graph_can_be_looked_into(sdk: Any) -> None:
    (system,) = await sdk.assistants.search(graph_id="nested")
    assistant_id = system["assistant_id"]
    drawn = await sdk.assistants.get_graph(assistant_id)
    assert [node["id"] for node in drawn["nodes"]] == ["__start__", "middle", "__end__"]
    assert drawn["edges"][-1] == {"source": "middle", "target": "__end__"}
    assert await sdk.assistants.get_graph("nested") == drawn
    for xray, inside in ((1, "middle:inner"), (True, "middle:inner:leaf")):
        drawn = await sdk.assistants.get_graph(assistant_id, xray=xray)
        assert inside in [node["id"] for node in drawn["nodes"]]
    schemas = await sdk.assistants.get_schemas(assistant_id)
    assert set(schemas) == {
        "graph_id",
        "input_schema",
        "output_schema",
        "state_schema",
        "config_schema",
        "context_schema",
    }
    assert (schemas["graph_id"], set(schemas["context_schema"]["properties"])) == ("nested", {"model", "depth"})
    inside = await sdk.assistants.get_subgraphs(assistant_id)
    assert list(inside) == ["middle"]
    assert set(inside["middle"]) == set(schemas) - {"graph_id"}
    assert list(await sdk.assistants.get_subgraphs(assistant_id, recurse=True)) == ["middle", "middle|inner"]
    assert list(await sdk.assistants.get_subgraphs(assistant_id, "middle")) == ["middle"]


def test_what_the_sdk_does_not_send(served: Served) -> None:
    with httpx.Client(base_url=served.url) as http:
        made = http.post("/assistants", json={"graph_id": "told", "description": None, "unknown": 1}).json()
        path = f"/assistants/{made['assistant_id']}"
        assert (made["name"], made["description"]) == ("Untitled", None)
        assert http.patch(path, json={}).json()["version"] == 2
        assert http.patch(path, json={"context": {}, "name": ""}).json()["name"] == ""
        for method, where, body in (
            ("POST", "/assistants", {}),
            ("POST", "/assistants", {"graph_id": "told", "metadata": None}),
            ("POST", "/assistants", {"graph_id": "told", "if_exists": "perhaps"}),
            ("POST", "/assistants", {"graph_id": "told", "config": {"tags": "t"}}),
            ("PATCH", path, {"name": None}),
            ("PATCH", path, {"description": None}),
            ("POST", f"{path}/versions", {"limit": 0}),
            ("POST", f"{path}/latest", {}),
            ("POST", f"{path}/latest", {"version": "1"}),
            ("DELETE", f"{path}?delete_threads=perhaps", None),
            ("GET", f"{path}/graph?xray=0", None),
            ("GET", f"{path}/graph?xray=x", None),
            ("GET", f"{path}/subgraphs?recurse=perhaps", None),
        ):
            assert http.request(method, where, json=body).status_code == 422, (method, where, body)
        assert http.post(f"{path}/versions", json={}).json()[0]["version"] == 3
        nested = http.post("/assistants/search", json={"graph_id": "nested"}).json()[0]["assistant_id"]
        assert list(http.get(f"/assistants/{nested}/subgraphs/middle%7Cinner").json()) == ["middle|inner"]
        assert http.get("/assistants").headers["allow"] == "POST"
        assert http.delete(path).status_code == 204


def test_versions_and_assistants_survive_a_kill(serve: Any) -> None:
    server = serve()
    with httpx.Client(base_url=server.url) as http:
        made = http.post("/assistants", json={"graph_id": "agent", "name": "kept"}).json()
        changed = http.patch(f"/assistants/{made['assistant_id']}", json={"name": "kept still"}).json()
    server.kill()
    with httpx.Client(base_url=serve().url) as http:
        path = f"/assistants/{made['assistant_id']}"
        wait_until(lambda: http.get(path).status_code == 200, description="the assistant is there")
        assert http.get(path).json() == changed
        assert [each["name"] for each in http.post(f"{path}/versions", json={}).json()] == ["kept still", "kept"]
        assert http.post("/assistants/count", json={}).json() == 2
