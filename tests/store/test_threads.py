from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from builders import NOON
from cronlane_service.domain.lifetimes import PruneStrategy, Ttl
from cronlane_service.domain.models import ThreadStatus
from cronlane_service.domain.queries import ThreadQuery, Window
from cronlane_service.store import SqlDatabase
from store.rows import later, new_id, thread


async def test_an_id_that_is_taken_is_not_written_over(store: SqlDatabase) -> None:
    mine = thread(owner="ann", metadata='{"a":1}')
    assert await store.write(lambda tx: tx.threads.insert(mine))
    assert not await store.write(lambda tx: tx.threads.insert(thread(thread_id=mine.thread_id, owner="bob")))
    assert await store.read(lambda tx: tx.threads.get("ann", mine.thread_id)) == mine


async def test_a_thread_is_seen_by_its_owner_alone(store: SqlDatabase) -> None:
    mine = thread(owner="ann")
    await store.write(lambda tx: tx.threads.insert_many([mine]))
    assert await store.read(lambda tx: tx.threads.get("bob", mine.thread_id)) is None
    assert (await store.read(lambda tx: tx.threads.search("bob", ThreadQuery(), Window()))).total == 0
    assert await store.read(lambda tx: tx.threads.count("ann", ThreadQuery())) == 1


async def test_many_threads_are_written_marked_and_found_at_once(store: SqlDatabase) -> None:
    many = [thread() for _ in range(40_000)]
    ids = [each.thread_id for each in many]
    await store.write(lambda tx: tx.threads.insert_many(many))
    await store.write(lambda tx: tx.threads.mark(ids, ThreadStatus.BUSY, later(5)))
    found = await store.read(lambda tx: tx.threads.find([*ids, new_id()]))
    assert set(found) == set(ids)
    assert {(each.status, each.updated_at, each.state_updated_at, each.created_at) for each in found.values()} == {
        (ThreadStatus.BUSY, later(5), later(5), NOON)
    }


async def test_a_thread_that_is_as_it_was_is_understood_once(store: SqlDatabase) -> None:
    made = thread()
    await store.write(lambda tx: tx.threads.insert(made))
    first, again = [await store.read(lambda tx: tx.threads.get("", made.thread_id)) for _ in range(2)]
    assert first is again
    await store.write(lambda tx: tx.threads.mark([made.thread_id], ThreadStatus.BUSY, made.updated_at))
    changed = await store.read(lambda tx: tx.threads.get("", made.thread_id))
    assert changed == replace(made, status=ThreadStatus.BUSY)


async def test_deleting_says_whether_there_was_a_thread(store: SqlDatabase) -> None:
    mine = thread()
    await store.write(lambda tx: tx.threads.insert(mine))
    assert await store.write(lambda tx: tx.threads.delete(mine.thread_id))
    assert not await store.write(lambda tx: tx.threads.delete(mine.thread_id))


