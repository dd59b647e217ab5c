"""The client for asyncio, over a real channel."""

from __future__ import annotations

import asyncio
import dataclasses
import subprocess
import sys
import uuid
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

import cronlane
from client.facts import ASSISTANT, missing
from client.stored_service import StoredService
from cronlane._channel import channel_options, parse_target

INPUT = {"messages": [{"role": "user", "content": "What time is it?"}]}


async def test_threads_have_the_sdks_shape(client: cronlane.CronlaneClient) -> None:
    thread = await client.threads.create(metadata={"n": 9007199254740993}, graph_id="agent")
    assert list(thread)[:3] == ["thread_id", "created_at", "updated_at"]
    assert thread["metadata"] == {"n": 9007199254740993, "graph_id": "agent"}
    assert (thread["status"], thread["values"], "error" in thread) == ("idle", None, False)
    thread_id = thread["thread_id"]
    assert await client.threads.get(thread_id) == thread
    changed = await client.threads.update(thread_id, metadata={"a": None})
    assert changed is not None
    assert changed["metadata"] == {"a": None}
    assert await client.threads.update(thread_id, metadata={}, return_minimal=True) is None
    assert await client.threads.search(limit=1, ids=[thread_id], select=["thread_id"]) == [{"thread_id": thread_id}]
    assert await client.threads.count(status="idle", values={"x": 1}) == 1
    assert (await client.threads.get_state(thread_id))["values"] == {}
    await client.threads.delete(thread_id)
    with pytest.raises(cronlane.NotFound):
        await client.threads.get(thread_id)


async def test_a_state_is_asked_for_by_checkpoint(client: cronlane.CronlaneClient, service: StoredService) -> None:
    thread_id = (await client.threads.create())["thread_id"]
    await client.threads.get_state(thread_id, {"checkpoint_id": "c", "checkpoint_ns": ""}, subgraphs=True)
    assert (service.seen[-1].checkpoint.checkpoint_id, service.seen[-1].subgraphs) == ("c", True)
    await client.threads.get_state(thread_id, checkpoint_id="d")
    assert service.seen[-1].checkpoint_id == "d"
    await client.threads.get_state(thread_id, {"checkpoint_ns": "inner", "checkpoint_map": {"": "e"}}, "ignored")
    place = service.seen[-1].checkpoint
    assert (place.checkpoint_ns, place.checkpoint_id, place.checkpoint_map.text) == ("inner", "", '{"":"e"}')
    assert not service.seen[-1].checkpoint_id


async def test_crons_have_the_sdks_shape(client: cronlane.CronlaneClient, service: StoredService) -> None:
    end = datetime(2027, 1, 1, tzinfo=UTC)
    cron = await client.crons.create(
        "agent",
        schedule="27 15 * * *",
        input=INPUT,
        timezone=ZoneInfo("Europe/Paris"),
        end_time=end,
        stream_mode="values",
    )
    assert len(cron) == 14
    assert cron["end_time"] == end.isoformat()
    assert cron["payload"] == {
        "assistant_id": ASSISTANT,
        "schedule": "27 15 * * *",
        "input": INPUT,
        "timezone": "Europe/Paris",
        "end_time": end.isoformat(),
        "stream_mode": "values",
        "config": {"configurable": {"cron_id": cron["cron_id"]}},
    }
    cron_id = cron["cron_id"]
    assert await client.crons.get(cron_id) == cron
    changed = await client.crons.update(cron_id, end_time=None, enabled=False, timezone=UTC)
    assert (changed["end_time"], changed["enabled"], changed["timezone"]) == (None, False, "UTC")
    assert "schedule" not in service.seen[-1].update_mask.paths
    assert [each["cron_id"] for each in await client.crons.search(enabled=False, select=["cron_id"])] == [cron_id]
    assert await client.crons.count(metadata={}) == 1
    await client.crons.delete(cron_id)
    with pytest.raises(cronlane.NotFound):
        await client.crons.get(cron_id)


async def test_a_cron_of_a_thread_names_it(client: cronlane.CronlaneClient) -> None:
    cron = await client.crons.create_for_thread("t", "agent", schedule="@daily", metadata={"a": 1.0})
    assert (cron["thread_id"], cron["on_run_completed"]) == ("t", None)


async def test_nothing_to_change_is_a_conflict(client: cronlane.CronlaneClient) -> None:
    cron = await client.crons.create("agent", schedule="@daily")
    with pytest.raises(cronlane.Conflict) as caught:
        await client.crons.update(cron["cron_id"])
    assert caught.value.reason == "EMPTY_UPDATE"


async def test_runs_have_the_sdks_shape(client: cronlane.CronlaneClient, service: StoredService) -> None:
    made: list[dict[str, str]] = []
    run = await client.runs.create("t", "agent", input=INPUT, after_seconds=0.5, on_run_created=made.append)
    assert (run["kwargs"], run["status"], run["langsmith_session_name"]) == ({"input": INPUT}, "pending", None)
    assert made == [{"run_id": run["run_id"], "thread_id": "t"}]
    assert service.seen[-1].run.after_seconds.nanos == 500_000_000
    assert await client.runs.get("t", run["run_id"]) == run
    assert await client.runs.list("t", status="pending") == [run]
    assert await client.runs.join("t", run["run_id"]) == {"messages": [1.0]}
    await client.runs.cancel("t", run["run_id"], wait=True, action="rollback")
    assert service.seen[-1].wait
    await client.runs.delete("t", run["run_id"])


