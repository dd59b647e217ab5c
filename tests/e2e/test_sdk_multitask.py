"""The official Python SDK, unmodified: a run on a thread where another is under way."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from langgraph_sdk.client import SyncLangGraphClient
from langgraph_sdk.errors import NotFoundError

from gate import Gate

BEFORE = ["before", "tells", "waits"]
SECOND = ["second", "tells", "waits"]


@pytest.fixture
def under_way(client: SyncLangGraphClient, gate: Gate) -> tuple[str, str]:
    """A thread that has had a run, and one that waits at the gate in its second step."""
    thread_id = client.threads.create()["thread_id"]
    client.runs.wait(thread_id, "telling", input={"steps": ["before"]})
    run = client.runs.create(thread_id, "telling", input={"steps": ["first"], "port": gate.port})
    gate.arrival()
    return thread_id, run["run_id"]


@pytest.fixture
def second(client: SyncLangGraphClient, under_way: tuple[str, str]) -> Callable[[str], Any]:
    def second(strategy: str) -> Any:
        given: Any = {"steps": ["second"], "port": 0}
        return client.runs.create(under_way[0], "telling", input=given, multitask_strategy=strategy)  # type: ignore[arg-type]

    return second


def steps(client: SyncLangGraphClient, thread_id: str) -> list[str]:
    """The same on the thread and in its state."""
    thread, state = client.threads.get(thread_id), client.threads.get_state(thread_id)
    assert thread["values"] == state["values"]
    assert thread["status"] == "idle"
    return thread["values"]["steps"]  # type: ignore[call-overload, no-any-return]


def test_an_enqueued_run_waits_for_the_one_under_way(
    client: SyncLangGraphClient, gate: Gate, under_way: tuple[str, str], second: Callable[[str], Any]
) -> None:
    thread_id, _ = under_way
    run = second("enqueue")
    assert client.runs.get(thread_id, run["run_id"])["status"] == "pending"
    gate.waiting[0].close()
    client.runs.join(thread_id, run["run_id"])
    assert steps(client, thread_id) == [*BEFORE, "first", "tells", "waits", *SECOND]
    assert [each["status"] for each in client.runs.list(thread_id)] == ["success"] * 3


def test_an_interrupted_run_leaves_what_it_wrote(
    client: SyncLangGraphClient, under_way: tuple[str, str], second: Callable[[str], Any]
) -> None:
    thread_id, first = under_way
    run = second("interrupt")
    client.runs.join(thread_id, run["run_id"])
    assert client.runs.get(thread_id, first)["status"] == "interrupted"
    assert steps(client, thread_id) == [*BEFORE, "first", "tells", *SECOND]


def test_a_run_that_is_rolled_back_leaves_nothing(
    client: SyncLangGraphClient, under_way: tuple[str, str], second: Callable[[str], Any]
) -> None:
    thread_id, first = under_way
    run = second("rollback")
    client.runs.join(thread_id, run["run_id"])
    with pytest.raises(NotFoundError):
        client.runs.get(thread_id, first)
    assert steps(client, thread_id) == [*BEFORE, *SECOND]
    assert len(client.runs.list(thread_id)) == 2


def test_the_stream_of_a_run_ends_when_another_interrupts_it(client: SyncLangGraphClient, gate: Gate) -> None:
    thread_id = client.threads.create()["thread_id"]
    given: Any = {"steps": ["first"], "port": gate.port}
    parts = client.runs.stream(thread_id, "telling", input=given, stream_mode="custom")
    assert [next(parts).event for _ in range(2)] == ["metadata", "custom"]
    gate.arrival()
    client.runs.create(thread_id, "telling", input={"steps": ["second"], "port": 0}, multitask_strategy="interrupt")
    assert list(parts) == []


async def test_a_run_that_is_to_start_later_lets_others_go_first(client: SyncLangGraphClient) -> None:
    thread_id = client.threads.create()["thread_id"]
    later = client.runs.create(thread_id, "telling", input={"steps": ["later"]}, after_seconds=1)
    assert later["created_at"] > later["updated_at"]
    now: Any = client.runs.wait(thread_id, "telling", input={"steps": ["now"]})
    assert now["steps"] == ["now", "tells", "waits"]
    joined: Any = await asyncio.to_thread(client.runs.join, thread_id, later["run_id"])
    assert joined["steps"] == ["now", "tells", "waits", "later", "tells", "waits"]
