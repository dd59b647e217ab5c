from __future__ import annotations

import pytest

from builders import NOON
from cronlane_service.domain.errors import RequestIdReused
from cronlane_service.store import SqlDatabase
from store.rows import later


async def test_a_request_seen_before_names_what_it_made(store: SqlDatabase) -> None:
    await store.write(lambda tx: tx.requests.insert("ann", "1", "same", "cron-1", NOON))
    assert await store.read(lambda tx: tx.requests.seen("ann", "1", "same")) == "cron-1"
    assert await store.read(lambda tx: tx.requests.seen("ann", "2", "same")) is None
    assert await store.read(lambda tx: tx.requests.seen("bob", "1", "other")) is None
    with pytest.raises(RequestIdReused):
        await store.read(lambda tx: tx.requests.seen("ann", "1", "other"))


async def test_old_requests_are_forgotten_oldest_first(store: SqlDatabase) -> None:
    for number in range(5):
        await store.write(lambda tx, n=number: tx.requests.insert("", str(n), "f", "r", later(n)))
    assert await store.write(lambda tx: tx.requests.delete_before(later(3), 2)) == 2
    assert await store.write(lambda tx: tx.requests.delete_before(later(3), 2)) == 1
    assert await store.write(lambda tx: tx.requests.delete_before(later(3), 2)) == 0
    left = [await store.read(lambda tx, n=n: tx.requests.seen("", str(n), "f")) for n in range(5)]
    assert left == [None, None, None, "r", "r"]


async def test_each_of_many_requests_that_are_forgotten_counts(store: SqlDatabase) -> None:
    for number in range(18):
        await store.write(lambda tx, n=number: tx.requests.insert("", str(n), "f", "r", later(n)))
    forgotten = [await store.write(lambda tx: tx.requests.delete_before(later(18), 6)) for _ in range(4)]
    assert forgotten == [6, 6, 6, 0]


async def test_purges_wait_until_they_are_done(store: SqlDatabase) -> None:
    for thread_id, run_id in (("b", ""), ("a", "r1"), ("a", ""), ("b", "")):
        await store.write(lambda tx, key=(thread_id, run_id): tx.purges.insert(*key))
    assert await store.read(lambda tx: tx.purges.list(10)) == [("a", ""), ("a", "r1"), ("b", "")]
    assert await store.read(lambda tx: tx.purges.list(1)) == [("a", "")]
    await store.write(lambda tx: tx.purges.delete("a", ""))
    await store.write(lambda tx: tx.purges.delete("a", ""))
    assert await store.read(lambda tx: tx.purges.list(10)) == [("a", "r1"), ("b", "")]