async def test_a_run_is_named_while_it_is_waited_for(client: cronlane.CronlaneClient, service: StoredService) -> None:
    service.ended.clear()
    made: asyncio.Queue[dict[str, str]] = asyncio.Queue()
    waiting = asyncio.create_task(client.runs.wait("t", "agent", on_run_created=made.put_nowait))
    run = await asyncio.wait_for(made.get(), 10)
    assert run == {"run_id": next(iter(service.runs)), "thread_id": "t"}
    assert not waiting.done()
    service.ended.set()
    assert await waiting == {"messages": [1.0]}


async def test_a_failed_run_raises_unless_told_otherwise(
    client: cronlane.CronlaneClient, service: StoredService
) -> None:
    service.outcome.run.error.error, service.outcome.run.error.message = "ValueError", "boom"
    with pytest.raises(cronlane.RunFailed, match=r"^ValueError: boom$") as caught:
        await client.runs.wait(None, "agent")
    assert (caught.value.error, caught.value.detail) == ("ValueError", "boom")
    answer = await client.runs.wait(None, "agent", raise_error=False)
    assert answer == {"__error__": {"error": "ValueError", "message": "boom"}}


async def test_a_run_lost_while_it_is_waited_for_is_not_found(
    client: cronlane.CronlaneClient, service: StoredService
) -> None:
    service.lost = missing("Run", "r")
    with pytest.raises(cronlane.NotFound):
        await client.runs.wait("t", "agent")


async def test_waiting_no_longer_than_the_timeout(client: cronlane.CronlaneClient, service: StoredService) -> None:
    service.ended.clear()
    with pytest.raises(cronlane.Timeout):
        await client.runs.wait("t", "agent", timeout=0.1)
    await asyncio.wait_for(service.left.wait(), 10)


async def test_assistants_have_the_sdks_shape(client: cronlane.CronlaneClient) -> None:
    (assistant,) = await client.assistants.search(graph_id="agent", name="AG", metadata={"created_by": "system"})
    assert await client.assistants.get(ASSISTANT) == assistant
    assert (assistant["version"], assistant["description"]) == (1, None)
    assert await client.assistants.count() == 1


async def test_a_misspelt_argument_is_a_type_error(client: cronlane.CronlaneClient) -> None:
    with pytest.raises(TypeError, match="'inputs'"):
        await client.crons.create("agent", schedule="@daily", inputs={})  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="'inputs'"):
        await client.runs.create(None, "agent", inputs={})  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="'thread_id'"):
        await client.crons.update("c", thread_id="t")  # type: ignore[call-arg]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), object(), {1j: 1}])
async def test_what_is_not_json_is_refused_before_it_is_sent(
    client: cronlane.CronlaneClient, service: StoredService, value: Any
) -> None:
    with pytest.raises(cronlane.InvalidRequest, match="input: is not JSON"):
        await client.runs.create(None, "agent", input=value)
    assert service.seen == []


@dataclasses.dataclass
class Question:
    when: datetime
    tags: frozenset[str]


async def test_values_that_json_does_not_know_are_written_as_the_sdk_does(
    client: cronlane.CronlaneClient, service: StoredService
) -> None:
    one = uuid.UUID(int=1)
    await client.runs.create(None, "agent", input={"q": Question(datetime(2027, 1, 1), frozenset({"x"})), "id": one})
    assert service.seen[-1].run.input.text == (
        '{"q":{"when":"2027-01-01T00:00:00","tags":["x"]},"id":"00000000-0000-0000-0000-000000000001"}'
    )


async def test_a_selection_is_checked(client: cronlane.CronlaneClient) -> None:
    with pytest.raises(cronlane.InvalidRequest, match="select: 'nothing'"):
        await client.crons.search(select=["nothing"])


async def test_a_key_goes_with_every_call(target: str, service: StoredService) -> None:
    async with cronlane.get_client(target, api_key="secret") as client:
        await client.assistants.count()
    assert service.metadata["x-api-key"] == "secret"


async def test_a_service_that_is_not_there_is_unavailable() -> None:
    async with cronlane.get_client("127.0.0.1:1") as client:
        with pytest.raises(cronlane.Unavailable):
            await client.assistants.count()


@pytest.mark.parametrize(
    ("given", "parsed"),
    [
        ("127.0.0.1:50051", "127.0.0.1:50051"),
        ("example.org", "example.org:50051"),
        (" http://example.org:80/ ", "example.org:80"),
        ("grpc://example.org", "example.org:50051"),
        ("dns:///example.org:1", "example.org:1"),
        ("[::1]:5", "[::1]:5"),
        ("[::1]", "[::1]:50051"),
        ("unix:/run/cronlane.sock", "unix:/run/cronlane.sock"),
    ],
)
def test_a_target_is_a_host_and_a_port(given: str, parsed: str) -> None:
    assert parse_target(given) == parsed


@pytest.mark.parametrize(
    "given", ["", "https://example.org", "host:port", "host:70000", "::1", "a b", "host:1/path", ":1"]
)
def test_what_is_no_target_is_refused(given: str) -> None:
    with pytest.raises(cronlane.InvalidRequest, match="target: "):
        cronlane.get_client(given)


def test_the_environments_proxy_is_not_asked_for_the_loopback() -> None:
    assert dict(channel_options("127.0.0.1:1"))["grpc.enable_http_proxy"] == 0
    assert dict(channel_options("example.org:1"))["grpc.enable_http_proxy"] == 1


def test_importing_cronlane_imports_no_grpc() -> None:
    code = "import sys, cronlane; print([name for name in ('grpc', 'google', 'starlette') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_everything_that_is_exported_is_there() -> None:
    assert {name for name in cronlane.__all__ if getattr(cronlane, name, None) is None} == set()
    assert set(cronlane.__all__) <= set(dir(cronlane))
    with pytest.raises(AttributeError, match="nothing"):
        _ = cronlane.nothing
