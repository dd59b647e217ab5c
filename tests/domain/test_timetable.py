"""Schedules that are one instant or an interval, and jitter."""

from __future__ import annotations

import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cronlane_service.domain import ticks, timetable
from cronlane_service.domain.errors import InvalidField
from cronlane_service.domain.policies import Policies
from cronlane_service.domain.timetable import Every, Once
from store.rows import cron

NOON = datetime(2026, 5, 5, 12, tzinfo=UTC)
SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("at 2027-01-01T00:00:00Z", Once(datetime(2027, 1, 1, tzinfo=UTC))),
        ("  AT 2027-01-01T01:30:00.25+01:30", Once(datetime(2027, 1, 1, microsecond=250_000, tzinfo=UTC))),
        ("every 90s", Every(90 * SECOND)),
        ("Every 1h30m", Every(90 * MINUTE)),
        ("every 1w phase 2d3h", Every(timedelta(weeks=1), timedelta(days=2, hours=3))),
    ],
)
def test_a_schedule_can_be_an_instant_or_an_interval(text: str, read: object) -> None:
    assert timetable.parse(text, "Asia/Tokyo") == read
    assert timetable.special(text) == read
    assert timetable.parse(str(read), None) == read


def test_a_schedule_of_any_length_can_be_read_and_only_a_short_one_is_remembered() -> None:
    text = "every 1h" + " " * 10_000
    holders = sys.getrefcount(text)
    assert timetable.special(text) == Every(HOUR)
    assert sys.getrefcount(text) == holders


@pytest.mark.parametrize(
    "text",
    ["at", "at noon", "at 2027-01-01T00:00:00", "at 0001-01-01T00:00:00+14:00", "every", "every 0s", "every 90",
     "every s", "every 1.5s", "every 5m phase 5m", "every 5m phase", "every 3661d", "every 30m1h", "@every 5m"],
)  # fmt: skip
def test_others_are_refused_naming_the_schedule(text: str) -> None:
    with pytest.raises(InvalidField, match="Invalid cron schedule") as refused:
        timetable.parse(text, None)
    assert refused.value.field == "schedule"
    assert timetable.special(text) is None


def test_a_zone_is_checked_also_where_it_does_not_matter() -> None:
    for text in ("every 5m", "at 2027-01-01T00:00:00Z", "* * * * *"):
        with pytest.raises(InvalidField) as refused:
            timetable.parse(text, "Mars/Olympus")
        assert refused.value.field == "timezone"


def test_an_instant_comes_once() -> None:
    once = Once(NOON)
    assert (once.next(NOON - SECOND), once.next(NOON)) == (NOON, None)
    assert list(once.between(NOON, NOON)) == [NOON]
    assert list(once.between(NOON + SECOND, NOON + HOUR)) == []
    assert (once.last(NOON - SECOND, NOON), once.last(NOON, NOON + HOUR)) == (NOON, None)


@given(st.integers(1, 10**6), st.integers(0, 10**6), st.integers(-(10**9), 10**9), st.integers(0, 10**7))
def test_an_interval_comes_at_whole_numbers_of_it(seconds: int, phase: int, at: int, span: int) -> None:
    every = Every(seconds * SECOND, phase % seconds * SECOND)
    start, end = NOON + at * SECOND, NOON + (at + min(span, 50 * seconds)) * SECOND
    found = list(every.between(start, end))
    origin = int(start.timestamp())
    first = -(-(origin - phase % seconds) // seconds) * seconds + phase % seconds
    expected = list(range(first, int(end.timestamp()) + 1, seconds))
    assert [int(tick.timestamp()) for tick in found] == expected
    assert every.last(start - SECOND, end) == (found[-1] if found else None)
    assert every.next(start - SECOND) == datetime.fromtimestamp(first, UTC)


def jittered(schedule: str, seconds: float, cron_id: str = "c"):
    return cron(cron_id=cron_id, schedule=schedule, policies=Policies(jitter=seconds * SECOND))


@given(st.sampled_from(["* * * * *", "*/7 * * * *", "every 10s", "* * * * * *", "at 2026-05-05T12:00:00Z"]),
       st.floats(0, 5000), st.uuids(), st.integers(0, 10**6))  # fmt: skip
def test_a_jittered_tick_is_never_early_and_never_past_the_next(
    schedule: str, seconds: float, cron_id: object, at: int
) -> None:
    mine = jittered(schedule, seconds, str(cron_id))
    tick = ticks.times(mine).next(NOON - timedelta(seconds=at + 1))
    assert tick is not None
    due, following = ticks.due_at(mine, tick), ticks.times(mine).next(tick)
    assert due is not None
    assert tick <= due <= tick + seconds * SECOND
    assert following is None or due < following
    assert due == ticks.due_at(replace(mine, note="another"), tick)


def test_a_thousand_crons_at_minute_0_spread_over_their_jitter() -> None:
    offsets = []
    for number in range(1000):
        due = ticks.due_at(jittered("0 * * * *", 60, f"cron {number}"), NOON)
        assert due is not None
        offsets.append((due - NOON) / SECOND)
    histogram = [sum(low <= offset < low + 5 for offset in offsets) for low in range(0, 60, 5)]
    for low, count in zip(range(0, 60, 5), histogram, strict=True):
        print(f"{low:2}-{low + 5:2} s {count:4} {'#' * (count // 2)}")
    assert sum(histogram) == 1000
    assert all(50 <= count <= 120 for count in histogram)  # 83 expected, a deviation of 9


def test_the_jitter_of_one_cron_differs_from_tick_to_tick() -> None:
    mine = jittered("0 * * * *", 60)
    offsets = {ticks.due_at(mine, NOON + n * HOUR) - (NOON + n * HOUR) for n in range(50)}  # type: ignore[operator]
    assert len(offsets) > 45
