"""What was found before it was due is what would have been found then."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cronlane_service.domain import timetable
from cronlane_service.domain.errors import InvalidField
from cronlane_service.domain.foreseen import Foreseen

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
SCHEDULES = ["* * * * *", "*/7 2 * * *", "30 1 * * *", "0 0 29 2 *", "0 0 L * 5", "* * * * * */20", "0 0 1 1 * 0 2027"]
SCHEDULES += ["every 90s", "at 2026-11-22T12:00:00Z", "at 2031-01-01T00:00:00Z"]
ZONES = [None, "UTC", "America/New_York", "Europe/Berlin", "Pacific/Chatham", "Australia/Lord_Howe"]
instants = st.datetimes(datetime(2026, 1, 1), datetime(2028, 1, 1), timezones=st.just(UTC))
ticks = st.tuples(
    st.sampled_from(SCHEDULES), st.sampled_from(ZONES), instants.map(lambda instant: instant.replace(microsecond=0))
)


def found(foreseen: Foreseen) -> Foreseen:
    while foreseen.find_some(3):
        pass
    return foreseen


@given(st.lists(ticks, min_size=1, max_size=12), st.lists(ticks, max_size=3), st.integers(0, 12))
@settings(max_examples=300, deadline=None)
def test_what_was_foreseen_equals_what_is_computed(wanted: list, others: list, most: int) -> None:
    foreseen = Foreseen(most)
    for each in wanted:
        foreseen.want(*each)
    found(foreseen)
    for schedule, timezone, tick in [*wanted, *others, *wanted]:
        expected = timetable.parse(schedule, timezone).next(tick)
        assert foreseen.next(schedule, timezone, tick) == expected


def test_what_was_foreseen_is_not_computed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    foreseen = Foreseen()
    foreseen.want("*/5 * * * *", None, NOON)
    found(foreseen)
    monkeypatch.setattr(timetable, "parse", lambda *_: pytest.fail("it was computed again"))
    assert foreseen.next("*/5 * * * *", None, NOON) == NOON + 5 * MINUTE


def test_the_nearest_ticks_are_seen_to_first() -> None:
    foreseen = Foreseen()
    for minutes in (3, 1, 2):
        foreseen.want("* * * * *", None, NOON + minutes * MINUTE)
    assert foreseen.find_some(10)
    assert list(foreseen._known) == [NOON + MINUTE]


def test_a_schedule_that_cannot_be_understood_stops_nothing_and_whoever_asks_is_told() -> None:
    foreseen = Foreseen()
    for schedule in ("whenever", "* * * * *"):
        foreseen.want(schedule, None, NOON)
    found(foreseen)
    with pytest.raises(InvalidField):
        foreseen.next("whenever", None, NOON)
    assert foreseen.next("* * * * *", None, NOON) == NOON + MINUTE


def test_what_is_over_is_forgotten_and_makes_room() -> None:
    foreseen = Foreseen(most=2)
    for number in range(4):
        foreseen.next("* * * * *", None, NOON + number * MINUTE)
    assert len(foreseen._known) == 2
    foreseen.forget(NOON + MINUTE)
    assert list(foreseen._known) == [NOON + MINUTE]
    foreseen.next("* * * * *", None, NOON + 9 * MINUTE)
    assert NOON + 9 * MINUTE in foreseen._known
