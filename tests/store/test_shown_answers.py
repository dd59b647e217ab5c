"""Answers that are made of what a write returned, on the loop: where it can be, while the write is committed."""

from __future__ import annotations

import asyncio
import threading

import pytest

from cronlane_service.domain.models import Thread
from cronlane_service.store import SqlDatabase
from cronlane_service.store.writes import Write
from store.engines import ON_SQLITE
from store.rows import thread
from store.short_writes import LONG, exists, inserting, settled


@pytest.mark.parametrize("characters", [100, 1_000_000])
async def test_the_caller_gets_what_is_made_of_the_result_on_his_thread(store: SqlDatabase, characters: int) -> None:
    await settled(store)

    def shown(inserted: bool) -> tuple[bool, int]:
        return inserted, threading.get_ident()

    assert await store.write_few(inserting(thread()), characters, shown) == (True, threading.get_ident())


@ON_SQLITE
async def test_answers_are_made_while_the_commit_is_under_way(
    store: SqlDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    await settled(store)
    made, both, commit = [thread(), thread()], threading.Barrier(3), store._writer._batches.commit

    def waiting(notices: dict[object, None]) -> None:
        both.wait(LONG)
        commit(notices)  # type: ignore[arg-type]

    def shown(_: bool) -> bool:
        waits = threading.Thread(target=both.wait, args=(LONG,))
        waits.start()
        answered.append(waits)
        return exists(store, made[0])

    answered: list[threading.Thread] = []
    monkeypatch.setattr(store._writer._batches, "commit", waiting)
    async with asyncio.timeout(LONG):
        answers = await asyncio.gather(*(store.write_few(inserting(each), 100, shown) for each in made))
    for each in answered:
        each.join(LONG)
    assert answers == [False, False], "they were made before anybody else could see what was written"
    assert all(exists(store, each) for each in made)


async def test_what_cannot_be_shown_is_its_callers_trouble_alone(store: SqlDatabase) -> None:
    await settled(store)

    def fails(_: bool) -> bool:
        raise ValueError("it cannot be shown")

    made, troubles = [thread() for _ in range(3)], []
    asyncio.get_running_loop().set_exception_handler(lambda _, trouble: troubles.append(trouble))
    asked = [store.write_few(inserting(each), 100, bool if each is not made[1] else fails) for each in made]
    first, second, third = await asyncio.gather(*asked, return_exceptions=True)
    assert (first, third) == (True, True)
    assert isinstance(second, ValueError)
    assert troubles == [], "the loop hears nothing of it"
    assert all(exists(store, each) for each in made)


def test_what_was_made_of_a_result_is_not_the_answer_when_it_was_carried_out_again() -> None:
    made: list[Thread] = []
    loop = asyncio.new_event_loop()
    write = Write(lambda _: None, loop, lambda result: made.append(result) or result.thread_id)
    before, after = thread(), thread()
    write.result = before
    write.show()
    write.result = after
    assert write.answer() == (after.thread_id, None)
    write.result = before
    assert write.answer() == (before.thread_id, None)
    assert made == [before, after], "it was made once of each"
    loop.close()
