"""Threads: create, read, change, find, copy, prune."""

from __future__ import annotations

from typing import Any

from differential.recording import Api

NOBODY = "00000000-0000-7000-8000-000000000000"
MINE = "11111111-1111-4111-8111-111111111111"
MARK = {"chapter": "threads"}
SORTS = ("thread_id", "status", "created_at", "updated_at", "state_updated_at")
BAD_CREATES: dict[str, Any] = {
    "malformed_id": {"thread_id": "no-uuid"},
    "number_as_id": {"thread_id": 5},
    "null_id": {"thread_id": None},
    "metadata_list": {"metadata": []},
    "metadata_null": {"metadata": None},
    "if_exists": {"if_exists": "replace"},
    "ttl": {"ttl": "soon"},
    "unknown_field": {"colour": "red"},
    "supersteps": {"supersteps": {}},
}
BAD_SEARCHES: dict[str, Any] = {
    "limit_0": {"limit": 0},
    "limit_1001": {"limit": 1001},
    "limit_text": {"limit": "many"},
    "offset_negative": {"offset": -1},
    "status": {"status": "sleeping"},
    "sort_by": {"sort_by": "colour"},
    "sort_order": {"sort_by": "status", "sort_order": "sideways"},
    "select": {"select": ["colour"]},
    "ids": {"ids": ["no-uuid"]},
    "metadata": {"metadata": []},
    "null": {"metadata": None},
}


def threads(api: Api) -> None:
    _create(api)
    _read_and_change(api)
    _search(api)
    _copy_and_prune(api)
    _streams(api)


def _create(api: Api) -> None:
    client = api.sdk.threads
    api("threads.create", client.create, metadata=MARK | {"n": 1, "deep": {"x": 1, "y": 2}, "none": None})
    api("threads.create with id", client.create, thread_id=MINE, metadata=MARK | {"n": 2})
    api("threads.create with id again", client.create, thread_id=MINE)
    api("threads.create with id do_nothing", client.create, thread_id=MINE, if_exists="do_nothing", metadata={"n": 9})
    api("threads.create with ttl", client.create, ttl=60, metadata=MARK | {"n": "3"})
    api("threads.create with graph", client.create, graph_id="echo", metadata=MARK | {"n": [1, 2]})
    steps = [
        {"updates": [{"values": {"steps": ["a"]}, "as_node": "__input__"}]},
        {"updates": [{"values": {"steps": ["b"]}, "as_node": "first"}]},
    ]
    made = api("threads.create with supersteps", client.create, graph_id="typed", supersteps=steps, metadata=MARK)
    if made:
        api("threads.get_history of supersteps", client.get_history, made["thread_id"])
    for name, body in BAD_CREATES.items():
        api.http(f"threads.create bad {name}", "POST", "/threads", json=body)
    api.http("threads.create without body", "POST", "/threads")
    api.http("threads.create of a list", "POST", "/threads", json=[])
    api.http("threads.create of no JSON", "POST", "/threads", content="{", headers={"content-type": "application/json"})
    api.http("threads.create as text", "POST", "/threads", content="{}", headers={"content-type": "text/plain"})


def _read_and_change(api: Api) -> None:
    client = api.sdk.threads
    api("threads.get", client.get, MINE)
    api("threads.get with ttl", client.get, MINE, include=["ttl"])
    api("threads.get in upper case", client.get, MINE.upper())
    api("threads.get without dashes", client.get, MINE.replace("-", ""))
    api("threads.get unknown", client.get, NOBODY)
    api("threads.get malformed", client.get, "no-uuid")
    api.http("threads.get HEAD", "HEAD", f"/threads/{MINE}")
    api("threads.update", client.update, MINE, metadata={"added": {"a": 1}, "n": None})
    api("threads.update minimal", client.update, MINE, metadata={"more": True}, return_minimal=True)
    api("threads.update ttl", client.update, MINE, metadata={}, ttl=10)
    api("threads.update unknown", client.update, NOBODY, metadata={})
    api("threads.update malformed", client.update, "no-uuid", metadata={})
    api.http("threads.update nothing", "PATCH", f"/threads/{MINE}", json={})
    api.http("threads.update null", "PATCH", f"/threads/{MINE}", json={"metadata": None})
    api.http("threads.update wrong type", "PATCH", f"/threads/{MINE}", json={"metadata": "red"})
    api("threads.get after updates", client.get, MINE)
    gone = api.quiet.post("/threads", json={}).json()["thread_id"]
    api("threads.delete", client.delete, gone)
    api("threads.delete again", client.delete, gone)
    api("threads.delete malformed", client.delete, "no-uuid")


