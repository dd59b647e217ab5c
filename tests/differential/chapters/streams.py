"""Event streams of runs and threads."""

from __future__ import annotations

from differential.recording import Api

NOBODY = "00000000-0000-7000-8000-000000000000"
QUESTION = {"messages": [{"role": "user", "content": "hello", "id": "question"}]}
STEPS = {"steps": ["in"]}


def streams(api: Api) -> None:
    _modes(api)
    _resumable(api)
    _of_a_thread(api)


def _thread(api: Api) -> str:
    return str(api.quiet.post("/threads", json={}).json()["thread_id"])


def _modes(api: Api) -> None:
    client = api.sdk.runs
    for mode in ("values", "updates", "custom", "tasks", "checkpoints", "debug"):
        api(f"runs.stream {mode}", client.stream, _thread(api), "typed", input=STEPS, stream_mode=mode)
    for mode in ("messages", "messages-tuple", "events"):
        api(f"runs.stream {mode}", client.stream, _thread(api), "chatting", input=QUESTION, stream_mode=mode)
    several = ["values", "updates", "custom", "messages-tuple"]
    api("runs.stream several", client.stream, _thread(api), "typed", input=STEPS, stream_mode=several)
    api("runs.stream none", client.stream, _thread(api), "typed", input=STEPS, stream_mode=[])
    api(
        "runs.stream messages of echo",
        client.stream,
        _thread(api),
        "echo",
        input=QUESTION,
        stream_mode="messages-tuple",
    )
    api("runs.stream failing", client.stream, _thread(api), "failing", input={"text": "in a stream"})
    api("runs.stream stateless", client.stream, None, "typed", input=STEPS)
    api("runs.stream unknown thread", client.stream, NOBODY, "typed", input=STEPS)
    api.http("runs.stream bad", "POST", "/runs/stream", json={"assistant_id": "typed", "stream_mode": "loud"})


def _resumable(api: Api) -> None:
    client, thread = api.sdk.runs, _thread(api)
    api(
        "runs.stream resumable",
        client.stream,
        thread,
        "typed",
        input=STEPS,
        stream_mode="updates",
        stream_resumable=True,
    )
    api.settled(thread)
    run = api.quiet.get(f"/threads/{thread}/runs").json()[0]["run_id"]
    api("runs.join_stream all", client.join_stream, thread, run, last_event_id="-1")
    api("runs.join_stream new", client.join_stream, thread, run)
    api("runs.join_stream values", client.join_stream, thread, run, stream_mode="values", last_event_id="-1")
    api("runs.join_stream unknown", client.join_stream, thread, NOBODY)
    api("runs.join_stream malformed", client.join_stream, thread, "no-uuid")


def _of_a_thread(api: Api) -> None:
    """A thread's stream does not end: it is followed until its run is done."""
    thread = _thread(api)
    started = []

    def done(events: list[dict[str, object]]) -> bool:
        if not started:
            body = {"assistant_id": "typed", "input": STEPS, "stream_mode": "updates"}
            started.append(api.quiet.post(f"/threads/{thread}/runs", json=body))
        return any(isinstance(event["data"], dict) and event["data"].get("status") == "run_done" for event in events)

    api.events("threads.join_stream", f"/threads/{thread}/stream", done)
    api.settled(thread)
    written = []

    def updated(events: list[dict[str, object]]) -> bool:
        if not written:
            body = {"values": {"steps": ["written"]}, "as_node": "first"}
            written.append(api.quiet.post(f"/threads/{thread}/state", json=body))
        return bool(events)

    path = f"/threads/{thread}/stream?stream_modes=state_update"
    api.events("threads.join_stream state_update", path, updated)
