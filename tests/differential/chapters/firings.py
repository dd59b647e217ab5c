"""What a cron makes when it fires: runs, threads, their states."""

from __future__ import annotations

from typing import Any

from differential.recording import Api

EACH_SECOND = "* * * * * *"


def firings(api: Api) -> None:
    _on_a_thread(api)
    _on_threads_of_their_own(api)
    _failing(api)


def _on_a_thread(api: Api) -> None:
    thread = api.quiet.post("/threads", json={"metadata": {"of": "thread"}}).json()["thread_id"]
    cron = api.quiet.post(
        f"/threads/{thread}/runs/crons",
        json={
            "assistant_id": "typed",
            "schedule": EACH_SECOND,
            "input": {"steps": ["in"]},
            "metadata": {"of": "cron"},
            "config": {"tags": ["t"], "configurable": {"model": "large"}},
            "durability": "sync",
        },
    ).json()["cron_id"]
    run = _first_run(api, thread)
    api("crons.delete while firing", api.sdk.crons.delete, cron)
    api.settled(thread)
    api("firing: run", api.sdk.runs.get, thread, run["run_id"])
    api("firing: join", api.sdk.runs.join, thread, run["run_id"])
    found = api.quiet.get(f"/threads/{thread}").json()
    assert found["status"] == "idle"
    api("firing: state", api.sdk.threads.get_history, thread, metadata={"run_id": run["run_id"]}, limit=4)


def _on_threads_of_their_own(api: Api) -> None:
    cron = api.quiet.post(
        "/runs/crons",
        json={
            "assistant_id": "typed",
            "schedule": EACH_SECOND,
            "input": {"steps": ["in"]},
            "metadata": {"of": "stateless cron"},
            "on_run_completed": "keep",
        },
    ).json()["cron_id"]
    search = {"metadata": {"of": "stateless cron"}, "limit": 1}
    found = api.until(lambda: api.quiet.post("/threads/search", json=search).json(), "it has fired")
    api.quiet.delete(f"/runs/crons/{cron}")
    thread = found[0]["thread_id"]
    api.settled(thread)
    api("firing alone: thread", api.sdk.threads.get, thread)
    api("firing alone: runs", api.sdk.runs.list, thread)
    api("firing alone: state", api.sdk.threads.get_state, thread)


def _failing(api: Api) -> None:
    thread = api.quiet.post("/threads", json={}).json()["thread_id"]
    body = {"assistant_id": "failing", "schedule": EACH_SECOND, "input": {"text": "by cron"}}
    cron = api.quiet.post(f"/threads/{thread}/runs/crons", json=body).json()["cron_id"]
    run = _first_run(api, thread)
    api.quiet.delete(f"/runs/crons/{cron}")
    api.settled(thread)
    api("firing fails: run", api.sdk.runs.get, thread, run["run_id"])
    api("firing fails: thread", api.sdk.threads.get, thread)


def _first_run(api: Api, thread: str) -> Any:
    """The first run made on a thread, once it has ended."""

    def ended() -> Any:
        runs = api.quiet.get(f"/threads/{thread}/runs", params={"limit": 1000}).json()
        return runs and runs[-1]["status"] not in ("pending", "running") and runs[-1]

    return api.until(ended, "a firing has ended")
