"""Crons fire: on threads and stateless, beside ordinary runs, with graphs that fail, ask and take their time."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from langgraph_sdk.client import SyncLangGraphClient

from gate import Gate
from ledger import Ledger
from official import AGENT, IDS, QUESTION, RUN
from serving import Served, wait_until

EVERY_SECOND = "* * * * * *"  # the sixth field is seconds


@pytest.fixture
def ledger(served: Served) -> Ledger:
    return Ledger(served.database)


def runs_of(client: SyncLangGraphClient, thread_id: str, least: int) -> list[dict[str, Any]]:
    """The ended runs of a thread, oldest first, once there are as many."""

    def ended() -> list[Any]:
        runs = [run for run in client.runs.list(thread_id, limit=1000) if run["status"] not in ("pending", "running")]
        return runs[::-1] if len(runs) >= least else []

    return wait_until(ended, description=f"{least} runs on thread {thread_id}")


def on_thread(client: SyncLangGraphClient, graph: str = "agent", **options: Any) -> tuple[str, str]:
    """A new thread with a cron that fires each second."""
    thread_id = client.threads.create()["thread_id"]
    options = {"schedule": EVERY_SECOND, "input": QUESTION} | options
    return thread_id, client.crons.create_for_thread(thread_id, graph, **options)["cron_id"]


def test_the_state_of_a_thread_grows_firing_by_firing(client: SyncLangGraphClient) -> None:
    thread_id, cron_id = on_thread(client, metadata={"who": "cron"})
    for count in (1, 2, 3):
        run = runs_of(client, thread_id, count)[count - 1]
        assert run["status"] == "success"
        values = client.threads.get(thread_id)["values"]
        assert len(values["messages"]) >= 2 * count
    client.crons.delete(cron_id)
    runs = wait_until(lambda: settled(client, thread_id), description="the last run has ended")
    thread, state = client.threads.get(thread_id), client.threads.get_state(thread_id)
    assert thread["status"] == "idle"
    assert thread["values"] == state["values"]
    assert [message["type"] for message in state["values"]["messages"]] == ["human", "ai"] * len(runs)
    assert thread["metadata"] == {"graph_id": "agent", "assistant_id": AGENT}
    assert state["metadata"]["cron_id"] == cron_id
    assert state["metadata"]["run_id"] == runs[0]["run_id"]


def settled(client: SyncLangGraphClient, thread_id: str) -> list[Any]:
    runs = client.runs.list(thread_id, limit=1000)
    return [] if any(run["status"] in ("pending", "running") for run in runs) else runs


def test_a_firing_names_its_cron_and_comes_at_its_instant(client: SyncLangGraphClient, ledger: Ledger) -> None:
    thread_id, cron_id = on_thread(client, metadata={"who": "cron"}, config={"configurable": {"model": "m"}})
    runs = runs_of(client, thread_id, 2)
    client.crons.delete(cron_id)
    for run in runs:
        assert set(run) == RUN
        assert run["metadata"] == {
            "created_by": "system",
            "who": "cron",
            "graph_id": "agent",
            "assistant_id": AGENT,
        }
        configurable = run["kwargs"]["config"]["configurable"]
        assert set(configurable) == IDS | {"cron_id", "model"}
        assert configurable["cron_id"] == cron_id
        assert run["kwargs"]["input"] == QUESTION
        assert run["kwargs"]["temporary"] is False
    ticks = ledger.ticks(cron_id)
    created = {run["run_id"]: datetime.fromisoformat(run["created_at"]) for run in runs}
    for tick in ticks[: len(runs)]:
        assert timedelta(0) <= created[tick.run_id] - tick.scheduled_for < timedelta(seconds=1)
    instants = [tick.scheduled_for for tick in ticks]
    assert instants == [instants[0] + timedelta(seconds=i) for i in range(len(ticks))]


def test_every_two_seconds_is_every_two_seconds(client: SyncLangGraphClient, ledger: Ledger) -> None:
    thread_id, cron_id = on_thread(client, schedule="* * * * * */2")
    runs_of(client, thread_id, 2)
    client.crons.delete(cron_id)
    seconds = [tick.scheduled_for.second for tick in ledger.ticks(cron_id)]
    assert all(second % 2 == 0 for second in seconds)
    assert (seconds[1] - seconds[0]) % 60 == 2


def test_a_stateless_cron_leaves_no_thread(client: SyncLangGraphClient, ledger: Ledger) -> None:
    mark = {"mark": str(uuid4())}
    cron = client.crons.create("agent", schedule=EVERY_SECOND, input=QUESTION, metadata=mark)
    wait_until(lambda: len(ledger.ended(cron["cron_id"])) >= 2, description="two ticks whose runs have ended")
    client.crons.delete(cron["cron_id"])
    wait_until(lambda: client.threads.count(metadata=mark) == 0, description="all its threads are gone")
    ticks = wait_until(lambda: ledger.all_ended(cron["cron_id"]), description="the last run has ended")
    assert {tick.run_status for tick in ticks} == {"success"}


def test_a_stateless_cron_that_keeps_leaves_threads_to_be_found(client: SyncLangGraphClient, ledger: Ledger) -> None:
    mark = {"mark": str(uuid4())}
    cron = client.crons.create("agent", schedule=EVERY_SECOND, input=QUESTION, metadata=mark, on_run_completed="keep")
    wait_until(lambda: len(ledger.ended(cron["cron_id"])) >= 2, description="two ticks whose runs have ended")
    client.crons.delete(cron["cron_id"])
    ticks = wait_until(lambda: ledger.all_ended(cron["cron_id"]), description="the last run has ended")
    threads = client.threads.search(metadata=mark, limit=1000)
    assert len(threads) == len(ticks)
    for thread in threads:
        assert thread["metadata"] == mark | {"graph_id": "agent", "assistant_id": AGENT}
        assert [message["type"] for message in thread["values"]["messages"]] == ["human", "ai"]
        [run] = client.runs.list(thread["thread_id"])
        assert run["status"] == "success"
        assert run["kwargs"]["config"]["configurable"]["cron_id"] == cron["cron_id"]


def test_disabling_stops_it_and_enabling_looks_forward(client: SyncLangGraphClient, ledger: Ledger) -> None:
    thread_id, cron_id = on_thread(client)
    _, witness = on_thread(client)  # fires on: its ticks show that time has passed
    runs_of(client, thread_id, 1)
    client.crons.update(cron_id, enabled=False)
    fired = len(ledger.ticks(cron_id))
    seen = len(ledger.ticks(witness))
    wait_until(lambda: len(ledger.ticks(witness)) >= seen + 3, description="three more ticks of another cron")
    assert len(ledger.ticks(cron_id)) == fired
    enabled_at = datetime.fromisoformat(client.crons.update(cron_id, enabled=True)["updated_at"])
    again = wait_until(
        lambda: [tick for tick in ledger.ticks(cron_id)[fired:] if tick.outcome == "fired"],
        description="it fires again",
    )
    assert all(tick.scheduled_for > enabled_at for tick in again)
    missed = [tick.outcome for tick in ledger.ticks(cron_id)[fired:] if tick.scheduled_for <= enabled_at]
    assert set(missed) == {"missed"}  # and the ledger says so
    client.crons.delete(cron_id)
    fired, seen = len(ledger.ticks(cron_id)), len(ledger.ticks(witness))
    wait_until(lambda: len(ledger.ticks(witness)) >= seen + 2, description="two more ticks of another cron")
    assert len(ledger.ticks(cron_id)) == fired
    client.crons.delete(witness)


def test_ordinary_runs_are_not_disturbed(client: SyncLangGraphClient) -> None:
    thread_id, cron_id = on_thread(client)
    other_id = client.threads.create()["thread_id"]
    for count in range(1, 6):
        assert len(client.runs.wait(other_id, "agent", input=QUESTION)["messages"]) == 2 * count
        mine = client.runs.create(thread_id, "agent", input=QUESTION)
        client.runs.join(thread_id, mine["run_id"])
        assert "cron_id" not in mine["kwargs"]["config"]["configurable"]
        runs_of(client, thread_id, 2 * count)
    client.crons.delete(cron_id)
    runs = wait_until(lambda: settled(client, thread_id), description="the last run has ended")
    assert {run["status"] for run in runs} == {"success"}
    messages = client.threads.get(thread_id)["values"]["messages"]
    assert [message["type"] for message in messages] == ["human", "ai"] * len(runs)


def test_a_graph_that_raises_ends_its_runs_and_nothing_else(client: SyncLangGraphClient) -> None:
    failing, failing_cron = on_thread(client, "raising", input={"text": "no luck"})
    healthy, healthy_cron = on_thread(client)
    runs = runs_of(client, failing, 2)
    assert {run["status"] for run in runs} == {"error"}
    thread = wait_until(
        lambda: (found := client.threads.get(failing))["status"] == "error" and found, description="its thread failed"
    )
    assert thread["error"] == {"error": "ValueError", "message": "no luck"}
    assert {run["status"] for run in runs_of(client, healthy, 2)} == {"success"}
    client.crons.update(failing_cron, input={"text": ""})
    wait_until(
        lambda: client.runs.list(failing, status="success"), description="the changed cron's run does well on it"
    )
    client.crons.delete(failing_cron)
    client.crons.delete(healthy_cron)
    wait_until(lambda: settled(client, failing), description="the last run has ended")
    thread = client.threads.get(failing)
    assert (thread["status"], thread["error"]) == ("idle", None)


def test_a_graph_that_asks_leaves_its_thread_interrupted_and_the_cron_goes_on(client: SyncLangGraphClient) -> None:
    thread_id, cron_id = on_thread(client, "asking")
    runs = runs_of(client, thread_id, 2)
    client.crons.delete(cron_id)
    wait_until(lambda: settled(client, thread_id), description="the last run has ended")
    assert {run["status"] for run in runs} == {"success"}
    thread = client.threads.get(thread_id)
    assert thread["status"] == "interrupted"
    assert [waiting["value"] for [waiting] in thread["interrupts"].values()] == ["go on?"]


def test_firings_on_a_busy_thread_wait_in_turn(client: SyncLangGraphClient, ledger: Ledger, gate: Gate) -> None:
    thread_id, cron_id = on_thread(client, "waiting", input={"port": gate.port})
    first = gate.arrival()
    wait_until(lambda: len(ledger.ticks(cron_id)) >= 3, description="two more ticks meanwhile")
    client.crons.delete(cron_id)
    runs = client.runs.list(thread_id)[::-1]
    assert [run["status"] for run in runs] == ["running"] + ["pending"] * (len(runs) - 1)
    first.close()
    for _ in runs[1:]:
        gate.arrival().close()
    client.runs.join(thread_id, runs[-1]["run_id"])
    assert [tick.run_id for tick in ledger.ticks(cron_id)] == [run["run_id"] for run in runs]
    assert len(client.threads.get(thread_id)["values"]["messages"]) == len(runs)


def test_a_cron_that_rejects_skips_busy_instants_and_says_so(
    client: SyncLangGraphClient, ledger: Ledger, gate: Gate
) -> None:
    thread_id, cron_id = on_thread(client, "waiting", input={"port": gate.port}, multitask_strategy="reject")
    first = gate.arrival()
    wait_until(lambda: len(ledger.ticks(cron_id)) >= 3, description="two more ticks meanwhile")
    first.close()
    gate.arrival().close()
    client.crons.delete(cron_id)
    outcomes = [tick.outcome for tick in ledger.ticks(cron_id)]
    assert outcomes[:3] == ["fired", "skipped_busy", "skipped_busy"]
    assert outcomes.count("fired") == len(client.runs.list(thread_id)) >= 2
