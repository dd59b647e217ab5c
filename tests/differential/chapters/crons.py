"""Crons: create, read, change, find; what is refused; what a firing makes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from differential.recording import Api

NOBODY = "00000000-0000-7000-8000-000000000000"
YEARLY = "0 0 1 1 *"
MARK = {"chapter": "crons"}
SORTS = ("cron_id", "assistant_id", "thread_id", "next_run_date", "end_time", "created_at", "updated_at")
FULL: dict[str, Any] = {
    "schedule": "30 4 1 6 *",
    "input": {"steps": ["in"], "count": 3},
    "metadata": MARK | {"n": 1, "deep": {"x": 1, "y": 2}},
    "config": {"tags": ["t"], "recursion_limit": 30, "configurable": {"model": "large"}},
    "interrupt_before": ["second"],
    "interrupt_after": "*",
    "multitask_strategy": "reject",
    "enabled": False,
    "timezone": "America/New_York",
    "stream_mode": ["values", "updates"],
    "stream_subgraphs": True,
    "stream_resumable": True,
    "durability": "sync",
}
SCHEDULES = (
    *(
        "@yearly",
        "@DAILY",
        "0 0 * * * 30",
        "0 0 1 6 * 0 2031",
        "0 0 L 1 *",
        "0 0 * 1 5#2",
        "0 0 * JAN MON",
        "5/15 22-2 * * *",
    ),
    *("  0   0  1  1  * ", "*/7 * 1 1 *"),
)
BAD_SCHEDULES = (
    "",
    "* * * *",
    "60 * * * *",
    "@every 5m",
    "@reboot",
    "CRON_TZ=UTC * * * * *",
    "H * * * *",
    "0 0 30 2 *",
    "*/0 * * * *",
    "tomorrow",
)
BAD_FIELDS: dict[str, Any] = {
    "no schedule": {"schedule": ...},
    "no assistant": {"assistant_id": ...},
    "zone unknown": {"timezone": "Mars/Olympus"},
    "zone offset": {"timezone": "+02:00"},
    "zone lower case": {"timezone": "utc"},
    "zone empty": {"timezone": ""},
    "schedule number": {"schedule": 5},
    "input text": {"input": "hello"},
    "metadata list": {"metadata": []},
    "config list": {"config": []},
    "enabled text": {"enabled": "yes"},
    "on_run_completed": {"on_run_completed": "burn"},
    "multitask_strategy": {"multitask_strategy": "wait"},
    "stream_mode": {"stream_mode": "loud"},
    "durability": {"durability": "forever"},
    "webhook empty": {"webhook": ""},
    "webhook scheme": {"webhook": "ftp://example.com/x"},
    "webhook relative": {"webhook": "/x"},
    "end_time text": {"end_time": "someday"},
    "end_time number": {"end_time": 5},
    "interrupt_before": {"interrupt_before": 5},
    "null input": {"input": None},
    "null timezone": {"timezone": None},
    "null metadata": {"metadata": None},
    "context and configurable": {"context": {"model": "a"}, "config": {"configurable": {"model": "b"}}},
    "assistant unknown": {"assistant_id": NOBODY},
    "graph unknown": {"assistant_id": "nowhere"},
    "unknown field": {"colour": "red"},
}
BAD_SEARCHES: dict[str, Any] = {
    "limit 0": {"limit": 0},
    "limit 1001": {"limit": 1001},
    "offset": {"offset": -1},
    "sort_by": {"sort_by": "colour"},
    "sort_order": {"sort_by": "cron_id", "sort_order": "up"},
    "select": {"select": ["colour"]},
    "thread": {"thread_id": "no-uuid"},
    "enabled": {"enabled": "yes"},
    "metadata": {"metadata": 5},
}
BAD_UPDATES: dict[str, Any] = {
    "empty": {},
    "schedule": {"schedule": "never"},
    "zone": {"timezone": "Mars/Olympus"},
    "null schedule": {"schedule": None},
    "null metadata": {"metadata": None},
    "enabled": {"enabled": 5},
    "webhook": {"webhook": "nowhere"},
    "stream_mode": {"stream_mode": "loud"},
    "on_run_completed": {"on_run_completed": "burn"},
    "thread_id": {"thread_id": NOBODY, "enabled": True},
    "assistant_id": {"assistant_id": NOBODY, "enabled": True},
    "list": [],
}


def crons(api: Api) -> None:
    thread = api.quiet.post("/threads", json={"metadata": MARK}).json()["thread_id"]
    _create(api, thread)
    _refuse(api, thread)
    _search(api, thread)
    _change(api)
    _clear(api)


def _create(api: Api, thread: str) -> None:
    client = api.sdk.crons
    api("crons.create", client.create, "typed", schedule=YEARLY, metadata=MARK)
    made = api("crons.create with every field", client.create, "typed", on_run_completed="keep", **FULL)
    api("crons.create_for_thread", client.create_for_thread, thread, "echo", schedule=YEARLY, metadata=MARK)
    api("crons.create_for_thread with every field", client.create_for_thread, thread, "typed", **FULL)
    api("crons.create with context", client.create, "typed", schedule=YEARLY, context={"model": "m"}, metadata=MARK)
    api.http("crons.get", "GET", f"/runs/crons/{made['cron_id']}")
    api.http("crons.get HEAD", "HEAD", f"/runs/crons/{made['cron_id']}")
    body = {"assistant_id": "typed", "schedule": YEARLY, "metadata": MARK}
    for name, more in {
        "input list": {"input": [{"steps": ["a"]}]},
        "on_run_completed on thread": {"on_run_completed": "keep"},
        "checkpoint_during": {"checkpoint_during": False},
        "cron_id": {"config": {"configurable": {"cron_id": "mine", "model": "m"}}},
        "webhook": {"webhook": "https://93.184.215.14/hook"},
    }.items():
        path = f"/threads/{thread}/runs/crons" if "thread" in name else "/runs/crons"
        api.http(f"crons.create {name}", "POST", path, json=body | more)
    for schedule in SCHEDULES:
        api.http(f"crons.create {schedule}", "POST", "/runs/crons", json=body | {"schedule": schedule})


def _refuse(api: Api, thread: str) -> None:
    """What is taken all the same is deleted again at once: some of it would stop the official server's crons."""
    body = {"assistant_id": "typed", "schedule": YEARLY}
    bad = BAD_FIELDS | {f"schedule {schedule}": {"schedule": schedule} for schedule in BAD_SCHEDULES}
    for name, more in bad.items():
        sent = {key: value for key, value in (body | more).items() if value is not ...}
        _drop(api, api.http(f"crons.create bad {name}", "POST", "/runs/crons", json=sent))
    for name, path in {"malformed": "no-uuid", "unknown": NOBODY}.items():
        api.http(f"crons.create_for_thread {name}", "POST", f"/threads/{path}/runs/crons", json=body)
        api.http(f"crons.get {name}", "GET", f"/runs/crons/{path}")
        api(f"crons.delete {name}", api.sdk.crons.delete, path)
        api(f"crons.update {name}", api.sdk.crons.update, path, enabled=False)
    api.http(
        "crons.create_for_thread bad schedule", "POST", f"/threads/{thread}/runs/crons", json=body | {"schedule": "x"}
    )
    api.http("crons.create without body", "POST", "/runs/crons")
    api.http("crons.create of a list", "POST", "/runs/crons", json=[body])


