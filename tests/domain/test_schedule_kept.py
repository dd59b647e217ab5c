"""What a schedule remembers of its last answer never shows."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cronlane_service.domain import expressions, schedule
from cronlane_service.domain.errors import InvalidField
from cronlane_service.domain.expressions import Expression
from cronlane_service.domain.policies import Fold, Gap
from cronlane_service.domain.schedule import Schedule

# Around the changes of the clock of the zones below, and a quiet time.
AROUND = [datetime(2027, *day, tzinfo=UTC) for day in ((3, 14), (3, 28), (7, 1), (10, 31), (11, 7))]
INSTANTS = st.builds(
    lambda day, offset: day + timedelta(microseconds=offset),
    st.sampled_from(AROUND),
    st.integers(-(10**11), 10**11),
)
EXPRESSIONS = ["*/5 * * * *", "30 1 * * *", "30 2 * * *", "0 0 29 2 *", "0 0 1 1 * 0 2027", "* * * * * */20"]


@given(
    st.sampled_from(EXPRESSIONS),
    st.sampled_from([None, "America/New_York", "Europe/Berlin"]),
    st.lists(INSTANTS, min_size=1, max_size=6),
)
def test_an_answer_does_not_depend_on_what_was_asked_before(
    expression: str, timezone: str | None, instants: list[datetime]
) -> None:
    asked = Schedule.parse(expression, timezone)
    for instant in sorted(instants, key=lambda instant: instant.microsecond):  # in no order of time
        fresh = schedule._parse.__wrapped__(expression, timezone, asked.dst.gap, asked.dst.fold)
        assert asked.next(instant) == fresh.next(instant)


def test_the_same_tick_is_found_once(monkeypatch: pytest.MonkeyPatch) -> None:
    daily = schedule._parse.__wrapped__("0 9 * * *", "Europe/Berlin", Gap.SHIFT, Fold.BY_EXPRESSION)
    noon = datetime(2027, 7, 1, 12, tzinfo=UTC)
    found = daily.next(noon)
    monkeypatch.setattr(Expression, "next", None)
    assert daily.next(noon + timedelta(hours=3)) == found


def test_croniter_is_not_asked_for_an_expression_of_parts_that_were_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    expressions._values.cache_clear()
    for seen in ("13 4 * * *", "21 17 * * *", "0 0 3 * 1-5", "* * * * * 11"):
        Expression.read(seen)
    monkeypatch.setattr(expressions, "_build", None)
    assert Expression.read("21 4 3 * 1-5 11").next(datetime(2027, 7, 1)) == datetime(2027, 7, 1, 4, 21, 11)
    with pytest.raises(TypeError):
        Expression.read("22 4 3 * 1-5 11")


@pytest.mark.parametrize("expression", ["7 25 * * 1-5", "7 4 32 * 1-5", "7 4 * * 1-9", "61 4 3 2 *", "7 4 * * * 60"])
def test_what_is_wrong_with_a_part_is_said_of_the_whole_however_often_it_comes(expression: str) -> None:
    for _ in range(2):
        with pytest.raises(ValueError, match=re.escape(expression)):
            Expression.read(expression)


@pytest.mark.parametrize(
    "expression", ["0 0 31 2 *", "0 0 30 2 *", "0 0 31 4,6 *", "0 0 1 1 * 0 1969", "0 0 1 1 * 0 1971"]
)
def test_a_day_that_no_month_has_is_still_looked_for(expression: str) -> None:
    if expression.endswith("1971"):
        assert Schedule.parse(expression, None).next(AROUND[0]) is None
    else:
        with pytest.raises(InvalidField):
            Schedule.parse(expression, None)
