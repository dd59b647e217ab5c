"""The long-term store."""

from __future__ import annotations

from typing import Any

from differential.recording import Api

SPACE = ["users", "ada"]
BAD: dict[str, Any] = {
    "no key": {"namespace": SPACE, "value": {}},
    "no value": {"namespace": SPACE, "key": "k"},
    "no namespace": {"key": "k", "value": {}},
    "text value": {"namespace": SPACE, "key": "k", "value": "red"},
    "empty namespace": {"namespace": [], "key": "k", "value": {}},
    "empty label": {"namespace": [""], "key": "k", "value": {}},
    "dotted label": {"namespace": ["a.b"], "key": "k", "value": {}},
    "reserved label": {"namespace": ["langgraph"], "key": "k", "value": {}},
    "number key": {"namespace": SPACE, "key": 5, "value": {}},
    "null index": {"namespace": SPACE, "key": "k", "value": {}, "index": None},
}


def store(api: Api) -> None:
    client = api.sdk.store
    api("store.put_item", client.put_item, SPACE, key="one", value={"n": 1, "deep": {"x": 1}})
    api("store.put_item two", client.put_item, SPACE, key="two", value={"n": 2})
    api("store.put_item elsewhere", client.put_item, ["users", "bob", "notes"], key="three", value={"n": 1})
    api("store.put_item again", client.put_item, SPACE, key="one", value={"n": 10}, index=False)
    api("store.get_item", client.get_item, SPACE, key="one")
    api("store.get_item unknown", client.get_item, SPACE, key="nothing")
    api.http("store.get_item no key", "GET", "/store/items?namespace=users")
    api.http("store.get_item no namespace", "GET", "/store/items?key=one")
    for name, body in BAD.items():
        api.http(f"store.put_item bad {name}", "PUT", "/store/items", json=body)
    _search(api)
    api("store.delete_item", client.delete_item, SPACE, key="one")
    api("store.delete_item again", client.delete_item, SPACE, key="one")
    api.http("store.delete_item nothing", "DELETE", "/store/items", json={})
    api("store.get_item deleted", client.get_item, SPACE, key="one")


def _search(api: Api) -> None:
    client = api.sdk.store
    api("store.search_items", client.search_items, ["users"])
    api("store.search_items filter", client.search_items, SPACE, filter={"n": 2})
    api("store.search_items comparison", client.search_items, SPACE, filter={"n": {"$gt": 5}})
    api("store.search_items page", client.search_items, ["users"], limit=1, offset=1)
    api("store.search_items query", client.search_items, ["users"], query="something")
    api("store.search_items nowhere", client.search_items, ["nowhere"])
    for name, body in {
        "no prefix": {},
        "limit": {"namespace_prefix": [], "limit": "x"},
        "text": {"namespace_prefix": "a"},
    }.items():
        api.http(f"store.search_items bad {name}", "POST", "/store/items/search", json=body)
    api("store.list_namespaces", client.list_namespaces)
    api("store.list_namespaces prefix", client.list_namespaces, prefix=["users", "bob"])
    api("store.list_namespaces suffix", client.list_namespaces, suffix=["ada"])
    api("store.list_namespaces depth", client.list_namespaces, max_depth=1)
    api("store.list_namespaces page", client.list_namespaces, limit=1, offset=1)
    api.http("store.list_namespaces bad", "POST", "/store/namespaces", json={"limit": "x"})