def _search(api: Api, thread: str) -> None:
    client = api.sdk.crons
    api("crons.search", client.search, metadata=MARK)
    api("crons.search thread", client.search, thread_id=thread)
    api("crons.search graph name", client.search, assistant_id="typed", limit=2)
    typed = api.quiet.post("/assistants/search", json={"graph_id": "typed"}).json()[0]["assistant_id"]
    api("crons.search assistant", client.search, assistant_id=typed, limit=2)
    api("crons.search disabled", client.search, enabled=False)
    api("crons.search nested", client.search, metadata={"deep": {"x": 1}})
    api("crons.search page", client.search, metadata=MARK, limit=2, offset=1)
    api("crons.search select", client.search, metadata=MARK, select=["cron_id", "schedule"], limit=2)
    for sort in SORTS:
        api(f"crons.search {sort}", client.search, thread_id=thread, sort_by=sort, sort_order="asc")
    for name, body in BAD_SEARCHES.items():
        api.http(f"crons.search bad {name}", "POST", "/runs/crons/search", json=body)
    api("crons.count", client.count, metadata=MARK)
    api("crons.count thread", client.count, thread_id=thread)
    api("crons.count assistant", client.count, assistant_id=typed)
    api("crons.count nobody", client.count, assistant_id=NOBODY)
    api("crons.count graph name", client.count, assistant_id="typed")


def _change(api: Api) -> None:
    client = api.sdk.crons
    cron = api.quiet.post("/runs/crons", json={"assistant_id": "typed", **FULL}).json()["cron_id"]
    api("crons.update schedule", client.update, cron, schedule="0 12 1 1 *")
    api("crons.update timezone", client.update, cron, timezone="Asia/Kolkata")
    api("crons.update metadata", client.update, cron, metadata={"added": 1, "n": None})
    api("crons.update config", client.update, cron, config={"tags": ["other"]})
    api("crons.update context", client.update, cron, context={"model": "other"})
    api("crons.update input", client.update, cron, input={"steps": ["other"]})
    api("crons.update interrupts", client.update, cron, interrupt_before="*", interrupt_after=["first"])
    api("crons.update streams", client.update, cron, stream_mode="updates", stream_subgraphs=False, durability="exit")
    api("crons.update on_run_completed", client.update, cron, on_run_completed="delete")
    api("crons.update end_time", client.update, cron, end_time=datetime(2031, 1, 2, 3, 4, 5, tzinfo=UTC))
    api("crons.update naive end_time", client.update, cron, end_time=datetime(2031, 1, 2, 3, 4, 5))
    api("crons.update no end_time", client.update, cron, end_time=None)
    for name, body in BAD_UPDATES.items():
        api.http(f"crons.update bad {name}", "PATCH", f"/runs/crons/{cron}", json=body)
    api.http("crons.get after updates", "GET", f"/runs/crons/{cron}")
    api("crons.delete", client.delete, cron)
    api("crons.delete again", client.delete, cron)
    doomed = api.quiet.post("/threads", json={}).json()["thread_id"]
    cron = api.quiet.post(f"/threads/{doomed}/runs/crons", json={"assistant_id": "typed", "schedule": YEARLY}).json()
    api.quiet.delete(f"/threads/{doomed}")
    api.http("crons.get of a deleted thread", "GET", f"/runs/crons/{cron['cron_id']}")


def _clear(api: Api) -> None:
    """No cron of these is left to fire."""
    for cron in api.quiet.post("/runs/crons/search", json={"limit": 1000}).json():
        _drop(api, cron)


def _drop(api: Api, cron: Any) -> None:
    if isinstance(cron, dict) and "cron_id" in cron:
        api.quiet.delete(f"/runs/crons/{cron['cron_id']}")
