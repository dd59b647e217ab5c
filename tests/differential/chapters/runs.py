"""Runs: create, wait, read, cancel, delete, and what is refused."""

from __future__ import annotations

from typing import Any

from differential.recording import Api

NOBODY = "00000000-0000-7000-8000-000000000000"
QUESTION = {"messages": [{"role": "user", "content": "hello", "id": "question"}]}
STEPS = {"steps": ["in"]}
BAD: dict[str, Any] = {
    "no assistant": {"assistant_id": ...},
    "graph unknown": {"assistant_id": "nowhere"},
    "assistant unknown": {"assistant_id": NOBODY},
    "stream_mode": {"stream_mode": "loud"},
    "multitask_strategy": {"multitask_strategy": "wait"},
    "if_not_exists": {"if_not_exists": "maybe"},
    "durability": {"durability": "forever"},
    "metadata": {"metadata": []},
    "config": {"config": 5},
    "webhook": {"webhook": "nowhere"},
    "after_seconds": {"after_seconds": "soon"},
    "command": {"command": "go"},
    "interrupt_before": {"interrupt_before": 5},
    "interrupt_before nobody": {"interrupt_before": ["nobody"]},
    "null metadata": {"metadata": None},
    "context and configurable": {"context": {"model": "a"}, "config": {"configurable": {"model": "b"}}},
    "unknown field": {"colour": "red"},
}


def runs(api: Api) -> None:
    _on_a_thread(api)
    _with_options(api)
    _stateless(api)
    _refused(api)
    _cancelled(api)
    _strategies(api)


def _thread(api: Api, **body: Any) -> str:
    return str(api.quiet.post("/threads", json=body).json()["thread_id"])


def _on_a_thread(api: Api) -> None:
    thread, client = _thread(api, metadata={"of": "thread"}), api.sdk.runs
    run = api("runs.create", client.create, thread, "echo", input=QUESTION, metadata={"of": "run"})
    api("runs.join", client.join, thread, run["run_id"])
    api.settled(thread)
    api("runs.get", client.get, thread, run["run_id"])
    api("threads.get after a run", api.sdk.threads.get, thread)
    api("threads.get_state after a run", api.sdk.threads.get_state, thread)
    api("runs.wait", client.wait, thread, "echo", input=QUESTION)
    api.settled(thread)
    api("runs.list", client.list, thread)
    api("runs.list limit", client.list, thread, limit=1, offset=1)
    api("runs.list status", client.list, thread, status="success")
    api("runs.list status error", client.list, thread, status="error")
    api("runs.list select", client.list, thread, select=["run_id", "status"])
    for name, query in {
        "status": "status=odd",
        "limit": "limit=many",
        "select": "select=colour",
        "zero": "limit=0",
    }.items():
        api.http(f"runs.list bad {name}", "GET", f"/threads/{thread}/runs?{query}")
    api("runs.list unknown thread", client.list, NOBODY)
    for name, other in {"unknown": NOBODY, "malformed": "no-uuid"}.items():
        api(f"runs.get {name}", client.get, thread, other)
        api(f"runs.join {name}", client.join, thread, other)
        api(f"runs.cancel {name}", client.cancel, thread, other)
        api(f"runs.delete {name}", client.delete, thread, other)
    api("runs.get on another thread", client.get, _thread(api), run["run_id"])
    api("runs.cancel finished", client.cancel, thread, run["run_id"])
    api("runs.delete", client.delete, thread, run["run_id"])
    api("runs.get deleted", client.get, thread, run["run_id"])
    api("runs.join_stream finished", client.join_stream, thread, client.list(thread)[0]["run_id"])


def _with_options(api: Api) -> None:
    client = api.sdk.runs
    config = {"tags": ["t"], "recursion_limit": 30, "configurable": {"model": "large"}}
    thread = _thread(api)
    run = api("runs.create config", client.create, thread, "typed", input=STEPS, config=config, durability="sync")
    api.settled(thread)
    api("runs.get config", client.get, thread, run["run_id"])
    api("threads.get config", api.sdk.threads.get, thread)
    api("threads.get_history config", api.sdk.threads.get_history, thread)
    api("runs.wait context", client.wait, thread, "typed", input=STEPS, context={"model": "large"})
    api(
        "runs.wait recursion",
        client.wait,
        thread,
        "typed",
        input=STEPS,
        config={"recursion_limit": 1},
        raise_error=False,
    )
    api("runs.wait if_not_exists reject", client.wait, NOBODY, "typed", input=STEPS)
    fresh = "22222222-2222-4222-8222-222222222222"
    api("runs.wait if_not_exists create", client.wait, fresh, "typed", input=STEPS, if_not_exists="create")
    api.settled(fresh)
    api("threads.get if_not_exists create", api.sdk.threads.get, fresh)
    late = _thread(api)
    run = api("runs.create after_seconds", client.create, late, "typed", input=STEPS, after_seconds=1000)
    api("threads.get after_seconds", api.sdk.threads.get, late)
    api("runs.create after negative seconds", client.create, _thread(api), "typed", input=STEPS, after_seconds=-1)
    api("runs.cancel pending", client.cancel, late, run["run_id"])
    api("runs.get cancelled pending", client.get, late, run["run_id"])
    api("threads.get cancelled pending", api.sdk.threads.get, late)
    api("runs.wait no input", client.wait, _thread(api), "typed", raise_error=False)
    api("runs.wait null input", client.wait, _thread(api), "typed", input=None, raise_error=False)
    failed = _thread(api)
    api("runs.wait failing", client.wait, failed, "failing", input={"text": "on purpose"}, raise_error=False)
    api.settled(failed)
    api("threads.get failing", api.sdk.threads.get, failed)
    api("threads.get_state failing", api.sdk.threads.get_state, failed)
    run = client.list(failed)[0]
    api("runs.join failing", client.join, failed, run["run_id"])


