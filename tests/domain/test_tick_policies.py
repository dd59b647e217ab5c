"""Which ticks are run, by policy: missed ones, bounds, jitter."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cronlane_service.domain import ticks
from cronlane_service.domain.errors import InvalidField
from cronlane_service.domain.models import Cron, CronCounters, TickOutcome
from cronlane_service.domain.policies import CatchUp, Overlap, Policies, check
from cronlane_service.domain.ticks import Decision, decide, first
from store.rows import cron as row

NOON = datetime(2026, 5, 5, 12, tzinfo=UTC)
MINUTE, SECOND = timedelta(minutes=1), timedelta(seconds=1)
FIRED, MISSED = TickOutcome.FIRED, TickOutcome.MISSED
DOWN = NOON + 9 * MINUTE + SECOND  # ten ticks of each minute: 12:00 to 12:09


def cron(schedule: str = "* * * * *", **changes: Any) -> Cron:
    said = {name: changes.pop(name) for name in list(changes) if name in Policies.__slots__}
    return row(**{"schedule": schedule, "next_run_date": NOON, "policies": Policies(**said), **changes})


def split(decision: Decision) -> tuple[list[int], int]:
    """The minutes fired, and how many were missed."""
    fired = [(tick.scheduled_for - NOON) // MINUTE for tick in decision.ticks if tick.outcome is FIRED]
    return fired, sum(tick.count for tick in decision.ticks if tick.outcome is MISSED)


@pytest.mark.parametrize(
    ("policy", "fired"),
    [(CatchUp.SKIP, []), (CatchUp.LATEST, [9]), (CatchUp.ALL, list(range(10)))],
)
def test_ten_minutes_down_make_none_one_or_ten_runs(policy: CatchUp, fired: list[int]) -> None:
    decision = decide(cron(catch_up=policy), DOWN, DOWN)
    assert split(decision) == (fired, 10 - len(fired))
    assert decision.next_run_date == NOON + 10 * MINUTE
    assert all(tick.reason for tick in decision.ticks)


@pytest.mark.parametrize(
    ("policy", "window", "fired"),
    [
        (CatchUp.ALL, 3 * MINUTE + SECOND, [6, 7, 8, 9]),
        (CatchUp.ALL, 3 * MINUTE, [7, 8, 9]),
        (CatchUp.LATEST, SECOND, [9]),
        (CatchUp.LATEST, timedelta(0), []),
        (CatchUp.SKIP, timedelta(days=9), []),
    ],
)
def test_what_is_older_than_the_window_is_missed(policy: CatchUp, window: timedelta, fired: list[int]) -> None:
    decision = decide(cron(catch_up=policy, catch_up_window=window), DOWN, DOWN)
    assert split(decision) == (fired, 10 - len(fired))


def test_ticks_since_the_watch_began_are_fired_under_every_policy() -> None:
    for policy in CatchUp:
        decision = decide(cron(catch_up=policy), DOWN, NOON + 5 * MINUTE)
        assert split(decision)[0][-5:] == [5, 6, 7, 8, 9]


def test_catching_up_runs_the_newest_thousand_oldest_first() -> None:
    later = NOON + timedelta(days=30)
    begun = time.process_time()
    fired, missed, mine = [], 0, cron("* * * * * *", catch_up=CatchUp.ALL)
    while True:
        decision = decide(mine, later, later + SECOND, limit=400)
        if not decision.ticks:
            break
        fired += [tick.scheduled_for for tick in decision.ticks if tick.outcome is FIRED]
        missed += sum(tick.count for tick in decision.ticks if tick.outcome is MISSED)
        mine = replace(mine, next_run_date=decision.next_run_date)
    assert fired == [later - n * SECOND for n in reversed(range(1000))]
    assert missed == 10_000  # of the rest no more are counted
    assert mine.next_run_date == later + SECOND
    assert time.process_time() - begun < 3


def test_nothing_comes_before_the_start_and_a_tick_at_it_does() -> None:
    assert first(cron(start_time=NOON + 5 * MINUTE), NOON) == NOON + 5 * MINUTE
    assert first(cron(start_time=NOON + 5 * MINUTE + SECOND), NOON) == NOON + 6 * MINUTE
    assert first(cron(start_time=NOON - MINUTE), NOON) == NOON + MINUTE


def test_no_more_are_fired_than_the_cron_wants_in_all() -> None:
    assert split(decide(cron(max_runs=3), NOON + 9 * MINUTE, NOON))[0] == [0, 1, 2]
    begun = cron(max_runs=3, counters=CronCounters(fired=2))
    assert split(decide(begun, NOON + 9 * MINUTE, NOON))[0] == [0]
    assert split(decide(replace(begun, policies=Policies(max_runs=3, catch_up=CatchUp.ALL)), DOWN, DOWN))[0] == [0]
    done = cron(max_runs=3, counters=CronCounters(fired=3))
    assert decide(done, NOON + 9 * MINUTE, NOON) == Decision((), None)
    assert first(done, NOON) is None


def test_a_single_instant_that_was_missed_is_run_late_by_default() -> None:
    once = cron("at 2026-05-05T12:00:00Z")
    decision = decide(once, DOWN, DOWN)
    assert (split(decision), decision.next_run_date) == (([0], 0), None)
    assert split(decide(cron("at 2026-05-05T12:00:00Z", catch_up=CatchUp.SKIP), DOWN, DOWN)) == ([], 1)


def test_a_tick_held_back_by_jitter_is_not_fired_and_not_stale() -> None:
    mine = cron(jitter=MINUTE)
    due = ticks.due_at(mine, NOON)
    assert due is not None
    assert NOON < due < NOON + MINUTE
    early, late = due - SECOND / 2, due + SECOND / 2
    assert decide(mine, early, NOON) == Decision((), NOON)
    assert split(decide(mine, late, NOON))[0] == [0]
    # The server came up between the nominal instant and the due one: nothing was missed.
    on_time = decide(mine, late, early)
    assert split(on_time) == ([0], 0)
    assert on_time.ticks[0].reason is None
    assert decide(mine, late, late).ticks[0].reason is not None


@settings(max_examples=200, deadline=None)
@given(
    schedule=st.sampled_from(["* * * * *", "*/7 * * * *", "15,30 9-17 * * 1-5", "every 45s", "*/20 * * * * *"]),
    catch_up=st.sampled_from(CatchUp),
    window=st.none() | st.integers(0, 20_000).map(lambda seconds: seconds * SECOND),
    jitter=st.sampled_from([0, 5, 60, 3600]),
    late=st.integers(0, 20_000),
    watched=st.integers(-10_000, 20_000),
    most=st.none() | st.integers(1, 30),
    limit=st.integers(1, 40),
)
def test_every_due_tick_is_decided_once_under_every_policy(
    schedule: str,
    catch_up: CatchUp,
    window: timedelta | None,
    jitter: int,
    late: int,
    watched: int,
    most: int | None,
    limit: int,
) -> None:
    mine = cron(schedule, catch_up=catch_up, catch_up_window=window, jitter=jitter * SECOND, max_runs=most)
    now, since = NOON + late * SECOND, NOON + watched * SECOND
    candidates = [NOON, *ticks.times(mine).between(NOON + SECOND, now)]
    due = [tick for tick in candidates if ticks.due_at(mine, tick) <= now]  # type: ignore[operator]
    stale = [tick for tick in due if ticks.due_at(mine, tick) < since]  # type: ignore[operator]
    caught = {CatchUp.SKIP: [], CatchUp.LATEST: stale[-1:], CatchUp.ALL: stale[-1000:]}[catch_up]
    wanted = [tick for tick in caught if window is None or tick >= now - window] + due[len(stale) :]
    planned = []
    while True:
        decision = decide(mine, now, since, limit)
        if not decision.ticks:
            break
        planned += decision.ticks
        fired = sum(tick.outcome is FIRED for tick in decision.ticks)
        counters = replace(mine.counters, fired=mine.counters.fired + fired)
        mine = replace(mine, next_run_date=decision.next_run_date, counters=counters)
    assert [tick.scheduled_for for tick in planned if tick.outcome is FIRED] == wanted[:most]
    instants = [tick.scheduled_for for tick in planned]
    assert instants == sorted(set(instants))
    if most is None or len(wanted) < most:
        assert sum(tick.count for tick in planned) == len(due)


@pytest.mark.parametrize(
    ("field", "said"),
    [
        ("start_time", Policies(start_time=NOON + 2 * MINUTE)),
        ("jitter", Policies(jitter=-SECOND)),
        ("jitter", Policies(jitter=timedelta(days=1, seconds=1))),
        ("catch_up_window", Policies(catch_up_window=-SECOND)),
        ("max_runs", Policies(max_runs=0)),
        ("pause_after_failures", Policies(pause_after_failures=0)),
        ("overlap", Policies(overlap=Overlap.QUEUE)),
    ],
)
def test_what_is_out_of_bounds_is_refused_with_its_name(field: str, said: Policies) -> None:
    with pytest.raises(InvalidField) as refused:
        check(said, NOON + MINUTE, stateless=False)
    assert refused.value.field == field
