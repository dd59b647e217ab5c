"""The blocking client, over a real channel to a server on a loop of its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import pytest

import cronlane
from client.facts import ASSISTANT
from client.serving_stored import serving
from client.stored_service import StoredService


class Background:
    """A loop in a thread that serves until it is told to stop."""

    def __init__(self) -> None:
        self.service: StoredService
        self.target = ""
        self._ready = threading.Event()
        self._thread = threading.Thread(target=asyncio.run, args=(self._serve(),))

    async def _serve(self) -> None:
        self.loop, self._stop, self.service = asyncio.get_running_loop(), asyncio.Event(), StoredService()
        async with serving(self.service) as self.target:
            self._ready.set()
            await self._stop.wait()

    def start(self) -> None:
        self._thread.start()
        assert self._ready.wait(20)

    def stop(self) -> None:
        self.loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(20)


@pytest.fixture
def background() -> Iterator[Background]:
    background = Background()
    background.start()
    try:
        yield background
    finally:
        background.stop()


@pytest.fixture
def client(background: Background) -> Iterator[cronlane.SyncCronlaneClient]:
    with cronlane.get_sync_client(background.target, timeout=20) as client:
        yield client


def test_the_story_of_a_cron(client: cronlane.SyncCronlaneClient) -> None:
    thread = client.threads.create(metadata={"a": 1})
    cron = client.crons.create_for_thread(thread["thread_id"], "agent", schedule="27 15 * * *", input={"x": 1.0})
    assert cron["payload"]["input"] == {"x": 1.0}
    assert client.crons.update(cron["cron_id"], enabled=False)["enabled"] is False
    assert [each["cron_id"] for each in client.crons.search()] == [cron["cron_id"]]
    assert client.crons.count() == 1
    client.crons.delete(cron["cron_id"])
    with pytest.raises(cronlane.NotFound):
        client.crons.get(cron["cron_id"])
    assert client.threads.get_state(thread["thread_id"])["next"] == []
    assert client.assistants.get(ASSISTANT)["graph_id"] == "agent"


def test_a_run_is_named_while_it_is_waited_for(client: cronlane.SyncCronlaneClient, background: Background) -> None:
    background.loop.call_soon_threadsafe(background.service.ended.clear)
    made: list[dict[str, str]] = []

    def end(run: dict[str, str]) -> None:
        made.append(run)
        background.loop.call_soon_threadsafe(background.service.ended.set)

    assert client.runs.wait(None, "agent", on_run_created=end) == {"messages": [1.0]}
    assert made[0]["run_id"] in background.service.runs


def test_waiting_no_longer_than_the_timeout(client: cronlane.SyncCronlaneClient, background: Background) -> None:
    background.loop.call_soon_threadsafe(background.service.ended.clear)
    with pytest.raises(cronlane.Timeout):
        client.runs.wait(None, "agent", timeout=0.1)


def test_a_service_that_is_not_there_is_unavailable() -> None:
    with cronlane.get_sync_client("127.0.0.1:1") as client, pytest.raises(cronlane.Unavailable):
        client.threads.count()


def test_a_client_that_was_never_used_closes() -> None:
    cronlane.get_sync_client().close()