def _stateless(api: Api) -> None:
    client = api.sdk.runs
    api("runs.create stateless", client.create, None, "typed", input=STEPS)
    api("runs.wait stateless", client.wait, None, "echo", input=QUESTION)
    api("runs.wait stateless failing", client.wait, None, "failing", input={}, raise_error=False)
    api(
        "runs.wait stateless keep",
        client.wait,
        None,
        "typed",
        input=STEPS,
        on_completion="keep",
        metadata={"of": "kept"},
    )
    found = api("threads.search kept", api.sdk.threads.search, metadata={"of": "kept"})
    if found:
        api("runs.list kept", client.list, found[0]["thread_id"])
    batch = [{"assistant_id": "typed", "input": STEPS}, {"assistant_id": "echo", "input": QUESTION}]
    api("runs.create_batch", client.create_batch, batch)
    api.http("runs.create_batch of none", "POST", "/runs/batch", json=[])
    api.http("runs.create_batch of an object", "POST", "/runs/batch", json={})
    api.http("runs.create_batch bad", "POST", "/runs/batch", json=[{"assistant_id": "nowhere"}])
    api.http(
        "runs.create stateless on_completion", "POST", "/runs", json={"assistant_id": "typed", "on_completion": "burn"}
    )


def _refused(api: Api) -> None:
    thread = _thread(api)
    for name, more in BAD.items():
        body = {"assistant_id": "typed", "input": STEPS} | more
        sent = {key: value for key, value in body.items() if value is not ...}
        api.http(f"runs.create bad {name}", "POST", f"/threads/{thread}/runs", json=sent)
        api.settled(thread)
    api.http("runs.create without body", "POST", f"/threads/{thread}/runs")
    api.http("runs.create malformed thread", "POST", "/threads/no-uuid/runs", json={"assistant_id": "typed"})
    api.http("runs.create unknown thread", "POST", f"/threads/{NOBODY}/runs", json={"assistant_id": "typed"})
    api.http("runs.stream graph unknown", "POST", "/runs/stream", json={"assistant_id": "nowhere"})
    api.http("runs.wait graph unknown", "POST", "/runs/wait", json={"assistant_id": "nowhere"})


def _cancelled(api: Api) -> None:
    client = api.sdk.runs
    thread = _thread(api)
    run = _hold(api, thread)
    api("runs.get running", client.get, thread, run)
    api("threads.get busy", api.sdk.threads.get, thread)
    api("runs.cancel", client.cancel, thread, run)
    api.settled(thread)
    api("runs.get cancelled", client.get, thread, run)
    api("threads.get cancelled", api.sdk.threads.get, thread)
    api("threads.get_state cancelled", api.sdk.threads.get_state, thread)
    run = _hold(api, thread)
    api("runs.cancel wait", client.cancel, thread, run, wait=True)
    run = _hold(api, thread)
    api("runs.cancel rollback", client.cancel, thread, run, wait=True, action="rollback")
    api("runs.get rolled back", client.get, thread, run)
    api("threads.get rolled back", api.sdk.threads.get, thread)
    run = _hold(api, thread)
    api("runs.cancel_many", client.cancel_many, thread_id=thread, run_ids=[run])
    api.settled(thread)
    api("runs.cancel_many unknown", client.cancel_many, thread_id=thread, run_ids=[NOBODY])
    for name, body in {
        "nothing": {},
        "status": {"status": "odd"},
        "both": {"status": "all", "thread_id": thread},
    }.items():
        api.http(f"runs.cancel_many bad {name}", "POST", "/runs/cancel", json=body)
    run = _hold(api, thread)
    api("runs.delete running", client.delete, thread, run)
    api("runs.get deleted running", client.get, thread, run)
    doomed = _thread(api)
    run = _hold(api, doomed)
    api("threads.delete busy", api.sdk.threads.delete, doomed)
    api("runs.get of a deleted thread", client.get, doomed, run)


def _hold(api: Api, thread: str) -> str:
    """A run that is under way and does not end."""
    body = {"assistant_id": "holding", "input": {"hold": True}}
    run = str(api.quiet.post(f"/threads/{thread}/runs", json=body).json()["run_id"])
    api.begun(thread, run)
    return run


def _strategies(api: Api) -> None:
    client = api.sdk.runs
    for strategy in ("reject", "enqueue", "interrupt", "rollback"):
        thread = _thread(api)
        first = _hold(api, thread)
        second = api(
            f"runs.create {strategy}",
            client.create,
            thread,
            "holding",
            input={"hold": False},
            multitask_strategy=strategy,
        )
        if strategy in ("reject", "enqueue"):
            api(f"runs.list {strategy}", client.list, thread)
            api(f"runs.cancel first of {strategy}", client.cancel, thread, first, wait=True)
        if second:
            api(f"runs.join second of {strategy}", client.join, thread, second["run_id"])
        api.settled(thread)
        api(f"runs.get first of {strategy}", client.get, thread, first)
        api(f"threads.get_state {strategy}", api.sdk.threads.get_state, thread)
