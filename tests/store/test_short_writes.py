"""Writes that the loop carries out itself, and another thread commits."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextvars import ContextVar
from random import Random
from time import monotonic

import pytest

from cronlane_service.domain.errors import Overloaded
from cronlane_service.domain.models import Thread
from cronlane_service.domain.ports import Topic, Transaction
from cronlane_service.store import SqlDatabase, short_writes
from cronlane_service.store.engine import Notice
from cronlane_service.store.writes import Write
from serving import wait_until
from store.engines import ON_SQLITE
from store.rows import thread
from store.short_writes import LONG, exists, few, idle, inserting, itself, settled, where


@ON_SQLITE
async def test_the_loop_carries_them_out_itself_while_the_writer_has_nothing_to_do(store: SqlDatabase) -> None:
    await settled(store)
    assert await few(store, where) == threading.get_ident()
    assert await store.write(where) != threading.get_ident()


@ON_SQLITE
async def test_what_may_take_long_is_left_to_the_writer(store: SqlDatabase) -> None:
    await settled(store)
    large = await store.write_few(where, 1_000_000, itself)
    assert large != threading.get_ident(), "much is written"
    idle(store)
    assert {await each for each in [few(store, where) for _ in range(100)]} == {large}, "many wait"
    idle(store)

    def slow(tx: Transaction) -> int:
        end = monotonic() + 0.02
        while monotonic() < end:
            tx.threads.find([])
        return where(tx)

    assert [await each for each in [few(store, slow), few(store, where)]] == [threading.get_ident(), large]


@ON_SQLITE
async def test_what_comes_while_the_writer_is_at_work_is_the_loop_s_again_when_it_is_done(store: SqlDatabase) -> None:
    await settled(store)
    begun, done = threading.Event(), threading.Event()

    def working(tx: Transaction) -> int:
        begun.set()
        done.wait(LONG)
        return where(tx)

    work = store.submit(working)
    assert begun.wait(LONG)
    short = few(store, where)
    await asyncio.sleep(0)
    done.set()
    assert await short == threading.get_ident()
    assert work.result(LONG) != threading.get_ident()


async def test_they_share_a_commit_and_are_answered_after_it(store: SqlDatabase) -> None:
    await settled(store)
    made = [thread() for _ in range(100)]
    writes = [few(store, inserting(each)) for each in made]
    assert await writes[0]
    assert exists(store, made[0])
    assert all(await asyncio.gather(*writes[1:]))
    assert all(exists(store, each) for each in made)


@ON_SQLITE
async def test_a_commit_waits_for_those_that_wrote_when_the_last_one_did(
    store: SqlDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(short_writes, "_PATIENCE", 0.1)  # on a busy machine, too
    await settled(store)
    shared: list[int] = []
    carry_out = store._writer._batches.carry_out_at_once

    def counting(batch: list[Write], notices: dict[Notice, None]) -> int:
        shared.append(len(batch))
        return carry_out(batch, notices)

    store._writer._batches.carry_out_at_once = counting  # type: ignore[method-assign]

    async def caller(pause: int) -> None:
        for _ in range(20):
            for _ in range(pause):
                await asyncio.sleep(0)  # so that no two come together
            assert await few(store, inserting(thread()))

    await asyncio.gather(*map(caller, range(8)))
    assert sum(shared) == 160
    assert len(shared) <= 30, shared


@ON_SQLITE
async def test_a_commit_does_not_wait_for_ever_for_those_that_wrote_before(store: SqlDatabase) -> None:
    await settled(store)
    store._writer._short.expect(10)
    async with asyncio.timeout(LONG):
        assert await few(store, where) == threading.get_ident()
    wait_until(lambda: store._writer._short._expected == 1, description="nobody is expected, as nobody else came")


@ON_SQLITE
async def test_nothing_waits_for_others_once_there_is_work_for_the_writer_or_it_stops(store: SqlDatabase) -> None:
    await settled(store)
    store._writer._short.expect(10)
    order: list[str] = []
    writes = [few(store, lambda _: order.append("short")), store.write(lambda _: order.append("long"))]
    await asyncio.gather(*writes)
    assert order == ["short", "long"]
    await settled(store)
    store._writer._short.expect(10)
    made = thread()
    waiting = few(store, inserting(made))
    store._writer.stop()
    assert await waiting
    assert exists(store, made)


@pytest.mark.parametrize("seed", range(5))
async def test_writes_of_both_kinds_are_carried_out_in_their_order(store: SqlDatabase, seed: int) -> None:
    await settled(store)
    random, order = Random(seed), []

    def noting(number: int) -> Callable[[Transaction], None]:
        return lambda tx: order.append(number)

    writes = []
    for number in range(300):
        write = few(store, noting(number)) if random.random() < 0.8 else store.write(noting(number))
        writes.append(write)
        if random.random() < 0.1:
            await writes[random.randrange(len(writes))]
    await asyncio.gather(*writes)
    assert order == list(range(300))


async def test_threads_and_the_loop_write_at_once_and_all_are_answered(store: SqlDatabase) -> None:
    made = [thread() for _ in range(1200)]

    def others(mine: list[Thread]) -> list[bool]:
        return [store.submit(inserting(each)).result(LONG) for each in mine]

    async def one_by_one(mine: list[Thread]) -> list[bool]:
        return [await few(store, inserting(each)) for each in mine]

    async with asyncio.timeout(4 * LONG):
        elsewhere = [asyncio.to_thread(others, made[at : at + 100]) for at in (0, 100)]
        beside = asyncio.to_thread(asyncio.run, one_by_one(made[200:300]))
        here = [one_by_one(made[at : at + 90]) for at in range(300, 1200, 90)]
        answers = await asyncio.gather(*elsewhere, beside, *here)
    assert all(map(all, answers))
    assert len(await store.read(lambda tx: tx.threads.find([each.thread_id for each in made]))) == 1200


async def test_operations_do_not_see_what_belongs_to_one_of_the_callers(store: SqlDatabase) -> None:
    await settled(store)
    caller: ContextVar[str] = ContextVar("caller")
    caller.set("one")
    assert await few(store, lambda _: caller.get("nobody")) == "nobody"


async def test_stopping_carries_out_those_that_wait(store: SqlDatabase) -> None:
    await settled(store)
    made = [thread() for _ in range(5)]
    writes = [few(store, inserting(each)) for each in made]
    store._writer.stop()
    assert await asyncio.gather(*writes) == [True] * 5
    assert all(exists(store, each) for each in made)


async def test_one_whose_caller_has_left_is_never_run(store: SqlDatabase) -> None:
    await settled(store)
    dropped, kept = thread(), thread()
    waiting = few(store, inserting(dropped))
    waiting.cancel()
    assert await few(store, inserting(kept))
    assert not exists(store, dropped)


async def test_those_that_wait_are_counted_and_refused_when_they_are_too_many(stopped_store: SqlDatabase) -> None:
    stopped_store.start()
    await settled(stopped_store)
    writes = [few(stopped_store, inserting(thread())) for _ in range(8)]
    with pytest.raises(Overloaded):
        few(stopped_store, inserting(thread()))
    assert all(await asyncio.gather(*writes))


async def test_listeners_hear_of_them_before_the_caller_has_the_answer(store: SqlDatabase) -> None:
    await settled(store)
    made, order = thread(), []

    def notifies(tx: Transaction) -> None:
        tx.threads.insert(made)
        tx.notify(Topic.RUNS)

    store.listen(Topic.RUNS, lambda _: order.append(f"told of what is there: {exists(store, made)}"))
    await few(store, notifies)
    assert order == ["told of what is there: True"]


async def test_stopping_waits_for_what_the_loop_carries_out(store: SqlDatabase) -> None:
    await settled(store)
    made, stopping = thread(), threading.Thread(target=store._writer.stop)

    def stops(tx: Transaction) -> bool:
        stopping.start()
        wait_until(lambda: store._writer._stopping, description="the writer takes no more")
        return tx.threads.insert(made)

    assert await few(store, stops)
    assert exists(store, made)
    stopping.join(LONG)
