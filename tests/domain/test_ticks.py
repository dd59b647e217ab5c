"""What becomes of due ticks: on time, late, missed, too many, ended."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cronlane_service.domain.errors import InvalidField
from cronlane_service.domain.models import Cron, TickOutcome
from cronlane_service.domain.schedule import Schedule
from cronlane_service.domain.ticks import Decision, PlannedTick, decide, first

NOON = datetime(2026, 5, 5, 12, tzinfo=UTC)
MINUTE, SECOND, MICROSECOND = timedelta(minutes=1), timedelta(seconds=1), timedelta(microseconds=1)
FIRED, MISSED = TickOutcome.FIRED, TickOutcome.MISSED


def cron(schedule: str = "* * * * *", **changes: Any) -> Cron:
    plain = Cron(
        cron_id="c",
        owner="",
        assistant_id="a",
        thread_id=None,
        schedule=schedule,
        timezone=None,
        end_time=None,
        enabled=True,
        on_run_completed=None,
        next_run_date=NOON,
        metadata="{}",
        created_at=NOON,
        updated_at=NOON,
    )
    return replace(plain, **changes)


def outcomes(decision: Decision) -> list[tuple[datetime, TickOutcome, int]]:
    return [(tick.scheduled_for, tick.outcome, tick.count) for tick in decision.ticks]


def test_the_first_tick_is_after_now() -> None:
    assert first(cron(), NOON) == NOON + MINUTE
    assert first(cron(), NOON - MICROSECOND) == NOON
    assert first(cron("0 9 * * *", timezone="America/New_York"), NOON) == NOON + timedelta(hours=1)


def test_a_tick_at_the_end_time_still_comes_and_none_after_it() -> None:
    assert first(cron(end_time=NOON + MINUTE), NOON) == NOON + MINUTE
    assert first(cron(end_time=NOON + MINUTE - MICROSECOND), NOON) is None
    assert first(cron("0 0 1 1 * 0 2026"), NOON) is None


@pytest.mark.parametrize(("field", "changes"), [("schedule", {"schedule": "x"}), ("timezone", {"timezone": "Mars"})])
def test_a_cron_that_cannot_be_evaluated_says_which_field_is_wrong(field: str, changes: dict[str, str]) -> None:
    with pytest.raises(InvalidField) as refused:
        first(cron(**changes), NOON)
    assert refused.value.field == field
    with pytest.raises(InvalidField) as refused:
        decide(cron(**changes), NOON, NOON)
    assert refused.value.field == field


def test_a_tick_on_time_is_fired_and_the_next_is_known() -> None:
    assert decide(cron(), NOON + SECOND, NOON) == Decision((PlannedTick(NOON, FIRED),), NOON + MINUTE)


def test_what_is_not_due_stays() -> None:
    assert decide(cron(), NOON - MICROSECOND, NOON - MINUTE) == Decision((), NOON)
    assert decide(cron(next_run_date=None), NOON, NOON) == Decision((), None)


def test_every_slot_fires_when_the_scheduler_is_merely_late() -> None:
    decision = decide(cron(), NOON + 3 * MINUTE, NOON)
    assert outcomes(decision) == [(NOON + minute * MINUTE, FIRED, 1) for minute in range(4)]
    assert decision.next_run_date == NOON + 4 * MINUTE
    assert all(tick.reason is None for tick in decision.ticks)


def test_missed_ticks_collapse_into_the_latest() -> None:
    started = NOON + timedelta(minutes=3, seconds=30)
    decision = decide(cron(), started, started)
    assert outcomes(decision) == [
        (NOON, MISSED, 1),
        (NOON + MINUTE, MISSED, 1),
        (NOON + 2 * MINUTE, MISSED, 1),
        (NOON + 3 * MINUTE, FIRED, 1),
    ]
    reason = "missed while the scheduler was not running; collapsed into the tick at 2026-05-05T12:03:00+00:00"
    assert {tick.reason for tick in decision.ticks[:-1]} == {reason}
    assert decision.ticks[-1].reason == "due while the scheduler was not running; fired late"
    assert decision.next_run_date == NOON + 4 * MINUTE


def test_one_missed_tick_is_fired_and_says_that_it_is_late() -> None:
    decision = decide(cron("0 12 * * *"), NOON + timedelta(hours=5), NOON + timedelta(hours=5))
    assert outcomes(decision) == [(NOON, FIRED, 1)]
    assert decision.ticks[0].reason is not None


def test_a_tick_at_the_instant_the_watch_began_is_not_stale() -> None:
    decision = decide(cron(), NOON + MINUTE, NOON + MINUTE)
    assert outcomes(decision) == [(NOON, FIRED, 1), (NOON + MINUTE, FIRED, 1)]
    assert decision.ticks[1].reason is None


def test_stale_ticks_collapse_and_those_since_the_watch_began_all_fire() -> None:
    decision = decide(cron(), NOON + 5 * MINUTE, NOON + 2 * MINUTE)
    assert [tick.outcome for tick in decision.ticks] == [MISSED, FIRED, FIRED, FIRED, FIRED, FIRED]
    assert [tick.scheduled_for for tick in decision.ticks] == [NOON + minute * MINUTE for minute in range(6)]


def test_nothing_fires_after_the_end_time() -> None:
    ended = cron(end_time=NOON + 2 * MINUTE)
    assert outcomes(decide(ended, NOON + 9 * MINUTE, NOON)) == [
        (NOON + minute * MINUTE, FIRED, 1) for minute in range(3)
    ]
    assert decide(ended, NOON + 9 * MINUTE, NOON).next_run_date is None
    stale = decide(ended, NOON + 9 * MINUTE, NOON + 9 * MINUTE)
    assert outcomes(stale)[-1] == (NOON + 2 * MINUTE, FIRED, 1)
    assert stale.next_run_date is None


def test_the_tick_at_the_end_time_is_the_last() -> None:
    assert decide(cron(end_time=NOON), NOON, NOON) == Decision((PlannedTick(NOON, FIRED),), None)


def test_a_cron_whose_next_instant_is_past_its_end_has_no_ticks() -> None:
    assert decide(cron(end_time=NOON - SECOND), NOON + MINUTE, NOON) == Decision((), None)
    assert decide(cron("x", end_time=NOON - SECOND), NOON + MINUTE, NOON) == Decision((), None)


def test_a_schedule_that_is_exhausted_has_no_next_instant() -> None:
    assert decide(cron("0 12 5 5 * 0 2026"), NOON, NOON) == Decision((PlannedTick(NOON, FIRED),), None)


def test_a_stored_instant_that_is_no_tick_any_more_is_due_all_the_same() -> None:
    odd = NOON - 17 * SECOND
    decision = decide(cron(next_run_date=odd), NOON, odd)
    assert outcomes(decision) == [(odd, FIRED, 1), (NOON, FIRED, 1)]
    alone = decide(cron("0 0 1 1 *", next_run_date=odd), NOON, NOON)
    assert outcomes(alone) == [(odd, FIRED, 1)]
    assert alone.next_run_date == datetime(2027, 1, 1, tzinfo=UTC)


def test_a_longer_gap_closes_with_one_row_for_the_rest() -> None:
    started = NOON + 9 * MINUTE + SECOND
    decision = decide(cron(), started, started, limit=4)
    assert outcomes(decision) == [
        (NOON, MISSED, 1),
        (NOON + MINUTE, MISSED, 1),
        (NOON + 2 * MINUTE, MISSED, 1),
        (NOON + 3 * MINUTE, MISSED, 6),
        (NOON + 9 * MINUTE, FIRED, 1),
    ]
    assert str(decision.ticks[3].reason).endswith("T12:09:00+00:00; stands for 6 ticks")


@pytest.mark.parametrize(("minutes", "rows"), [(4, 4), (5, 4), (3, 3)])
def test_the_limit_itself_is_no_longer_gap(minutes: int, rows: int) -> None:
    started = NOON + minutes * MINUTE + SECOND
    missed = [tick for tick in decide(cron(), started, started, limit=4).ticks if tick.outcome is MISSED]
    assert len(missed) == rows
    assert sum(tick.count for tick in missed) == minutes


def test_too_many_to_fire_at_once_are_left_for_the_next_pass() -> None:
    decision = decide(cron(), NOON + 9 * MINUTE, NOON, limit=4)
    assert outcomes(decision) == [(NOON + minute * MINUTE, FIRED, 1) for minute in range(4)]
    assert decision.next_run_date == NOON + 4 * MINUTE
    following = decide(cron(next_run_date=decision.next_run_date), NOON + 9 * MINUTE, NOON, limit=4)
    assert outcomes(following) == [(NOON + minute * MINUTE, FIRED, 1) for minute in range(4, 8)]


def test_the_stale_tick_counts_among_those_fired() -> None:
    decision = decide(cron(), NOON + 9 * MINUTE, NOON + 2 * MINUTE, limit=1)
    assert outcomes(decision) == [(NOON, MISSED, 1), (NOON + MINUTE, FIRED, 1)]
    assert decision.next_run_date == NOON + 2 * MINUTE


@pytest.mark.parametrize("zone", [None, "America/New_York", "Pacific/Chatham"])
def test_a_year_down_costs_a_second_at_most_and_says_that_it_did_not_count_to_the_end(zone: str | None) -> None:
    year_on = NOON + timedelta(days=365)
    started = year_on - MICROSECOND
    begun = time.process_time()
    decision = decide(cron("* * * * * *", timezone=zone), started, started)
    assert time.process_time() - begun < 1
    assert len(decision.ticks) == 1001
    closing, newest = decision.ticks[-2:]
    assert (closing.scheduled_for, closing.count) == (NOON + 999 * SECOND, 10_000 - 999)
    assert "stands for at least 9001 ticks" in str(closing.reason)
    assert (newest.scheduled_for, newest.outcome) == (year_on - SECOND, FIRED)
    assert decision.next_run_date == year_on


def test_what_was_not_counted_is_owned_up_to_under_a_large_limit_too() -> None:
    started = NOON + timedelta(days=1)
    missed = decide(cron("* * * * * *"), started, started, limit=10_000).ticks[:10_000]
    assert {tick.outcome for tick in missed} == {MISSED}
    assert "at least" in str(missed[-1].reason)


def test_the_newest_tick_is_found_far_from_the_end_of_the_gap() -> None:
    started = datetime(2028, 12, 30, tzinfo=UTC)
    begun = time.process_time()
    decision = decide(cron("* * * 6 * *"), started, started)
    assert time.process_time() - begun < 1
    assert decision.ticks[-1].scheduled_for == datetime(2028, 6, 30, 23, 59, 59, tzinfo=UTC)


@settings(max_examples=150, deadline=None)
@given(
    schedule=st.sampled_from(["* * * * *", "*/7 * * * *", "0 */3 * * *", "15,30 9-17 * * 1-5", "*/20 * * * * *"]),
    zone=st.sampled_from([None, "America/New_York", "Pacific/Chatham"]),
    due=st.integers(0, 5000).map(lambda minutes: NOON + minutes * MINUTE),
    late=st.integers(0, 20_000),
    watched=st.integers(-10_000, 20_000),
    ends=st.none() | st.integers(-100, 20_000),
    limit=st.integers(1, 40),
)
def test_no_tick_is_left_out_and_none_is_decided_twice(
    schedule: str, zone: str | None, due: datetime, late: int, watched: int, ends: int | None, limit: int
) -> None:
    now, since = due + late * SECOND, due + watched * SECOND
    end = None if ends is None else due + ends * SECOND
    understood = Schedule.parse(schedule, zone)
    until = now if end is None else min(now, end)
    expected = [due, *understood.between(due + MICROSECOND, until)] if due <= until else []
    planned: list[PlannedTick] = []
    due_cron = cron(schedule, timezone=zone, next_run_date=due, end_time=end)
    while due_cron.next_run_date is not None and due_cron.next_run_date <= now:
        decision = decide(due_cron, now, since, limit)
        assert sum(tick.outcome is FIRED for tick in decision.ticks) <= limit
        assert sum(tick.outcome is MISSED for tick in decision.ticks) <= limit
        planned += decision.ticks
        due_cron = replace(due_cron, next_run_date=decision.next_run_date)
    assert sum(tick.count for tick in planned) == len(expected)
    stale = [tick for tick in expected if tick < since]
    assert [tick.scheduled_for for tick in planned if tick.outcome is FIRED] == stale[-1:] + expected[len(stale) :]
    instants = [tick.scheduled_for for tick in planned]
    assert instants == sorted(set(instants))
    following = understood.next(expected[-1]) if expected else None
    assert due_cron.next_run_date == (None if following and end and following > end else following)
