"""Local times by arithmetic, beside those that croniter searches for."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from croniter import croniter
from hypothesis import given, settings
from hypothesis import strategies as st

from cronlane_service.domain.calendars import Calendar
from cronlane_service.domain.expressions import Expression


def part(low: int, high: int, most: int) -> st.SearchStrategy[str]:
    listed = st.lists(st.integers(low, high), min_size=1, max_size=most, unique=True)
    return st.one_of(
        st.just("*"), st.integers(2, 9).map("*/{}".format), listed.map(lambda each: ",".join(map(str, each)))
    )


expressions = st.tuples(part(0, 59, 4), part(0, 23, 4), part(1, 28, 3), part(1, 12, 3), part(0, 7, 3)).map(" ".join)
walls = st.datetimes(datetime(1990, 1, 1), datetime(2090, 1, 1)).map(lambda wall: wall.replace(microsecond=0))


def calendar(expression: str) -> Calendar | None:
    return Expression.read(expression)._calendar


@settings(max_examples=400, deadline=None)
@given(expressions, walls)
def test_the_next_local_time_is_the_one_that_croniter_finds(expression: str, wall: datetime) -> None:
    found = calendar(expression)
    assert found is not None
    assert found.next(wall) == croniter(expression, wall).get_next(datetime)


@pytest.mark.parametrize(
    ("expression", "wall", "following"),
    [
        ("30 10 * * * 0,20", datetime(2026, 3, 1, 10, 30, 19), datetime(2026, 3, 1, 10, 30, 20)),
        ("30 10 * * * 0,20", datetime(2026, 3, 1, 10, 30, 20), datetime(2026, 3, 2, 10, 30)),
        ("0 0 1 * 1", datetime(2026, 3, 1), datetime(2026, 3, 2)),  # a Monday, though not the first
        ("59 23 31 12 *", datetime(2026, 12, 31, 23, 59), datetime(2027, 12, 31, 23, 59)),
    ],
)
def test_times_and_days_follow_each_other(expression: str, wall: datetime, following: datetime) -> None:
    found = calendar(expression)
    assert found is not None
    assert found.next(wall) == following


def test_what_comes_seldom_or_beyond_the_calendar_is_left_to_croniter() -> None:
    leap = calendar("0 0 29 2 *")
    assert leap is not None
    assert leap.next(datetime(2026, 3, 1)) is None
    assert leap.next(datetime.max - timedelta(days=3)) is None


@pytest.mark.parametrize("expression", ["0 0 L * *", "0 0 15W * *", "0 0 * * 5#2", "0 0 * * L5", "0 0 1 1 * 0 2030"])
def test_days_that_are_no_plain_lists_have_no_calendar(expression: str) -> None:
    assert calendar(expression) is None
