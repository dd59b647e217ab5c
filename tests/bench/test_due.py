"""Crons that are due together, and when their ticks were seen."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice

from bench import due
from bench.lateness import Firing
from cronlane_service.domain.schedule import Schedule

AT = datetime(2027, 3, 5, 16, 7, 30, tzinfo=UTC)


def test_all_schedules_differ_and_name_the_instant() -> None:
    made = list(islice(due.schedules(AT), 100_000))
    assert len(set(made)) == 100_000
    for schedule in made[::500]:
        assert Schedule.parse(schedule, None).next(AT - timedelta(hours=1)) == AT, schedule


def test_a_quarter_of_the_crons_is_zoned_and_all_are_due_at_the_instant() -> None:
    rows = list(due.crons({"owner": ""}, AT, 40, 8))
    zoned = [row["schedule"] for row in rows if row["timezone"] == due.BERLIN]
    assert len(zoned) == 10
    assert all(Schedule.parse(each, due.BERLIN).next(AT - timedelta(hours=1)) == AT for each in zoned)
    assert len({row["schedule"] for row in rows}) == 8
    assert len({row["cron_id"] for row in rows}) == 40
    assert {row["due_at"] for row in rows} == {int(AT.timestamp()) * 1_000_000}


def test_a_firing_is_as_late_as_the_tick_that_completes_the_part() -> None:
    firing = Firing(100, [(0.0, 0), (5.0, 50), (9.0, 98), (20.0, 99), (90.0, 100)])
    assert [firing.within(percent) for percent in (50, 51, 99, 100)] == [5, 9, 20, 90]
