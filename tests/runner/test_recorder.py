"""What an attempt tells of itself: all of it, in order, and only if somebody wants to hear it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from cronlane_service.domain.events import RunEvent
from cronlane_service.runner.recorder import MOST_WAITING, Recorder
from cronlane_service.runner.watched import WATCHED_FOR, Watched
from runner.sample import THREAD, run

RECORDED = replace(run(), recorded=True)


class Database:
    """Takes batches, one at a time, when it is let to."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.open, self.fenced = asyncio.Event(), False
        self.open.set()

    async def write(self, events: Sequence[RunEvent]) -> bool:
        await self.open.wait()
        self.batches.append([event.event for event in events])
        return not self.fenced


async def test_what_happens_while_a_batch_is_written_becomes_the_next_one() -> None:
    database = Database()
    database.open.clear()
    recorder = Recorder(RECORDED, Watched(), database.write)
    await recorder.begin()
    await asyncio.sleep(0)
    for number in range(5):
        await recorder.add(f"e{number}", number)
    database.open.set()
    assert await recorder.close() is None
    assert database.batches == [["metadata", "protocol/lifecycle"], ["e0", "e1", "e2", "e3", "e4"]]


async def test_a_value_is_read_when_it_happens() -> None:
    texts: list[str] = []

    async def write(events: Sequence[RunEvent]) -> bool:
        texts.extend(event.data for event in events)
        return True

    recorder, value = Recorder(RECORDED, Watched(), write), {"n": 1.0}
    await recorder.add("values", value)
    value["n"] = 2.0
    await recorder.close()
    assert texts == ['{"n":1.0}']


async def test_a_graph_waits_when_the_database_cannot_keep_up() -> None:
    database = Database()
    database.open.clear()
    recorder = Recorder(RECORDED, Watched(), database.write)

    async def graph() -> None:
        for number in range(3 * MOST_WAITING):
            await recorder.add(f"{number}", number)

    running = asyncio.ensure_future(graph())
    await asyncio.wait({running}, timeout=0.05)
    assert not running.done()
    database.open.set()
    await asyncio.wait_for(running, 5)
    await recorder.close()
    assert [name for batch in database.batches for name in batch] == [f"{number}" for number in range(3 * MOST_WAITING)]
    assert max(len(batch) for batch in database.batches) <= MOST_WAITING


async def test_an_attempt_that_lost_its_run_tells_no_more_and_is_not_held_up() -> None:
    database = Database()
    database.fenced = True
    recorder = Recorder(RECORDED, Watched(), database.write)
    for number in range(3 * MOST_WAITING):
        await recorder.add(f"{number}", number)
    await recorder.close()
    assert len(database.batches) == 1
    assert not recorder.on


async def test_what_kept_events_from_being_written_is_answered_and_nobody_waits_for_ever() -> None:
    async def write(events: Sequence[RunEvent]) -> bool:
        raise ValueError("broken")

    recorder = Recorder(RECORDED, Watched(), write)
    for number in range(2 * MOST_WAITING):
        await recorder.add("e", number)
    assert isinstance(await recorder.close(), ValueError)


async def test_nothing_is_told_after_the_end() -> None:
    database = Database()
    recorder = Recorder(RECORDED, Watched(), database.write)
    await recorder.close()
    await recorder.add("late", 1)
    assert (database.batches, recorder.used) == ([], False)


@pytest.mark.parametrize("key", [run().run_id, THREAD])
async def test_a_run_is_recorded_from_when_somebody_follows_it_or_its_thread(key: str) -> None:
    database, watched = Database(), Watched()
    recorder = Recorder(run(), watched, database.write)
    await recorder.begin()
    await recorder.add("before", 1)
    assert not recorder.used
    watched.note("another")
    watched.note("")
    assert not recorder.on
    watched.note(key)
    await recorder.add("after", 2)
    await recorder.close()
    assert (database.batches, recorder.used) == ([["after"]], True)


def test_who_is_followed_is_forgotten_after_a_while() -> None:
    now = 1000.0
    watched = Watched(lambda: now)
    watched.note("a")
    now += WATCHED_FOR / 2
    watched.note("b")
    assert (watched.has("a"), watched.has("x", "b")) == (True, True)
    now += WATCHED_FOR / 2
    assert (watched.has("a"), watched.has("b")) == (False, True)
    watched.note("a")
    now += WATCHED_FOR
    watched.note("c")
    assert list(watched._until) == ["c"]


async def test_what_no_json_can_say_is_told_readably() -> None:
    texts: list[Any] = []

    async def write(events: Sequence[RunEvent]) -> bool:
        texts.extend(json.loads(event.data) for event in events)
        return True

    recorder = Recorder(RECORDED, Watched(), write)
    await recorder.add("custom", {"nan": float("nan"), "half": "\ud800", "type": int})
    await recorder.close()
    assert texts == [{"nan": None, "half": "\ufffd", "type": "<class 'int'>"}]
