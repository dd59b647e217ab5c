"""States: interrupts and resuming, updates, history, subgraphs."""

from __future__ import annotations

from typing import Any

from differential.recording import Api

NOBODY = "00000000-0000-7000-8000-000000000000"
STEPS = {"steps": ["in"]}


def states(api: Api) -> None:
    _empty(api)
    _interrupted(api)
    _stopped_before(api)
    _updated(api)
    _subgraphs(api)


def _thread(api: Api) -> str:
    return str(api.quiet.post("/threads", json={}).json()["thread_id"])


def _empty(api: Api) -> None:
    client, thread = api.sdk.threads, _thread(api)
    api("threads.get_state empty", client.get_state, thread)
    api("threads.get_history empty", client.get_history, thread)
    api("threads.update_state empty", client.update_state, thread, {"steps": ["a"]})
    for name, other in {"unknown": NOBODY, "malformed": "no-uuid"}.items():
        api(f"threads.get_state {name}", client.get_state, other)
        api(f"threads.get_history {name}", client.get_history, other)
        api(f"threads.update_state {name}", client.update_state, other, {"steps": ["a"]})


def _interrupted(api: Api) -> None:
    client, thread = api.sdk.runs, _thread(api)
    api("runs.wait asking", client.wait, thread, "asking", input=STEPS)
    api.settled(thread)
    api("runs.list asking", client.list, thread)
    api("threads.get asking", api.sdk.threads.get, thread)
    api("threads.get_state asking", api.sdk.threads.get_state, thread)
    api("threads.search interrupted", api.sdk.threads.search, status="interrupted", ids=[thread])
    api("runs.wait resumed", client.wait, thread, "asking", command={"resume": "yes"})
    api.settled(thread)
    api("threads.get resumed", api.sdk.threads.get, thread)
    api("threads.get_state resumed", api.sdk.threads.get_state, thread)
    api("runs.list resumed", client.list, thread)
    command: Any = {"update": {"steps": ["commanded"]}, "goto": "second"}
    api("runs.wait goto", client.wait, thread, "asking", command=command, raise_error=False)
    api("runs.stream asking", client.stream, _thread(api), "asking", input=STEPS, stream_mode=["values", "updates"])
    both: Any = {"assistant_id": "asking", "input": STEPS, "command": {"resume": 1}}
    api.http("runs.wait input and command", "POST", f"/threads/{_thread(api)}/runs/wait", json=both)


def _stopped_before(api: Api) -> None:
    client, thread = api.sdk.runs, _thread(api)
    api("runs.wait interrupt_before", client.wait, thread, "typed", input=STEPS, interrupt_before=["second"])
    api.settled(thread)
    api("threads.get interrupt_before", api.sdk.threads.get, thread)
    api("threads.get_state interrupt_before", api.sdk.threads.get_state, thread)
    api("runs.wait going on", client.wait, thread, "typed", input=None)
    api("runs.wait interrupt_after all", client.wait, _thread(api), "typed", input=STEPS, interrupt_after="*")


def _updated(api: Api) -> None:
    client, thread = api.sdk.threads, _thread(api)
    api.quiet.post(f"/threads/{thread}/runs/wait", json={"assistant_id": "typed", "input": STEPS})
    api.settled(thread)
    made = api("threads.update_state", client.update_state, thread, {"steps": ["updated"]})
    api("threads.get_state updated", client.get_state, thread)
    api("threads.get updated", client.get, thread)
    api("threads.update_state as_node", client.update_state, thread, {"count": 7}, as_node="first")
    api("threads.get_state as_node", client.get_state, thread)
    api("threads.update_state null", client.update_state, thread, None, as_node="second")
    api("threads.update_state list", client.update_state, thread, [{"steps": ["x"]}, {"steps": ["y"]}])
    api("threads.update_state bad node", client.update_state, thread, {"count": 1}, as_node="nobody")
    api("threads.update_state bad key", client.update_state, thread, {"colour": "red"})
    api.http("threads.update_state text", "POST", f"/threads/{thread}/state", json={"values": "red"})
    api.http("threads.update_state nothing", "POST", f"/threads/{thread}/state", json={})
    history = api("threads.get_history", client.get_history, thread)
    if made and history:
        _at_checkpoints(api, thread, made["checkpoint"], history)


def _at_checkpoints(api: Api, thread: str, checkpoint: Any, history: list[Any]) -> None:
    client, oldest = api.sdk.threads, history[-1]["checkpoint"]["checkpoint_id"]
    api("threads.get_state at checkpoint", client.get_state, thread, checkpoint)
    api("threads.get_state at checkpoint_id", client.get_state, thread, checkpoint_id=oldest)
    api("threads.get_state with subgraphs", client.get_state, thread, subgraphs=True)
    api("threads.get_state unknown checkpoint", client.get_state, thread, checkpoint_id=NOBODY)
    api("threads.get_state malformed checkpoint", client.get_state, thread, checkpoint_id="no-uuid")
    api("threads.update_state at checkpoint", client.update_state, thread, {"count": 1}, checkpoint=checkpoint)
    api("threads.get_history limit", client.get_history, thread, limit=2)
    api("threads.get_history metadata", client.get_history, thread, metadata={"source": "update"})
    api("threads.get_history before", client.get_history, thread, before=checkpoint)
    api("threads.get_history checkpoint", client.get_history, thread, checkpoint=checkpoint)
    api.http("threads.get_history GET", "GET", f"/threads/{thread}/history")
    api.http("threads.get_history GET limit", "GET", f"/threads/{thread}/history?limit=2")
    for name, body in {"limit 0": {"limit": 0}, "limit 1001": {"limit": 1001}, "limit text": {"limit": "x"}}.items():
        api.http(f"threads.get_history bad {name}", "POST", f"/threads/{thread}/history", json=body)
    run = {"input": None, "checkpoint": checkpoint}
    api("runs.wait from checkpoint", api.sdk.runs.wait, thread, "typed", **run)
    api("runs.wait from checkpoint_id", api.sdk.runs.wait, thread, "typed", checkpoint_id=oldest)


def _subgraphs(api: Api) -> None:
    client, thread = api.sdk.threads, _thread(api)
    api(
        "runs.stream subgraphs",
        api.sdk.runs.stream,
        thread,
        "parent",
        input=STEPS,
        stream_mode="updates",
        stream_subgraphs=True,
    )
    api.settled(thread)
    state = api("threads.get_state of parent", client.get_state, thread)
    api("threads.get_state of parent with subgraphs", client.get_state, thread, subgraphs=True)
    if state and state["tasks"] and state["tasks"][0]["checkpoint"]:
        api("threads.get_state of child", client.get_state, thread, checkpoint=state["tasks"][0]["checkpoint"])
    api("threads.get of parent", client.get, thread)
    api("runs.wait parent resumed", api.sdk.runs.wait, thread, "parent", command={"resume": "yes"})
    api("threads.get_history of parent", client.get_history, thread)
