"""The watches themselves, without a server: no end of a run is lost."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest

from cronlane_service.domain.ports import Topic
from cronlane_service.rpc.endings import Endings, ServerStopping


class Listeners:
    """A database that only tells."""

    def listen(self, topic: Topic, listener: Callable[[str], None]) -> None:
        assert topic in (Topic.RUN_ENDED, Topic.RUN_EVENTS)
        self.tell = listener


async def test_an_end_between_reading_and_waiting_is_not_lost() -> None:
    database: Any = Listeners()
    endings = Endings(database)
    with endings.watch("run") as watch:
        database.tell("run")
        await asyncio.wait_for(watch.changed(), 5)
        database.tell("other")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(watch.changed(), 0.05)
    database.tell("run")  # nobody listens any more
    assert not endings._watches


async def test_no_end_is_lost_when_eight_threads_tell_of_them() -> None:
    database: Any = Listeners()
    endings = Endings(database)
    ended: set[str] = set()

    async def wait(run_id: str) -> None:
        for _ in range(3):
            with endings.watch(run_id) as watch:
                while run_id not in ended:
                    await watch.changed()

    def tell(own: range) -> None:
        for number in own:
            ended.add(f"run{number}")
            database.tell(f"run{number}")

    waiters = [asyncio.ensure_future(wait(f"run{number}")) for number in range(800) for _ in range(2)]
    tellers = [threading.Thread(target=tell, args=(range(start, 800, 8),)) for start in range(8)]
    await asyncio.sleep(0)
    for teller in tellers:
        teller.start()
    async with asyncio.timeout(20):
        await asyncio.gather(*waiters)
    for teller in tellers:
        teller.join()
    assert not endings._watches


async def test_after_the_end_nobody_begins_to_wait() -> None:
    database: Any = Listeners()
    endings = Endings(database)
    endings.close()
    with pytest.raises(ServerStopping), endings.watch("run"):
        pytest.fail("the watch began")


async def test_a_notice_without_a_key_wakes_everybody() -> None:
    database: Any = Listeners()
    endings = Endings(database)
    with endings.watch("run") as one, endings.watch("thread") as other:
        database.tell("")
        async with asyncio.timeout(5):
            await asyncio.gather(one.changed(), other.changed())


async def test_a_watch_can_be_given_up_for_a_while() -> None:
    database: Any = Listeners()
    with Endings(database).watch("run") as watch:
        async with asyncio.timeout(5):
            await watch.changed(within=0.01)
