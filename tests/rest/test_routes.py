"""Paths, verbs and headers."""

from __future__ import annotations

import grpc.aio
import httpx
import pytest

from client.stored_service import StoredService
from cronlane.rest.app import build_app
from cronlane.rest.openapi import document
from cronlane.rest.routes import table

ORIGIN = {"origin": "https://smith.example"}


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/threads", "POST"),
        ("/runs/crons", "POST"),
        ("/runs/crons/search", "POST"),
        ("/threads/search", "POST"),
        ("/assistants/search", "POST"),
        ("/threads/t/runs/wait", "POST"),
    ],
)
async def test_another_verb_is_405_and_told_the_right_one(http: httpx.AsyncClient, path: str, allowed: str) -> None:
    answer = await http.get(path)
    assert (answer.status_code, answer.headers["allow"]) == (405, allowed)
    assert answer.json() == {"detail": "Method Not Allowed"}


async def test_one_path_answers_all_its_verbs(http: httpx.AsyncClient) -> None:
    assert (await http.put("/threads/t")).headers["allow"] == "DELETE, GET, HEAD, PATCH"
    assert (await http.options("/runs/crons/c")).headers["allow"] == "DELETE, GET, HEAD, PATCH"
    assert (await http.put("/threads/t/runs")).headers["allow"] == "GET, HEAD, POST"


@pytest.mark.parametrize("path", ["/nowhere", "/threads/t/nowhere", "/store/nowhere", "/runs/crons/a/b"])
async def test_an_unknown_path_is_404(http: httpx.AsyncClient, path: str) -> None:
    answer = await http.get(path)
    assert (answer.status_code, answer.json()) == (404, {"detail": "Not Found"})


async def test_a_trailing_slash_redirects(http: httpx.AsyncClient) -> None:
    answer = await http.post("/threads/", json={})
    assert answer.status_code == 307
    assert answer.headers["location"].endswith("/threads")


async def test_a_redirect_stays_under_the_address_that_a_proxy_answers_at(http: httpx.AsyncClient) -> None:
    answer = await http.post("/threads/", json={}, headers={"host": "cron.example", "x-forwarded-proto": "https"})
    assert answer.headers["location"] == "https://cron.example/threads"


async def test_head_works_where_get_does(http: httpx.AsyncClient, service: StoredService) -> None:
    await http.post("/threads", json={"thread_id": "t"})
    answer = await http.head("/threads/t")
    assert (answer.status_code, answer.content) == (200, b"")
    assert (await http.head("/threads/u")).status_code == 404
    assert (await http.head("/threads")).status_code == 405


def test_fixed_segments_come_before_variable_ones() -> None:
    order = list(table())
    assert order.index("/runs/crons/search") < order.index("/runs/crons/{v0}")
    assert order.index("/threads/search") < order.index("/threads/{v0}")
    assert order.index("/threads/{v0}/runs/crons") < order.index("/threads/{v0}/runs/{v1}")
    assert order.index("/threads/{v0}/runs/wait") < order.index("/threads/{v0}/runs/{v1}")


async def test_a_search_tells_of_the_other_pages_in_headers(http: httpx.AsyncClient) -> None:
    for _ in range(3):
        await http.post("/threads", json={})
    first = await http.post("/threads/search", json={"limit": 2, "offset": 0})
    assert len(first.json()) == 2
    assert (first.headers["x-pagination-total"], first.headers["x-pagination-next"]) == ("3", "2")
    last = await http.post("/threads/search", json={"limit": 2, "offset": 2})
    assert last.headers["x-pagination-total"] == "3"
    assert "x-pagination-next" not in last.headers
    assert (await http.post("/threads/count", json={})).text == "3"


async def test_only_the_selected_members_are_answered(http: httpx.AsyncClient, service: StoredService) -> None:
    await http.post("/threads", json={})
    answer = await http.post("/threads/search", json={"limit": 1, "select": ["status", "values", "context"]})
    assert answer.json() == [{"status": "idle", "values": None}]
    assert list(service.seen[-1].select) == []
    refused = await http.post("/threads/search", json={"limit": 1, "select": ["etag"]})
    assert refused.status_code == 422
    assert refused.json()["detail"].startswith("select: 'etag' is none of thread_id, ")


async def test_deleting_answers_204_with_nothing(http: httpx.AsyncClient) -> None:
    await http.post("/threads", json={"thread_id": "t"})
    answer = await http.delete("/threads/t")
    assert (answer.status_code, answer.content) == (204, b"")


async def test_whoever_prefers_a_minimal_answer_gets_none(http: httpx.AsyncClient) -> None:
    await http.post("/threads", json={"thread_id": "t"})
    headers = {"prefer": "respond-async, Return=Minimal"}
    answer = await http.patch("/threads/t", json={"metadata": {"a": 1}}, headers=headers)
    assert (answer.status_code, answer.content) == (204, b"")
    assert (await http.get("/threads/t")).json()["metadata"] == {"a": 1}


