"""The long-term store: both official SDKs, our own client, and a graph whose node uses it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from langgraph_sdk.client import SyncLangGraphClient

import cronlane
from serving import GRAPHS, ROOT, Served, run

VALUE = {"n": 1, "f": 1.0, "big": 9007199254740993, "z": {"x": [1, 2.5, None, True]}, "u": "é"}


async def test_items_are_put_read_found_and_deleted_with_the_official_sdk(sdk: Any) -> None:
    await sdk.store.put_item(["docs", "ann"], key="first", value=VALUE)
    item = await sdk.store.get_item(["docs", "ann"], key="first")
    assert list(item) == ["namespace", "key", "value", "created_at", "updated_at"]
    assert (item["namespace"], item["key"], item["value"]) == (["docs", "ann"], "first", VALUE)
    assert isinstance(item["value"]["f"], float)
    await sdk.store.put_item(["docs", "ann"], key="second", value={"n": 2}, index=["n"], ttl=60)

    found = await sdk.store.search_items(["docs"], filter={"n": 2})
    assert [each["key"] for each in found["items"]] == ["second"]
    assert found["items"][0]["score"] is None
    found = await sdk.store.search_items(["docs"], limit=1, offset=1, query="words", refresh_ttl=True)
    assert len(found["items"]) == 1
    assert (await sdk.store.list_namespaces(prefix=["docs"], max_depth=1))["namespaces"] == [["docs"]]
    assert (await sdk.store.list_namespaces(suffix=["ann"], limit=10))["namespaces"] == [["docs", "ann"]]

    for key in ("first", "second", "first"):
        await sdk.store.delete_item(["docs", "ann"], key=key)
    assert await sdk.store.get_item(["docs", "ann"], key="first", refresh_ttl=False) is None
    assert (await sdk.store.search_items(["docs"]))["items"] == []


@pytest.mark.parametrize(
    ("method", "path", "body", "text"),
    [
        ("PUT", "/store/items", {"namespace": [], "key": "k", "value": {}}, "Namespace cannot be empty."),
        ("PUT", "/store/items", {"namespace": ["a.b"], "key": "k", "value": {}}, "Namespace label 'a.b'"),
        ("PUT", "/store/items", {"namespace": ["a"], "key": "k", "value": [1]}, "value"),
        ("PUT", "/store/items", {"namespace": ["a"], "key": "k"}, "value"),
        ("PUT", "/store/items", {"namespace": ["a"], "value": {}}, "key"),
        ("PUT", "/store/items", {"namespace": ["a"], "key": "k", "value": {}, "ttl": "x"}, "ttl"),
        ("GET", "/store/items?namespace=a..b&key=k", None, "Namespace label ''"),
        ("GET", "/store/items?key=k", None, "Namespace cannot be empty."),
        ("GET", "/store/items?namespace=a", None, "key"),
        ("DELETE", "/store/items", {"namespace": ["a"]}, "key"),
        ("DELETE", "/store/items", None, "Invalid JSON in request body"),
        ("POST", "/store/items/search", {"limit": "x"}, "limit"),
        ("POST", "/store/items/search", {"filter": {"n": {"$bad": 1}}}, "$bad"),
        ("POST", "/store/namespaces", {"max_depth": 0}, "max_depth"),
    ],
)
def test_what_is_wrong_is_named(served: Served, method: str, path: str, body: Any, text: str) -> None:
    answer = httpx.request(method, served.url + path, json=body)
    assert answer.status_code == 422
    assert text in answer.json()["detail"]


def test_nulls_of_the_sdks_are_what_they_leave_out(served: Served) -> None:
    item = {"namespace": ["nulls"], "key": "k", "value": {}, "index": None, "ttl": None}
    assert httpx.put(f"{served.url}/store/items", json=item).status_code == 204
    query = {"namespace_prefix": None, "filter": None, "query": None, "refresh_ttl": None}
    assert httpx.post(f"{served.url}/store/items/search", json=query).status_code == 200


def test_a_node_and_the_api_share_the_store(client: SyncLangGraphClient) -> None:
    client.store.put_item(["notes"], key="from the api", value={})
    for note in ("one", "two"):
        values = client.runs.wait(None, "remembering", input={"note": note})
    assert values["notes"] == ["from the api", "one", "two"]
    item = client.store.get_item(["notes"], key="two")
    assert item is not None
    assert item["value"] == {"text": "two"}


def test_the_javascript_sdk_uses_the_store(served: Served) -> None:
    assert run("node", ROOT / "tests" / "js" / "store.mjs", CRONLANE_URL=served.url) == "store: ok\n"


async def test_our_own_client_speaks_the_sdks_calls(served: Served) -> None:
    async with cronlane.get_client(served.grpc) as client:
        await client.store.put_item(["grpc"], "k", VALUE, index=False, ttl=1.5)
        item = await client.store.get_item(["grpc"], "k")
        assert item is not None
        assert (item["namespace"], item["value"]) == (["grpc"], VALUE)
        found = await client.store.search_items(["grpc"], {"n": 1}, refresh_ttl=False)
        assert [each["key"] for each in found["items"]] == ["k"]
        assert await client.store.list_namespaces(["grpc"], ["grpc"], 1) == {"namespaces": [["grpc"]]}
        await client.store.delete_item(["grpc"], "k")
        assert await client.store.get_item(["grpc"], "k") is None
        with pytest.raises(cronlane.InvalidRequest, match="Namespace label"):
            await client.store.put_item(["a.b"], "k", {})
    with cronlane.get_sync_client(served.grpc) as client:
        client.store.put_item(["grpc"], "k", {})
        assert client.store.search_items(["grpc"])["items"][0]["key"] == "k"
        client.store.delete_item(["grpc"], "k")


def test_items_are_there_after_a_kill(serve: Callable[..., Served]) -> None:
    server = serve("--config", str(GRAPHS))
    item = {"namespace": ["kept"], "key": "k", "value": VALUE}
    assert httpx.put(f"{server.url}/store/items", json=item).status_code == 204
    server.kill()
    again = serve("--config", str(GRAPHS))
    assert httpx.get(f"{again.url}/store/items?namespace=kept&key=k").json()["value"] == VALUE
