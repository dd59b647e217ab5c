"""The published Python SDK, unmodified."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from google.rpc import code_pb2
from langgraph_sdk.errors import ConflictError, NotFoundError

from client.facts import ASSISTANT, status
from client.stored_service import StoredService

INPUT = {"messages": [{"role": "user", "content": "What time is it?"}]}


async def test_a_new_thread_has_the_platforms_fields(sdk: Any) -> None:
    thread = await sdk.threads.create()
    assert list(thread) == [
        "thread_id",
        "created_at",
        "updated_at",
        "state_updated_at",
        "metadata",
        "status",
        "config",
        "values",
        "interrupts",
    ]
    assert thread["created_at"] == "2026-11-22T16:28:05.972293+00:00"
    assert (thread["metadata"], thread["status"], thread["config"], thread["values"]) == ({}, "idle", {}, None)


async def test_threads_are_created_read_changed_counted_and_deleted(sdk: Any) -> None:
    thread = await sdk.threads.create(metadata={"n": 1}, graph_id="agent", ttl=60, if_exists="do_nothing")
    thread_id = thread["thread_id"]
    assert thread["metadata"] == {"n": 1, "graph_id": "agent"}
    assert await sdk.threads.get(thread_id, include=["ttl"]) == thread
    assert (await sdk.threads.update(thread_id, metadata={"n": None}))["metadata"] == {"n": None}
    assert await sdk.threads.update(thread_id, metadata={"n": 2}, return_minimal=True) is None
    assert [each["thread_id"] for each in await sdk.threads.search(metadata={"n": 2}, select=["thread_id"])] == [
        thread_id
    ]
    assert await sdk.threads.count() == 1
    assert (await sdk.threads.get_state(thread_id)) == {
        "values": {},
        "next": [],
        "tasks": [],
        "metadata": None,
        "created_at": None,
        "checkpoint": None,
        "parent_checkpoint": None,
        "interrupts": [],
        "checkpoint_id": None,
        "parent_checkpoint_id": None,
    }
    await sdk.threads.delete(thread_id)
    with pytest.raises(NotFoundError, match="not found"):
        await sdk.threads.get(thread_id)


async def test_a_cron_of_a_thread_has_exactly_the_platforms_keys(sdk: Any) -> None:
    thread = await sdk.threads.create()
    cron = await sdk.crons.create_for_thread(thread["thread_id"], "agent", schedule="27 15 * * *", input=INPUT)
    assert list(cron) == [
        "cron_id",
        "assistant_id",
        "thread_id",
        "user_id",
        "schedule",
        "timezone",
        "end_time",
        "enabled",
        "on_run_completed",
        "next_run_date",
        "metadata",
        "payload",
        "created_at",
        "updated_at",
    ]
    assert cron["thread_id"] == thread["thread_id"]
    assert (cron["user_id"], cron["enabled"], cron["on_run_completed"]) == ("", True, None)
    assert cron["next_run_date"] == "2026-11-22T16:30:00+00:00"
    assert cron["payload"] == {
        "assistant_id": ASSISTANT,
        "schedule": "27 15 * * *",
        "input": INPUT,
        "config": {"configurable": {"cron_id": cron["cron_id"]}},
    }


async def test_what_was_sent_for_a_stateless_cron_is_in_its_payload(sdk: Any) -> None:
    sent = {
        "input": INPUT,
        "metadata": {},
        "config": {"configurable": {"cron_id": "mine", "x": 1}, "tags": ["t"]},
        "interrupt_before": "*",
        "interrupt_after": ["node"],
        "on_run_completed": "delete",
        "multitask_strategy": "reject",
        "enabled": True,
        "timezone": "Europe/Paris",
        "stream_mode": "values",
        "stream_subgraphs": False,
        "durability": "sync",
    }
    end = datetime(2027, 1, 1, tzinfo=UTC)
    cron = await sdk.crons.create("agent", schedule="@daily", end_time=end, **sent)
    assert cron["end_time"] == "2027-01-01T00:00:00+00:00"
    assert cron["payload"] == {
        **sent,
        "assistant_id": ASSISTANT,
        "schedule": "@daily",
        "end_time": "2027-01-01T00:00:00+00:00",
        "config": {"configurable": {"cron_id": cron["cron_id"], "x": 1}, "tags": ["t"]},
    }


async def test_crons_are_changed_searched_counted_and_deleted(sdk: Any, service: StoredService) -> None:
    cron = await sdk.crons.create("agent", schedule="* * * * *", end_time=datetime(2027, 1, 1))
    assert cron["end_time"] == "2027-01-01T00:00:00"
    changed = await sdk.crons.update(cron["cron_id"], end_time=None, stream_mode=["updates"], enabled=False)
    assert (changed["end_time"], changed["enabled"]) == (None, False)
    assert changed["payload"]["stream_mode"] == ["updates"]
    assert "end_time" not in changed["payload"]
    assert service.seen[-1].update_mask.paths == ["enabled", "stream_mode", "end_time"]
    found = await sdk.crons.search(assistant_id="agent", select=["cron_id", "payload", "now"])
    assert [list(each) for each in found] == [["cron_id", "payload"]]
    assert await sdk.crons.count() == 1
    await sdk.crons.delete(cron["cron_id"])
    with pytest.raises(NotFoundError):
        await sdk.crons.delete(cron["cron_id"])


async def test_runs_are_created_listed_joined_cancelled_and_deleted(sdk: Any, service: StoredService) -> None:
    created = []
    run = await sdk.runs.create("0" * 32, "agent", input=INPUT, after_seconds=2, on_run_created=created.append)
    assert list(run)[-1] == "langsmith_session_name"
    assert (run["status"], run["kwargs"], run["langsmith_session_name"]) == ("pending", {"input": INPUT}, None)
    assert created == [{"run_id": run["run_id"], "thread_id": "0" * 32}]
    assert service.seen[-1].run.after_seconds.seconds == 2
    assert [each["run_id"] for each in await sdk.runs.list("t", status="pending", select=["run_id"])] == [run["run_id"]]
    assert (await sdk.runs.get("t", run["run_id"]))["run_id"] == run["run_id"]
    assert await sdk.runs.join("t", run["run_id"]) == {"messages": [1.0]}
    assert await sdk.runs.cancel("t", run["run_id"]) is None
    assert await sdk.runs.cancel("t", run["run_id"], wait=True, action="rollback") == {}
    assert await sdk.runs.delete("t", run["run_id"]) is None


async def test_waiting_answers_the_values_or_raises_what_the_graph_raised(sdk: Any, service: StoredService) -> None:
    created = []
    assert await sdk.runs.wait(None, "agent", input=None, on_run_created=created.append) == {"messages": [1.0]}
    assert created[0]["run_id"] in service.runs
    service.outcome.run.error.error, service.outcome.run.error.message = "ValueError", "boom"
    with pytest.raises(Exception, match=r"^ValueError: boom$"):
        await sdk.runs.wait(None, "agent")
    service.outcome.Clear()
    service.outcome.interrupts.text = '[{"value": "sure?", "id": "1"}]'
    assert await sdk.runs.wait(None, "agent") == {
        "__interrupt__": [{"value": "sure?", "id": "1", "response_schema": None}]
    }


async def test_assistants_are_found(sdk: Any) -> None:
    (assistant,) = await sdk.assistants.search(graph_id="agent")
    assert (assistant["assistant_id"], assistant["metadata"]) == (ASSISTANT, {"created_by": "system"})
    assert await sdk.assistants.get(ASSISTANT) == assistant
    assert await sdk.assistants.count() == 1
    page = await sdk.assistants.search(response_format="object")
    assert page == {"assistants": [assistant], "next": None}


async def test_errors_become_the_sdks_own(sdk: Any, service: StoredService) -> None:
    service.fail["CreateThread"] = status(code_pb2.ALREADY_EXISTS, "exists already", "ALREADY_EXISTS")
    with pytest.raises(ConflictError, match="exists already"):
        await sdk.threads.create()
