from __future__ import annotations

from dataclasses import replace

import pytest
import structlog

from builders import NOON
from cronlane_service.domain.models import Cron, CronCounters, CronProgress
from cronlane_service.domain.policies import Policies
from cronlane_service.domain.ports import Transaction
from cronlane_service.domain.queries import CronQuery, Window
from cronlane_service.domain.runs import RunStatus
from cronlane_service.store import SqlDatabase, cron_rows, crons
from store.engines import ON_SQLITE
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


async def test_a_cron_is_due_at_its_due_instant_whatever_its_tick(store: SqlDatabase) -> None:
    held = cron(next_run_date=later(-9), due_at=later(1))
    await stored(store, held)
    assert await store.read(lambda tx: tx.crons.due(NOON, 10)) == []
    assert await store.read(lambda tx: tx.crons.next_due()) == later(1)
    assert await store.read(lambda tx: tx.crons.due(later(1), 10)) == [held]


async def test_advancing_sets_the_next_instants_and_adds_to_the_counters(store: SqlDatabase) -> None:
    one, two, three = cron(counters=CronCounters(fired=1, missed=2, failed=7)), cron(), cron()
    await stored(store, one, two, three)
    ahead = [
        CronProgress(one.cron_id, later(60), later(61), fired=2, missed=3, skipped=4),
        CronProgress(two.cron_id, None, None),
        CronProgress(new_id(), NOON, NOON),
    ]
    await store.write(lambda tx: tx.crons.advance(ahead))
    found = [await store.read(lambda tx, it=it: tx.crons.get("", it.cron_id)) for it in (one, two, three)]
    counted = CronCounters(fired=3, missed=5, skipped=4, failed=7)
    assert found == [
        replace(one, next_run_date=later(60), due_at=later(61), counters=counted),
        replace(two, next_run_date=None, due_at=None),
        three,
    ]


async def test_saving_a_cron_leaves_what_is_counted(store: SqlDatabase) -> None:
    mine = cron(counters=CronCounters(fired=5, last_outcome=RunStatus.ERROR))
    await stored(store, mine)
    await store.write(lambda tx: tx.crons.save(replace(mine, note="quiet", counters=CronCounters())))
    assert await store.read(lambda tx: tx.crons.get("", mine.cron_id)) == replace(mine, note="quiet")


async def test_failures_are_counted_in_a_row_and_pause_a_cron_that_has_had_enough(store: SqlDatabase) -> None:
    mine, patient = cron(policies=Policies(pause_after_failures=2)), cron()
    await stored(store, mine, patient)
    failed, ended = RunStatus.ERROR, RunStatus.SUCCESS

    async def after(*outcomes: RunStatus) -> tuple[int, int, bool]:
        for each in (mine, patient):
            for outcome in outcomes:
                await store.write(lambda tx, each=each, outcome=outcome: tx.crons.run_ended(each.cron_id, outcome))
        paused = await store.write(lambda tx: tx.crons.pause_failing(mine.cron_id, "enough", later(5)))
        assert not await store.write(lambda tx: tx.crons.pause_failing(patient.cron_id, "enough", later(5)))
        now = await store.read(lambda tx: tx.crons.get("", mine.cron_id))
        return now.counters.failed, now.counters.failures_in_a_row, paused

    assert await after(failed) == (1, 1, False)
    assert await after(ended) == (1, 0, False)
    assert await after(failed, RunStatus.INTERRUPTED) == (2, 1, False)
    assert await after(RunStatus.TIMEOUT) == (3, 2, True)
    now = await store.read(lambda tx: tx.crons.get("", mine.cron_id))
    assert (now.enabled, now.disabled_reason, now.paused_at) == (False, "enough", later(5))
    assert now.counters.last_outcome is RunStatus.TIMEOUT


async def test_crons_in_time_zones_come_by_id_in_pieces(store: SqlDatabase) -> None:
    zones = ["Asia/Tokyo", "Europe/Berlin"]
    zoned = [cron(timezone=zone) for zone in [*zones, "Asia/Tokyo"]]
    await stored(store, *zoned, cron(), cron(timezone="Asia/Seoul"), cron(timezone="Asia/Tokyo", enabled=False))
    assert await store.read(lambda tx: tx.crons.zoned(zones, "", 2)) == zoned[:2]
    assert await store.read(lambda tx: tx.crons.zoned(zones, zoned[1].cron_id, 2)) == zoned[2:]


async def test_a_disabled_cron_says_why_and_is_not_due(store: SqlDatabase) -> None:
    mine = cron()
    await stored(store, mine)
    await store.write(lambda tx: tx.crons.disable(mine.cron_id, "its zone is gone", later(3)))
    assert await store.read(lambda tx: tx.crons.get("", mine.cron_id)) == replace(
        mine,
        enabled=False,
        disabled_reason="its zone is gone",
        updated_at=later(3),
        next_run_date=None,
        due_at=None,
        paused_at=later(3),
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
    assert await store.write(lambda tx: tx.crons.delete(other.owner, other.cron_id))
    assert not await store.write(lambda tx: tx.crons.delete(other.owner, other.cron_id))


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


@ON_SQLITE
def test_a_batch_of_due_crons_is_walked_in_its_order_and_not_sorted(store: SqlDatabase) -> None:
    def plan(tx: Transaction) -> str:
        connection = tx.crons._connection  # type: ignore[attr-defined]
        sql = crons._DUE.sql(connection.engine)
        return str(connection._fetched(f"EXPLAIN QUERY PLAN {sql}", [1] * sql.count("?")))

    found = store.read_now(plan)
    assert "USING INDEX crons_due" in found
    assert "TEMP B-TREE" not in found


async def test_many_crons_go_on_at_once_each_by_its_own_steps(store: SqlDatabase) -> None:
    made = [cron(counters=CronCounters(fired=number)) for number in range(7)]
    await stored(store, *made)
    steps = [CronProgress(each.cron_id, later(number), None, 1, number) for number, each in enumerate(made[1:], 1)]
    await store.write(lambda tx: tx.crons.advance(steps))
    for number, each in enumerate(made):
        found = await store.read(lambda tx, cron_id=each.cron_id: tx.crons.get("", cron_id))
        assert found is not None
        counted = CronCounters(fired=number + 1, missed=number) if number else each.counters
        gone_on = replace(each, next_run_date=later(number), due_at=None) if number else each
        assert found == replace(gone_on, counters=counted)


def test_a_short_cron_is_understood_once_and_a_long_one_is_not_kept() -> None:
    short, long = (cron_rows.row(cron(metadata=metadata)) for metadata in ('{"a":1}', f'{{"a":"{"x" * 2000}"}}'))
    for row, kept in ((short, True), (long, False)):
        first, again = cron_rows.all_shown([(*row[:1], *row[1:]) for _ in range(2)])
        assert (first == again, first is again) == (True, kept)


def test_a_cron_that_cannot_be_read_is_told_of_each_time() -> None:
    row = list(cron_rows.row(cron()))
    row[10] = "{"
    with structlog.testing.capture_logs() as logs:
        problems = [each.unreadable for each in cron_rows.all_shown([tuple(row)] * 2)]
    assert [each["event"] for each in logs] == ["row_unreadable"] * 2
    assert problems[0] is not None
    assert "metadata is '{'" in problems[0]