def _search(api: Api) -> None:
    client = api.sdk.threads
    api("threads.search", client.search, metadata=MARK)
    for name, wanted in {
        "number": {"n": 1},
        "text": {"n": "3"},
        "list": {"n": [1, 2]},
        "part of list": {"n": [1]},
        "nested": {"deep": {"x": 1}},
        "null": {"none": None},
        "missing": {"nowhere": None},
    }.items():
        api(f"threads.search metadata {name}", client.search, metadata=MARK | wanted)
        api(f"threads.count metadata {name}", client.count, metadata=MARK | wanted)
    api("threads.search ids", client.search, ids=[MINE, NOBODY])
    api("threads.search no ids", client.search, ids=[], metadata=MARK)
    api("threads.search status", client.search, status="idle", metadata=MARK)
    api("threads.search status busy", client.search, status="busy", metadata=MARK)
    for sort in SORTS:
        for order in ("asc", "desc"):
            shown: Any = ["status"] if sort == "status" else ["thread_id", sort]
            api(
                f"threads.search {sort} {order}",
                client.search,
                metadata=MARK,
                sort_by=sort,
                sort_order=order,
                select=shown,
            )
    api("threads.search order alone", client.search, metadata=MARK, sort_order="asc")
    api("threads.search page", client.search, metadata=MARK, limit=2, offset=1)
    api("threads.search last page", client.search, metadata=MARK, limit=2, offset=100)
    api("threads.search select", client.search, metadata=MARK, select=["thread_id", "metadata"])
    api("threads.search select none", client.search, metadata=MARK, select=[])
    extract = {"n": "metadata.n", "x": "metadata.deep.x"}
    api("threads.search extract", client.search, metadata=MARK, extract=extract)
    for name, body in BAD_SEARCHES.items():
        api.http(f"threads.search bad {name}", "POST", "/threads/search", json=body)
    api("threads.count", client.count, metadata=MARK)
    api("threads.count status", client.count, status="idle", metadata=MARK)
    api.http("threads.count bad status", "POST", "/threads/count", json={"status": "sleeping"})


def _copy_and_prune(api: Api) -> None:
    client = api.sdk.threads
    made = api.quiet.post("/threads", json={"metadata": {"chapter": "copies"}}).json()["thread_id"]
    api.quiet.post(f"/threads/{made}/runs/wait", json={"assistant_id": "typed", "input": {"steps": ["in"]}})
    api.settled(made)
    api("threads.search values", client.search, values={"count": 1}, metadata={"chapter": "copies"})
    copied = api("threads.copy", client.copy, made)
    if copied:
        api("threads.get copy", client.get, copied["thread_id"])
        api("threads.get_state of copy", client.get_state, copied["thread_id"])
        api("threads.get_history of copy", client.get_history, copied["thread_id"])
        api("runs.list of copy", api.sdk.runs.list, copied["thread_id"])
    api("threads.copy unknown", client.copy, NOBODY)
    api("threads.copy malformed", client.copy, "no-uuid")
    api("threads.prune keep_latest", client.prune, [made], strategy="keep_latest")
    api("threads.get_history after keep_latest", client.get_history, made)
    api("threads.prune", client.prune, [made, NOBODY])
    api("threads.get after prune", client.get, made)
    api("threads.prune malformed", client.prune, ["no-uuid"])
    api.http("threads.prune without ids", "POST", "/threads/prune", json={})
    api.http("threads.prune none", "POST", "/threads/prune", json={"thread_ids": []})
    api.http("threads.prune strategy", "POST", "/threads/prune", json={"thread_ids": [MINE], "strategy": "burn"})


def _streams(api: Api) -> None:
    for name, thread in {"unknown": NOBODY, "malformed": "no-uuid"}.items():
        api.events(f"threads.join_stream {name}", f"/threads/{thread}/stream", lambda events: True)
    api.http("threads PUT", "PUT", f"/threads/{MINE}", json={})
    api.http("threads GET of all", "GET", "/threads")
    api.http("threads slash", "POST", "/threads/search/", json={})