async def test_a_search_goes_page_by_page_in_one_order(store: SqlDatabase) -> None:
    # Pairs share an instant: the id decides between them, in the same direction.
    many = [thread(created_at=later(number // 2)) for number in range(10)]
    await store.write(lambda tx: tx.threads.insert_many(list(reversed(many))))
    for descending, expected in ((False, many), (True, many[::-1])):
        seen = []
        for offset in range(0, 12, 3):
            window = Window(limit=3, offset=offset, descending=descending)
            page = await store.read(lambda tx, window=window: tx.threads.search("", ThreadQuery(), window))
            assert page.total == 10
            seen += page.items
        assert seen == expected


@pytest.mark.parametrize("column", ["thread_id", "status", "created_at", "updated_at", "state_updated_at"])
async def test_a_search_can_be_sorted_by(store: SqlDatabase, column: str) -> None:
    first = thread(status=ThreadStatus.BUSY)
    second = thread(status=ThreadStatus.IDLE, created_at=later(1), updated_at=later(1), state_updated_at=later(1))
    await store.write(lambda tx: tx.threads.insert_many([second, first]))
    page = await store.read(lambda tx: tx.threads.search("", ThreadQuery(), Window(sort_by=column, descending=False)))
    assert page.items == [first, second]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        (ThreadQuery(status=ThreadStatus.BUSY), {"b"}),
        (ThreadQuery(metadata='{"who": "a"}'), {"a"}),
        (ThreadQuery(metadata='{"deep": {"x": 1}}'), {"a"}),
        (ThreadQuery(metadata='{"deep": {"x": 1.5}}'), set()),
        (ThreadQuery(metadata='{"list": [1]}'), set()),
        (ThreadQuery(metadata='{"list": [1, 2]}'), {"b"}),
        (ThreadQuery(metadata='{"flag": true}'), {"b"}),
        (ThreadQuery(metadata='{"flag": 1}'), set()),
        (ThreadQuery(metadata='{"big": 9007199254740993}'), {"b"}),
        (ThreadQuery(metadata='{"big": 9007199254740992}'), set()),
        (ThreadQuery(metadata="{}"), {"a", "b"}),
        (ThreadQuery(values='{"state": "x"}'), {"a"}),
        (ThreadQuery(values="{}"), {"a"}),
        (ThreadQuery(metadata='{"who": "a"}', status=ThreadStatus.BUSY), set()),
    ],
)
async def test_all_conditions_of_a_search_must_hold(store: SqlDatabase, query: ThreadQuery, found: set[str]) -> None:
    a = thread(metadata='{"who":"a","deep":{"x":1,"y":2}}', values='{"state":"x","more":1}')
    b = thread(
        metadata='{"who":"b","list":[1,2],"flag":true,"big":9007199254740993}', status=ThreadStatus.BUSY, values=None
    )
    await store.write(lambda tx: tx.threads.insert_many([a, b]))
    page = await store.read(lambda tx: tx.threads.search("", query, Window()))
    names = {a.thread_id: "a", b.thread_id: "b"}
    assert {names[each.thread_id] for each in page.items} == found
    assert page.total == len(found) == await store.read(lambda tx: tx.threads.count("", query))


async def test_a_search_can_name_ids(store: SqlDatabase) -> None:
    a, b, c = thread(), thread(), thread(owner="bob")
    await store.write(lambda tx: tx.threads.insert_many([a, b, c]))
    query = ThreadQuery(ids=(a.thread_id, c.thread_id, new_id()))
    assert (await store.read(lambda tx: tx.threads.search("", query, Window()))).items == [a]


async def test_a_filter_that_is_not_json_is_the_callers_mistake(store: SqlDatabase) -> None:
    with pytest.raises(ValueError, match="Expecting"):
        await store.read(lambda tx: tx.threads.count("", ThreadQuery(metadata="{")))
    assert store.failing is None


async def test_one_document_that_cannot_be_read_spoils_no_search(store: SqlDatabase) -> None:
    good, broken, deep = thread(values='{"x":1}'), thread(values='{"x":NaN}'), thread(values="[" * 9999)
    await store.write(lambda tx: tx.threads.insert_many([good, broken, deep]))
    page = await store.read(lambda tx: tx.threads.search("", ThreadQuery(values='{"x":1}'), Window()))
    assert page.items == [good]


async def test_threads_end_after_their_time_the_longest_over_first(store: SqlDatabase) -> None:
    minutes = {n: Ttl(timedelta(minutes=n), PruneStrategy.KEEP_LATEST) for n in (3, 1, 2, 9)}
    by_time = {n: thread(ttl=ttl) for n, ttl in minutes.items()}
    busy = thread(ttl=Ttl(timedelta(minutes=1)), status=ThreadStatus.BUSY)
    await store.write(lambda tx: tx.threads.insert_many([*by_time.values(), busy, thread(), thread(ttl=None)]))
    now = NOON + timedelta(minutes=3)
    ended = await store.write(lambda tx: tx.threads.ended(now, 10))
    assert ended == [by_time[1], by_time[2], by_time[3]]
    assert await store.write(lambda tx: tx.threads.ended(now, 2)) == [by_time[1], by_time[2]]
    await store.write(lambda tx: tx.threads.outlive([by_time[1].thread_id]))
    assert await store.write(lambda tx: tx.threads.ended(now, 10)) == [by_time[2], by_time[3]]
    assert await store.read(lambda tx: tx.threads.get("", by_time[1].thread_id)) == by_time[1]


async def test_a_mark_and_a_save_renew_a_thread(store: SqlDatabase) -> None:
    marked, saved = (thread(ttl=Ttl(timedelta(minutes=1))) for _ in range(2))
    endless = thread()
    await store.write(lambda tx: tx.threads.insert_many([marked, saved, endless]))
    ids, then = [marked.thread_id, endless.thread_id], NOON + timedelta(seconds=40)
    await store.write(lambda tx: tx.threads.mark(ids, ThreadStatus.IDLE, then))
    await store.write(lambda tx: tx.threads.save(replace(saved, updated_at=then)))
    assert await store.write(lambda tx: tx.threads.ended(NOON + timedelta(seconds=99), 10)) == []
    ended = await store.write(lambda tx: tx.threads.ended(NOON + timedelta(seconds=100), 10))
    assert {each.thread_id for each in ended} == {marked.thread_id, saved.thread_id}
