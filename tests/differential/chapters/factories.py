"""A graph that a factory makes for each use."""

from __future__ import annotations

from differential.recording import Api

STEPS = {"steps": ["in"]}


def factories(api: Api) -> None:
    runs, threads, assistants = api.sdk.runs, api.sdk.threads, api.sdk.assistants
    thread = str(api.quiet.post("/threads", json={}).json()["thread_id"])
    api("runs.wait made", runs.wait, thread, "made", input=STEPS)
    api("runs.wait made with context", runs.wait, thread, "made", input=STEPS, context={"model": "large"})
    config = {"configurable": {"model": "medium"}}
    api("runs.wait made with config", runs.wait, thread, "made", input=STEPS, config=config)
    api.settled(thread)
    api("threads.get_state made", threads.get_state, thread)
    api("threads.update_state made", threads.update_state, thread, STEPS)
    api("threads.get_history made", threads.get_history, thread, limit=1)
    api("assistants.get_graph made", assistants.get_graph, "made")
    found = assistants.search(graph_id="made")[0]["assistant_id"]
    api("assistants.get_schemas made", assistants.get_schemas, found)
    api("assistants.get_subgraphs made", assistants.get_subgraphs, found)
