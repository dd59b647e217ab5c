from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier
from typing import Any

from builders import NOON
from cronlane_service.domain.webhooks import Webhook
from cronlane_service.store import SqlDatabase
from store.rows import later

FIRST = Webhook("r1", "ann", "http://example.com/?a=é", '{"n": 1.0}', NOON, NOON)


async def test_a_webhook_comes_back_as_it_was_written(store: SqlDatabase) -> None:
    await store.write(lambda tx: tx.webhooks.insert(FIRST))
    (claimed,) = await store.write(lambda tx: tx.webhooks.claim(NOON, later(60), 10))
    assert claimed == replace(FIRST, attempts=1, next_attempt_at=later(60))


async def test_a_run_is_told_once(store: SqlDatabase) -> None:
    await store.write(lambda tx: tx.webhooks.insert(FIRST))
    await store.write(lambda tx: tx.webhooks.insert(replace(FIRST, body="{}")))
    (claimed,) = await store.write(lambda tx: tx.webhooks.claim(NOON, later(60), 10))
    assert claimed.body == FIRST.body


async def test_the_longest_due_are_claimed_first_and_none_before_its_time(store: SqlDatabase) -> None:
    for number in (3, 1, 2):
        webhook = replace(FIRST, run_id=f"r{number}", next_attempt_at=later(number), created_at=later(number))
        await store.write(lambda tx, one=webhook: tx.webhooks.insert(one))
    assert await store.read(lambda tx: tx.webhooks.next_due()) == later(1)

    async def claim(now: int, limit: int) -> list[str]:
        found = await store.write(lambda tx: tx.webhooks.claim(later(now), later(60), limit))
        return [webhook.run_id for webhook in found]

    assert await claim(0, 10) == []
    assert await claim(2, 1) == ["r1"]
    assert await claim(2, 10) == ["r2"]
    assert await claim(2, 10) == []
    assert await store.read(lambda tx: tx.webhooks.next_due()) == later(3)


async def test_only_who_claimed_it_last_can_put_it_off_or_delete_it(store: SqlDatabase) -> None:
    await store.write(lambda tx: tx.webhooks.insert(FIRST))
    (lost,) = await store.write(lambda tx: tx.webhooks.claim(NOON, later(1), 10))
    (held,) = await store.write(lambda tx: tx.webhooks.claim(later(1), later(60), 10))
    await store.write(lambda tx: tx.webhooks.delete(lost))
    await store.write(lambda tx: tx.webhooks.put_off(lost, later(2), "lost"))
    assert await store.read(lambda tx: tx.webhooks.next_due()) == later(60)
    await store.write(lambda tx: tx.webhooks.put_off(held, later(5), "answered 500"))
    (again,) = await store.write(lambda tx: tx.webhooks.claim(later(5), later(60), 10))
    assert (again.attempts, again.last_error) == (3, "answered 500")
    await store.write(lambda tx: tx.webhooks.delete(again))
    assert await store.read(lambda tx: tx.webhooks.next_due()) is None


async def test_all_are_made_due_at_once(store: SqlDatabase) -> None:
    await store.write(lambda tx: tx.webhooks.insert(FIRST))
    await store.write(lambda tx: tx.webhooks.claim(NOON, later(60), 10))
    assert await store.write(lambda tx: tx.webhooks.release(later(1))) == 1
    assert await store.read(lambda tx: tx.webhooks.next_due()) == later(1)


def test_eight_who_claim_at_the_same_time_never_get_the_same(store: SqlDatabase) -> None:
    for number in range(40):
        webhook = replace(FIRST, run_id=f"r{number:02}")
        store.submit(lambda tx, one=webhook: tx.webhooks.insert(one)).result(10)
    together = Barrier(8)

    def claim(_: int) -> list[str]:
        together.wait(10)
        got: list[Any] = []
        while found := store.submit(lambda tx: tx.webhooks.claim(NOON, later(60), 3)).result(10):
            got += found
        return [webhook.run_id for webhook in got]

    with ThreadPoolExecutor(8) as threads:
        claimed = [run_id for part in threads.map(claim, range(8)) for run_id in part]
    assert sorted(claimed) == [f"r{number:02}" for number in range(40)]
