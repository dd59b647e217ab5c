from __future__ import annotations

import asyncio
import threading
from typing import Any

import peewee
import pytest

from cronlane_service.domain.errors import InvalidField, StoreUnavailable
from cronlane_service.domain.ports import Transaction
from cronlane_service.store import SqlDatabase
from store.engines import ON_SQLITE
from store.rows import thread


async def test_a_read_sees_what_was_acknowledged(store: SqlDatabase) -> None:
    for _ in range(20):
        made = thread()
        await store.write(lambda tx, made=made: tx.threads.insert(made))
        assert await store.read(lambda tx, made=made: tx.threads.get("", made.thread_id)) == made


async def test_a_read_sees_one_state_while_others_write(store: SqlDatabase) -> None:
    made, looked, written = thread(), threading.Event(), threading.Event()

    def twice(tx: Transaction) -> list[int]:
        before = len(tx.threads.find([made.thread_id]))
        looked.set()
        assert written.wait(10)
        return [before, len(tx.threads.find([made.thread_id]))]

    reading = asyncio.ensure_future(store.read(twice))
    assert await asyncio.to_thread(looked.wait, 10)
    await store.write(lambda tx: tx.threads.insert(made))
    written.set()
    assert await reading == [0, 0]


async def test_a_read_cannot_write(store: SqlDatabase) -> None:
    made = thread()
    with pytest.raises(StoreUnavailable, match=r"read-?only"):
        await store.read(lambda tx: tx.threads.insert(made))
    assert await store.read(lambda tx: tx.threads.find([made.thread_id])) == {}
    assert store.failing is None


async def test_what_a_read_raises_reaches_its_caller_and_the_connection_goes_on(store: SqlDatabase) -> None:
    def refuses(tx: Transaction) -> None:
        raise InvalidField("ids", "are wrong")

    for _ in range(10):
        with pytest.raises(InvalidField):
            await store.read(refuses)
    assert await store.read(lambda tx: tx.threads.find([])) == {}
    assert len(store._readers._idle) == 1


async def test_reads_go_on_beside_a_write_that_takes_long(store: SqlDatabase) -> None:
    entered, release = threading.Event(), threading.Event()

    def holds(tx: Transaction) -> bool:
        tx.threads.insert(thread())
        entered.set()
        return release.wait(10)

    writing = store.submit(holds)
    assert await asyncio.to_thread(entered.wait, 10)
    reads = await asyncio.gather(*(store.read(lambda tx: tx.threads.find([])) for _ in range(20)))
    assert reads == [{}] * 20
    release.set()
    assert writing.result(10)


async def test_a_read_under_way_when_the_store_stops_is_finished(store: SqlDatabase) -> None:
    entered, release = threading.Event(), threading.Event()

    def holds(tx: Transaction) -> int:
        entered.set()
        assert release.wait(10)
        return len(tx.threads.find([]))

    here = asyncio.ensure_future(asyncio.to_thread(store.read_now, holds))
    assert await asyncio.to_thread(entered.wait, 10)
    store.stop()
    with pytest.raises(StoreUnavailable, match="closed"):
        await store.read(lambda tx: tx.threads.find([]))
    release.set()
    assert await here == 0
    assert not store._readers._idle, "its connection is closed"


@ON_SQLITE
async def test_a_short_search_is_made_at_once_on_the_thread_that_asks(store: SqlDatabase) -> None:
    assert await store.search(lambda tx: (tx.threads.find([]), threading.get_ident())) == ({}, threading.get_ident())


@ON_SQLITE
async def test_a_search_that_takes_long_is_left_to_another_thread(store: SqlDatabase) -> None:
    count = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 300000) SELECT count(*) FROM n"
    threads: list[int] = []

    def counts(tx: Transaction) -> list[tuple[int]]:
        threads.append(threading.get_ident())
        return tx.threads._connection.execute(count)  # type: ignore[attr-defined, no-any-return]

    for _ in range(3):
        assert await store.search(counts) == [(300000,)]
    here = threading.get_ident()
    assert [each == here for each in threads] == [True, False] * 3
    assert store.read_now(counts) == [(300000,)], "who may wait is given the time"
    assert len(store._readers._idle) == 1, "the other thread's connection is used on"


@ON_SQLITE
async def test_the_connection_of_a_search_that_was_given_up_is_not_used_on(store: SqlDatabase) -> None:
    """Python 3.11 prepares a statement that was given up between its rows anew at each use."""
    rows = (
        "SELECT i FROM (WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n) LIMIT 100000"
    )
    connections: list[Any] = []

    def read(tx: Transaction) -> int:
        connections.append(tx.threads._connection)  # type: ignore[attr-defined]
        return len(connections[-1].execute(rows))

    assert await store.search(read) == 100000
    given_up, finished = connections
    assert [each.connection for each in store._readers._idle] == [finished]
    with pytest.raises(peewee.PeeweeException, match="closed"):
        given_up.execute("SELECT 1")


async def test_a_search_cannot_write(store: SqlDatabase) -> None:
    made = thread()
    with pytest.raises(StoreUnavailable, match=r"read-?only"):
        await store.search(lambda tx: tx.threads.insert(made))
    assert await store.search(lambda tx: tx.threads.find([made.thread_id])) == {}
