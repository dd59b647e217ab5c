from __future__ import annotations

from dataclasses import replace

import pytest

from builders import NOON
from cronlane_service.domain.models import Cron
from cronlane_service.domain.queries import CronQuery, Window
from cronlane_service.store import SqlDatabase
from store.rows import cron, later, new_id


async def stored(store: SqlDatabase, *crons: Cron) -> None:
    await store.write(lambda tx: [tx.crons.insert(each) for each in crons])


async def test_due_crons_come_oldest_first_and_no_more_than_asked_for(store: SqlDatabase) -> None:
    late, early, now = cron(next_run_date=later(-1)), cron(next_run_date=later(-9)), cron(next_run_date=NOON)
    others = [cron(next_run_date=later(0.000001)), cron(next_run_date=None), cron(enabled=False)]
    await stored(store, now, late, early, *others)
    assert await store.read(lambda tx: tx.crons.due(NOON, 10)) == [early, late, now]
    assert await store.read(lambda tx: tx.crons.due(NOON, 2)) == [early, late]


async def test_the_next_due_instant_is_the_smallest_of_enabled_crons(store: SqlDatabase) -> None:
    assert await store.read(lambda tx: tx.crons.next_due()) is None
    await stored(store, cron(next_run_date=later(-5), enabled=False), cron(next_run_date=None), cron(), cron())
    assert await store.read(lambda tx: tx.crons.next_due()) == NOON


async def test_advancing_sets_the_next_instant_and_nothing_else(store: SqlDatabase) -> None:
    one, two, three = cron(), cron(), cron()
    await stored(store, one, two, three)
    await store.write(lambda tx: tx.crons.advance({one.cron_id: later(60), two.cron_id: None, new_id(): NOON}))
    found = [await store.read(lambda tx, it=it: tx.crons.get("", it.cron_id)) for it in (one, two, three)]
    assert found == [replace(one, next_run_date=later(60)), replace(two, next_run_date=None), three]


async def test_a_disabled_cron_says_why_and_is_not_due(store: SqlDatabase) -> None:
    mine = cron()
    await stored(store, mine)
    await store.write(lambda tx: tx.crons.disable(mine.cron_id, "its zone is gone", later(3)))
    assert await store.read(lambda tx: tx.crons.get("", mine.cron_id)) == replace(
        mine, enabled=False, disabled_reason="its zone is gone", updated_at=later(3), next_run_date=None
    )
    assert await store.read(lambda tx: tx.crons.due(later(99), 10)) == []


async def test_a_cron_is_seen_by_its_owner_alone(store: SqlDatabase) -> None:
    mine = cron(owner="ann")
    await stored(store, mine)
    assert await store.read(lambda tx: tx.crons.get("", mine.cron_id)) is None
    assert (await store.read(lambda tx: tx.crons.search("", CronQuery(), Window()))).items == []


async def test_the_crons_of_a_thread_are_deleted_together(store: SqlDatabase) -> None:
    thread_id, other = new_id(), cron(thread_id=new_id())
    await stored(store, cron(thread_id=thread_id), cron(thread_id=thread_id), other)
    assert await store.write(lambda tx: tx.crons.delete_of_thread(thread_id)) == 2
    assert (await store.read(lambda tx: tx.crons.search("", CronQuery(), Window()))).items == [other]
    assert await store.write(lambda tx: tx.crons.delete(other.cron_id))
    assert not await store.write(lambda tx: tx.crons.delete(other.cron_id))


async def test_a_search_filters_by_every_condition(store: SqlDatabase) -> None:
    thread_id = new_id()
    mine = cron(thread_id=thread_id, enabled=False, assistant_id="a", metadata='{"team":"x"}')
    await stored(store, mine, cron(), cron(thread_id=new_id(), metadata='{"team":"y"}'))
    for query in (
        CronQuery(assistant_id="a"),
        CronQuery(thread_id=thread_id),
        CronQuery(enabled=False),
        CronQuery(metadata='{"team":"x"}'),
        CronQuery("a", thread_id, False, "{}"),
    ):
        page = await store.read(lambda tx, query=query: tx.crons.search("", query, Window()))
        assert (page.items, page.total) == ([mine], 1)
        assert await store.read(lambda tx, query=query: tx.crons.count("", query)) == 1
    assert await store.read(lambda tx: tx.crons.count("", CronQuery(enabled=True))) == 2


@pytest.mark.parametrize("descending", [True, False])
@pytest.mark.parametrize("column", ["next_run_date", "end_time", "thread_id"])
async def test_crons_without_the_column_they_are_sorted_by_come_last(
    store: SqlDatabase, column: str, descending: bool
) -> None:
    values = [new_id(), new_id()] if column == "thread_id" else [later(1), later(2)]
    first, second, without = (cron(**{column: value}) for value in (*values, None))
    await stored(store, without, second, first)
    window = Window(sort_by=column, descending=descending)
    page = await store.read(lambda tx: tx.crons.search("", CronQuery(), window))
    assert page.items == ([second, first, without] if descending else [first, second, without])
