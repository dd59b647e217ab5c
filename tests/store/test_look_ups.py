"""Look-ups: reads by key that keep neither the loop nor each other waiting."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from cronlane_service.domain.errors import InvalidField, StoreUnavailable
from cronlane_service.domain.models import Thread
from cronlane_service.domain.ports import Transaction
from cronlane_service.store import SqlDatabase
from store.engines import ON_POSTGRESQL
from store.rows import thread

_KILL = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
)


def finding(made: Thread) -> Callable[[Transaction], Thread | None]:
    return lambda tx: tx.threads.get(made.owner, made.thread_id)


def sql(text: str, *values: Any) -> Callable[[Any], Any]:
    return lambda tx: tx.threads._connection.execute(text, *values)


async def stored(store: SqlDatabase, count: int) -> list[Thread]:
    made = [thread() for _ in range(count)]
    await store.write(lambda tx: tx.threads.insert_many(made))
    return made


async def test_each_of_many_look_ups_gets_its_own_answer(store: SqlDatabase) -> None:
    made = await stored(store, 300)
    assert await asyncio.gather(*(store.look_up(finding(each)) for each in made)) == made


async def test_a_look_up_sees_what_was_acknowledged(store: SqlDatabase) -> None:
    for _ in range(20):
        [made] = await stored(store, 1)
        assert await store.look_up(finding(made)) == made


async def test_a_look_up_may_ask_by_what_it_was_answered(store: SqlDatabase) -> None:
    first, second = await stored(store, 2)

    def both(tx: Transaction) -> list[Thread | None]:
        found = finding(first)(tx)
        return [found, finding(second)(tx) if found else None, finding(first)(tx)]

    assert await store.look_up(both) == [first, second, first]


async def test_what_a_look_up_raises_reaches_its_caller_alone(store: SqlDatabase) -> None:
    made = await stored(store, 40)

    def refuses(tx: Transaction) -> None:
        assert finding(made[0])(tx)
        raise InvalidField("ids", "are wrong")

    found = await asyncio.gather(
        *(store.look_up(refuses if number % 2 else finding(each)) for number, each in enumerate(made)),
        return_exceptions=True,
    )
    assert found[::2] == made[::2]
    assert {type(each) for each in found[1::2]} == {InvalidField}


@pytest.mark.parametrize("bad", ["SELECT nothing_there", "SELECT 1/(%s::int - 1)"])
@ON_POSTGRESQL
async def test_a_statement_that_the_database_refuses_spoils_no_other(store: SqlDatabase, bad: str) -> None:
    made = await stored(store, 40)
    wrong = sql(bad, 1) if "%s" in bad else sql(bad)
    for _ in range(2):
        found = await asyncio.gather(
            *(store.look_up(wrong if number % 4 == 1 else finding(each)) for number, each in enumerate(made)),
            return_exceptions=True,
        )
        assert [each for number, each in enumerate(found) if number % 4 != 1] == [
            each for number, each in enumerate(made) if number % 4 != 1
        ]
        assert all(isinstance(each, psycopg.Error) for each in found[1::4])


@ON_POSTGRESQL
async def test_a_statement_that_is_new_beside_one_that_the_database_refuses_can_be_asked(store: SqlDatabase) -> None:
    asked = (store.look_up(sql("SELECT 1/(%s::int - 1)", 1)), store.look_up(sql("SELECT %s::int + 40", 2)))
    refused, found = await asyncio.gather(*asked, return_exceptions=True)
    assert isinstance(refused, psycopg.Error)
    assert found == [(42,)]


@ON_POSTGRESQL
async def test_a_look_up_whose_caller_has_left_hurts_nobody(store: SqlDatabase) -> None:
    made = await stored(store, 20)
    left = [asyncio.ensure_future(store.look_up(finding(each))) for each in made]
    stays = [asyncio.ensure_future(store.look_up(finding(each))) for each in made]
    await asyncio.sleep(0)
    for each in left[1:]:
        each.cancel()
    assert await asyncio.gather(*stays) == made
    assert await left[0] == made[0]


@ON_POSTGRESQL
async def test_look_ups_go_on_when_their_connection_was_lost(store: SqlDatabase) -> None:
    made = await stored(store, 20)
    assert await store.look_up(finding(made[0])) == made[0]
    await store.read(sql(_KILL))
    assert await asyncio.gather(*(store.look_up(finding(each)) for each in made)) == made


@ON_POSTGRESQL
async def test_look_ups_under_way_are_asked_again_when_their_connection_is_lost(store: SqlDatabase) -> None:
    [made] = await stored(store, 1)
    assert await store.look_up(finding(made)) == made
    sleeping = asyncio.ensure_future(store.look_up(sql("SELECT 1 FROM pg_sleep(0.5)")))
    waiting = [asyncio.ensure_future(store.look_up(finding(made))) for _ in range(5)]
    await asyncio.sleep(0.1)
    await store.read(sql(_KILL))
    assert await asyncio.gather(*waiting) == [made] * 5
    assert await sleeping == [(1,)]


@ON_POSTGRESQL
async def test_values_go_and_come_as_they_do_elsewhere(store: SqlDatabase) -> None:
    values = ["it's", '100% of \\ "it"', "NUL \0", 2**60, -1, True, None, ["a", 'b"', "c\0"], "x" * 5_000_000]
    question = (
        "SELECT %s::text, %s::text, %s::text, %s::bigint, %s::int, %s::bool, %s::text, %s::text[], %s::text, '%%'",
        *values,
    )
    assert await store.look_up(sql(*question)) == await store.read(sql(*question))


async def test_look_ups_of_several_loops_go_on_side_by_side(store: SqlDatabase) -> None:
    made = await stored(store, 20)

    async def all_found() -> bool:
        return await asyncio.gather(*(store.look_up(finding(each)) for each in made)) == made

    threads = [asyncio.to_thread(asyncio.run, all_found()) for _ in range(3)]
    assert await asyncio.gather(all_found(), *threads) == [True] * 4


async def test_a_look_up_after_the_stop_is_refused(store: SqlDatabase) -> None:
    [made] = await stored(store, 1)
    assert await store.look_up(finding(made)) == made
    store.stop()
    with pytest.raises(StoreUnavailable, match="closed"):
        await store.look_up(finding(made))


@ON_POSTGRESQL
async def test_the_stop_ends_a_look_up_under_way(store: SqlDatabase) -> None:
    await store.look_up(sql("SELECT 1"))
    sleeping = asyncio.ensure_future(store.look_up(sql("SELECT pg_sleep(60)")))
    await asyncio.sleep(0.1)
    await asyncio.to_thread(store.stop)
    with pytest.raises(StoreUnavailable):
        await sleeping
