"""What a cron does where its zone changes the clock: against walking real time, and at every change of 1990-2040."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cronlane_service.domain.policies import DstPolicy, Fold, Gap
from cronlane_service.domain.schedule import Schedule
from domain.test_schedule_against_oracle import HOUR, ZONES, nightly, repeated, shifts, starts
from oracle import MINUTE, SECOND, Fields

COMPARED: Counter[str] = Counter()
policies = st.builds(DstPolicy, gap=st.sampled_from(Gap), fold=st.sampled_from(Fold))


def comes(fold: Fold, expression: str, here: datetime) -> bool:
    """Whether a local time that matches comes in this pass, by the documented rules."""
    texts = expression.split()
    twice = here.replace(fold=1).utcoffset() != here.replace(fold=0).utcoffset()
    if not twice or fold is Fold.BOTH:
        return True
    if fold is Fold.BY_EXPRESSION and (texts[0].startswith("*") or texts[1].startswith("*")):
        return True
    return bool(here.fold) == (fold is Fold.LAST)


def walk(expression: str, zone: ZoneInfo, policy: DstPolicy, start: datetime, end: datetime) -> Iterator[datetime]:
    """The ticks after start, up to end, minute by minute."""
    fields = Fields(expression)
    shifting = policy.gap is Gap.SHIFT and not expression.split()[1].startswith("*")
    instant = start.replace(second=0)
    before = instant.astimezone(zone).replace(tzinfo=None, fold=0)
    while (instant := instant + MINUTE) <= end:
        here = instant.astimezone(zone)
        wall = here.replace(tzinfo=None, fold=0)
        skipped = [before + MINUTE * n for n in range(1, max(1, (wall - before) // MINUTE))]
        swallowed = shifting and any(map(fields.match, skipped))
        if swallowed or (fields.match(wall) and comes(policy.fold, expression, here)):
            yield instant
        before = wall


@pytest.fixture(scope="module", autouse=True)
def _counts() -> Iterator[None]:
    yield
    print(f"\npolicies compared with the oracle: {COMPARED['walks']} walks, {COMPARED['ticks']} ticks")


@settings(max_examples=400, deadline=None)
@given(
    data=st.data(),
    expression=nightly,
    zone=st.sampled_from([zone for zone in ZONES if "/" in zone]),
    policy=policies,
)
def test_every_policy_loses_and_invents_no_tick(
    data: st.DataObject, expression: str, zone: str, policy: DstPolicy
) -> None:
    start = data.draw(starts(zone, 3 * HOUR))
    end = start + 8 * HOUR
    schedule = Schedule.parse(expression, zone, policy)
    expected = list(walk(expression, ZoneInfo(zone), policy, start, end))
    COMPARED.update(walks=1, ticks=len(expected))
    assert repeated(schedule, start, end) == expected
    assert list(schedule.between(start + SECOND, end)) == expected


def changes() -> Iterator[tuple[str, datetime, timedelta]]:
    """Each change of an offset in 1990-2040 once, however many zones share it: a zone, the instant, by how much."""
    seen = set()
    for zone in ZONES:
        for shift in shifts(zone):
            after = shift.astimezone(ZoneInfo(zone)).utcoffset()
            before = (shift - SECOND).astimezone(ZoneInfo(zone)).utcoffset()
            assert after is not None
            assert before is not None
            if after != before and (shift, before, after) not in seen:
                seen.add((shift, before, after))
                yield zone, shift, after - before


def test_the_documented_rules_hold_at_every_change_of_fifty_years() -> None:
    gaps = folds = 0
    for zone, shift, by in changes():
        middle = (shift.astimezone(ZoneInfo(zone)) - by / 2).replace(tzinfo=None)  # skipped, or comes twice
        middle = middle.replace(second=0)
        expression = f"{middle.minute} {middle.hour} {middle.day} {middle.month} *"
        around = (shift - abs(by) - HOUR, shift + abs(by) + HOUR)

        def ticks(
            expression: str = expression, zone: str = zone, around: tuple[datetime, datetime] = around, **said: object
        ) -> list[datetime]:
            return repeated(Schedule.parse(expression, zone, DstPolicy(**said)), *around)  # type: ignore[arg-type]

        if by > timedelta(0):
            gaps += 1
            assert ticks() == [shift], (zone, shift)
            assert ticks(gap=Gap.SKIP) == [], (zone, shift)
        else:
            folds += 1
            first = middle.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
            second = middle.replace(tzinfo=ZoneInfo(zone), fold=1).astimezone(UTC)
            assert first < shift <= second
            assert ticks() == ticks(fold=Fold.FIRST) == [first], (zone, shift)
            assert ticks(fold=Fold.LAST) == [second], (zone, shift)
            assert ticks(fold=Fold.BOTH) == [first, second], (zone, shift)
    print(f"{gaps} gaps and {folds} folds of 1990-2040, 0 mismatches")
    assert gaps > 1000
    assert folds > 1000


def on(day: str, expression: str, zone: str, **said: object) -> list[str]:
    start = datetime.fromisoformat(f"{day}T00:00:00+00:00")
    schedule = Schedule.parse(expression, zone, DstPolicy(**said))  # type: ignore[arg-type]
    return [f"{tick:%d %H:%M}" for tick in schedule.between(start, start + timedelta(days=1) - SECOND)]


def test_half_past_one_in_new_york_comes_once_and_twice_with_both() -> None:
    night = ("2026-11-01", "30 1 * * *", "America/New_York")
    assert on(*night) == ["01 05:30"]
    assert on(*night, fold=Fold.LAST) == ["01 06:30"]
    assert on(*night, fold=Fold.BOTH) == ["01 05:30", "01 06:30"]


def test_steps_follow_real_time_unless_told_otherwise() -> None:
    night = ("2026-11-01", "*/30 1 * * *", "America/New_York")
    assert on(*night) == ["01 05:00", "01 05:30", "01 06:00", "01 06:30"]
    assert on(*night, fold=Fold.FIRST) == ["01 05:00", "01 05:30"]
    assert on(*night, fold=Fold.LAST) == ["01 06:00", "01 06:30"]


def test_what_the_spring_skips_is_shifted_or_skipped() -> None:
    assert on("2027-03-14", "30 2 * * *", "America/New_York") == ["14 07:00"]
    assert on("2027-03-14", "30 2 * * *", "America/New_York", gap=Gap.SKIP) == []
    assert on("2027-03-14", "15,45 1-3 * * *", "America/New_York", gap=Gap.SKIP) == [
        *("14 06:15", "14 06:45"),
        *("14 07:15", "14 07:45"),
    ]


def test_chatham_loses_no_quarter() -> None:
    start = datetime(2027, 4, 3, tzinfo=UTC)
    ticks = list(Schedule.parse("*/15 2 * * *", "Pacific/Chatham").between(start, start + timedelta(days=1)))
    assert datetime(2027, 4, 3, 14, tzinfo=UTC) in ticks


def test_lord_howe_changes_by_half_an_hour() -> None:
    # 2027-04-04 02:00 +11 becomes 01:30 +10:30; 2027-10-03 02:00 +10:30 becomes 02:30 +11.
    assert on("2027-04-03", "45 1 * * *", "Australia/Lord_Howe") == ["03 14:45"]
    assert on("2027-04-03", "45 1 * * *", "Australia/Lord_Howe", fold=Fold.LAST) == ["03 15:15"]
    assert on("2027-10-02", "15 2 * * *", "Australia/Lord_Howe") == ["02 15:30"]
    assert on("2027-10-02", "15 2 * * *", "Australia/Lord_Howe", gap=Gap.SKIP) == []


def test_apia_skipped_a_whole_day() -> None:
    assert on("2011-12-30", "0 12 30 12 *", "Pacific/Apia") == ["30 10:00"]
    assert on("2011-12-30", "0 12 30 12 *", "Pacific/Apia", gap=Gap.SKIP) == []
    assert on("2011-12-30", "0 * * * *", "Pacific/Apia", gap=Gap.SKIP) == [f"30 {hour:02}:00" for hour in range(24)]


@pytest.mark.parametrize("policy", [DstPolicy(gap, fold) for gap in Gap for fold in Fold])
def test_where_no_clock_changes_no_policy_matters(policy: DstPolicy) -> None:
    start = datetime(2028, 2, 27, tzinfo=UTC)
    ticks = list(Schedule.parse("0 0 29,1 * *", "Asia/Tokyo", policy).between(start, start + timedelta(days=4)))
    assert [tick.isoformat() for tick in ticks] == ["2028-02-28T15:00:00+00:00", "2028-02-29T15:00:00+00:00"]
