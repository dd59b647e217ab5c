"""NUL, the one character that PostgreSQL keeps in no text: kept, or refused by name, or the readable end of one run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from official import YEARLY
from serving import GRAPHS, Served

NUL = "a\0b"
ITEM = {"namespace": ["a"], "key": "k", "value": {}}


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def http(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """Of a server on each engine."""
    options = ("--config", str(GRAPHS))
    if request.param == "postgresql":
        made = request.getfixturevalue("postgres_databases")
        with made.lent() as url:
            yield from _client(Served(tmp_path_factory.mktemp("nul"), *options, "--database", url))
    else:
        yield from _client(Served(tmp_path_factory.mktemp("nul"), *options))


def _client(server: Served) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, timeout=20) as http:
        yield http
    assert server.stop() == 0


@pytest.mark.parametrize(
    ("verb", "path", "body", "field"),
    [
        ("POST", "/assistants", {"graph_id": "agent", "name": NUL}, "name"),
        ("POST", "/assistants", {"graph_id": "agent", "description": NUL}, "description"),
        ("POST", "/runs/crons", {"assistant_id": "agent", "schedule": YEARLY, "note": NUL}, "note"),
        ("PUT", "/store/items", {**ITEM, "key": NUL}, "key"),
        ("PUT", "/store/items", {**ITEM, "value": {"a": [NUL]}}, "value"),
        ("PUT", "/store/items", {**ITEM, "value": {NUL: 1}}, "value"),
        ("DELETE", "/store/items", {"namespace": ["a"], "key": NUL}, "key"),
        ("GET", "/store/items?namespace=a&key=a%00b", None, "key"),
        ("POST", "/store/items/search", {"namespace_prefix": ["a"], "filter": {"a": NUL}}, "filter"),
    ],
)
def test_a_text_that_could_not_be_kept_is_refused_by_its_name(
    http: httpx.Client, verb: str, path: str, body: Any, field: str
) -> None:
    reply = http.request(verb, path, json=body)
    assert (reply.status_code, reply.json()["detail"]) == (422, f"{field}: must not hold NUL")


def test_a_change_to_such_a_text_is_refused_too(http: httpx.Client) -> None:
    made = http.post("/assistants", json={"graph_id": "agent", "name": "good"}).json()["assistant_id"]
    assert http.patch(f"/assistants/{made}", json={"name": NUL}).status_code == 422
    assert http.get(f"/assistants/{made}").json()["name"] == "good"
    cron = http.post("/runs/crons", json={"assistant_id": "agent", "schedule": YEARLY}).json()["cron_id"]
    assert http.patch(f"/runs/crons/{cron}", json={"note": NUL}).status_code == 422


def test_a_place_in_the_history_that_cannot_be_is_refused(http: httpx.Client) -> None:
    thread = http.post("/threads", json={}).json()["thread_id"]
    assert http.post(f"/threads/{thread}/runs/wait", json={"assistant_id": "agent"}).status_code == 200
    reply = http.post(f"/threads/{thread}/history", json={"checkpoint": {"checkpoint_ns": NUL}})
    assert (reply.status_code, reply.json()["detail"]) == (422, "checkpoint.checkpoint_ns: must not hold NUL")


def test_json_keeps_it_and_is_found_by_it(http: httpx.Client) -> None:
    metadata = {"k": NUL, NUL: {"in": [NUL]}}
    thread = http.post("/threads", json={"metadata": metadata}).json()
    assert thread["metadata"] == metadata
    found = http.post("/threads/search", json={"metadata": {"k": NUL}}).json()
    assert [each["thread_id"] for each in found] == [thread["thread_id"]]
    cron = {"assistant_id": "agent", "schedule": YEARLY, "input": metadata, "metadata": metadata}
    made = http.post("/runs/crons", json=cron).json()["cron_id"]
    stored = http.get(f"/runs/crons/{made}").json()
    assert (stored["metadata"], stored["payload"]["input"]) == (metadata, metadata)


@pytest.mark.parametrize(
    "given",
    [
        {"input": {"text": NUL}},
        {"input": {"messages": [["user", NUL]]}},
        {"input": {}, "metadata": {NUL: 1}},
        {"input": {}, "config": {"configurable": {NUL: 1}}},
        {"command": {"goto": NUL}},
    ],
)
def test_a_run_with_it_works_or_ends_readably_and_the_next_one_works(http: httpx.Client, given: Any) -> None:
    thread = http.post("/threads", json={}).json()["thread_id"]
    run = http.post(f"/threads/{thread}/runs", json={"assistant_id": "in_two_steps", **given}).json()["run_id"]
    http.get(f"/threads/{thread}/runs/{run}/join")
    found = http.get(f"/threads/{thread}").json()
    if http.get(f"/threads/{thread}/runs/{run}").json()["status"] == "error":
        assert found["error"] == {
            "error": "UnkeptText",
            "message": "the state holds a NUL character (\\u0000), which PostgreSQL cannot keep",
        }
    else:
        assert found["error"] is None
    done = http.post(f"/threads/{thread}/runs/wait", json={"assistant_id": "agent", "input": {"messages": []}})
    assert done.status_code == 200
    assert http.get(f"/threads/{thread}").json()["status"] == "idle"