async def test_a_new_run_says_where_it_is(http: httpx.AsyncClient) -> None:
    answer = await http.post("/threads/t/runs", json={"assistant_id": "agent"})
    assert answer.headers["content-location"] == f"/threads/t/runs/{answer.json()['run_id']}"
    assert "location" not in answer.headers
    answer = await http.post("/runs", json={"assistant_id": "agent"})
    assert answer.headers["content-location"] == f"/runs/{answer.json()['run_id']}"


async def test_any_origin_may_call_also_into_a_private_network(http: httpx.AsyncClient) -> None:
    asked = {
        **ORIGIN,
        "access-control-request-method": "PATCH",
        "access-control-request-headers": "x-api-key,content-type",
        "access-control-request-private-network": "true",
    }
    preflight = await http.options("/threads/t", headers=asked)
    assert preflight.status_code == 200
    assert preflight.headers["access-control-allow-origin"] == "*"
    assert preflight.headers["access-control-allow-private-network"] == "true"
    assert preflight.headers["access-control-allow-headers"] == "x-api-key,content-type"
    assert preflight.headers["access-control-allow-methods"] == "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT"
    answer = await http.get("/threads/t", headers=ORIGIN)
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["access-control-expose-headers"] == (
        "x-pagination-total, x-pagination-next, content-location"
    )


async def test_the_system_routes_answer(http: httpx.AsyncClient) -> None:
    assert (await http.get("/ok?check_db=1")).json() == {"ok": True, "services": {}}
    assert (await http.get("/")).json() == {"ok": True, "services": {}}
    info = (await http.get("/info")).json()
    assert (info["version"], info["langgraph_py_version"]) == ("1.2.3", "1.2.22")
    assert info["flags"] == {"assistants": True, "crons": True, "langsmith": False}
    assert info["host"]["kind"] == "self-hosted"
    page = await http.get("/docs")
    assert page.headers["content-type"].startswith("text/html")
    assert "/threads/{cron.thread_id}/runs/crons" in page.text
    assert "http://" not in page.text
    assert "https://" not in page.text


async def test_the_description_has_every_route_and_what_can_go_wrong(http: httpx.AsyncClient) -> None:
    described = (await http.get("/openapi.json")).json()
    assert described["openapi"] == "3.1.0"
    operations = [operation for verbs in described["paths"].values() for operation in verbs.values()]
    assert len(operations) == sum(len(verbs) for verbs in table().values())
    assert len({operation["operationId"] for operation in operations}) == len(operations)
    assert all({"404", "422"} <= operation["responses"].keys() for operation in operations)
    created = described["paths"]["/threads/{thread_id}/runs/crons"]["post"]
    assert [each["name"] for each in created["parameters"] if each["in"] == "path"] == ["thread_id"]
    body = created["requestBody"]["content"]["application/json"]["schema"]
    assert body["required"] == ["assistant_id"]  # and one of schedule, at, every
    assert {"schedule", "at", "every"} <= body["properties"].keys()
    assert body["properties"]["on_run_completed"] == {"type": "string", "enum": ["delete", "keep"]}
    assert not {"thread_id", "etag", "extra", "cron_id"} & body["properties"].keys()
    cron = described["components"]["schemas"]["Cron"]["properties"]
    assert len(cron) == 14
    text = str(described)
    for reference in {part.split("'")[0] for part in text.split("#/components/schemas/")[1:]}:
        assert reference in described["components"]["schemas"]


def test_what_graphs_answer_is_described() -> None:
    paths = document("1.2.3")["paths"]
    (xray,) = [each for each in paths["/assistants/{assistant_id}/graph"]["get"]["parameters"] if each["in"] == "query"]
    assert [each["type"] for each in xray["schema"]["anyOf"]] == ["boolean", "integer"]
    for path in ("/assistants/{assistant_id}/subgraphs", "/assistants/{assistant_id}/subgraphs/{namespace}"):
        operation = paths[path]["get"]
        assert [each["name"] for each in operation["parameters"] if each["in"] == "query"] == ["recurse"]
        answered = operation["responses"]["200"]["content"]["application/json"]["schema"]
        assert answered["additionalProperties"] == {"$ref": "#/components/schemas/Subgraph"}
    versions = paths["/assistants/{assistant_id}/versions"]["post"]
    assert versions["responses"]["200"]["content"]["application/json"]["schema"]["type"] == "array"
    assert "204" in paths["/assistants/{assistant_id}"]["delete"]["responses"]


async def test_ok_says_when_the_database_is_away_to_who_asks_for_it() -> None:
    async with grpc.aio.insecure_channel("127.0.0.1:1") as channel:
        app = build_app(channel, version="1.2.3", max_body=1, ready=lambda: False)
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://here") as http:
            away = await http.get("/ok?check_db=1")
            assert (away.status_code, away.headers["retry-after"]) == (503, "1")
            assert away.json() == {"detail": "The database is unavailable"}
            assert (await http.get("/ok")).status_code == 200
