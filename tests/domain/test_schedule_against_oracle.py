"""Schedules against a slow reading of the same rules: walk real time, look at the local clock, compare fields."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

import pytest
from cronsim import CronSim
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from cronlane_service.domain.schedule import Schedule
from oracle import RANGES, SECOND, Fields, walk

HOUR = timedelta(hours=1)
FIRST, LAST = datetime(1990, 1, 1, tzinfo=UTC), datetime(2040, 1, 1, tzinfo=UTC)
ZONES = sorted(available_timezones() - {"localtime", "Factory"})


@cache
def shifts(name: str) -> list[datetime]:
    """The instants in 1990-2040 at which a zone changes its offset."""
    zone, found = ZoneInfo(name), []
    days = [FIRST + timedelta(days=day) for day in range(0, (LAST - FIRST).days, 9)]
    for low, high in pairwise(days):
        if low.astimezone(zone).utcoffset() != high.astimezone(zone).utcoffset():
            while high - low > SECOND:
                middle = low + (high - low) // SECOND // 2 * SECOND
                same = middle.astimezone(zone).utcoffset() == low.astimezone(zone).utcoffset()
                low, high = (middle, high) if same else (low, middle)
            found.append(high)
    return found


# What it is compared on.


def plain(index: int) -> st.SearchStrategy[str]:
    """Numbers, ranges, and lists of them."""
    low, high = RANGES[index]
    number = st.integers(low, high)
    span = st.tuples(number, number).filter(lambda pair: 0 < pair[1] - pair[0] < high - low).map("{0[0]}-{0[1]}".format)
    stepped = st.tuples(span, st.integers(2, 9)).map("{0[0]}/{0[1]}".format)
    single = st.one_of(number.map(str), span, stepped)
    return st.one_of(single, st.lists(single, min_size=2, max_size=3).map(",".join))


def field(index: int) -> st.SearchStrategy[str]:
    low, high = RANGES[index]
    step = st.integers(2, (high - low + 1) // 2).map("*/{}".format)
    return st.one_of(st.just("*"), step, plain(index))


def seldom(index: int) -> st.SearchStrategy[str]:
    """Mostly ``*``, so that a short walk meets ticks."""
    return st.one_of(st.just("*"), st.just("*"), st.just("*"), field(index))


def full_day(texts: tuple[str, ...]) -> bool:
    """Whether a restricted day field names all days: croniter takes some of these for ``*`` and some not."""
    sets = Fields(" ".join(texts)).sets
    return any(
        texts[index] != "*" and len(sets[index]) == high - low + 1
        for index, (low, high) in enumerate(RANGES)
        if index in (2, 4)
    )


expressions = (
    st.tuples(field(0), field(1), seldom(2), seldom(3), seldom(4))
    .filter(lambda texts: not full_day(texts))
    .map(" ".join)
)
night = st.sampled_from(["1", "2", "3", "0", "23", "1-3", "*", "*/2", "0-4/2", "0,1,2"])
nightly = st.tuples(field(0), night).map("{0[0]} {0[1]} * * *".format)


@st.composite
def starts(draw: st.DrawFn, zone: str, around: timedelta = 14 * HOUR) -> datetime:
    """Any second, with a liking for those around a shift of the zone."""
    found = shifts(zone)
    if found and draw(st.booleans()):
        seconds = draw(st.integers(-int(around / SECOND), int(around / SECOND)))
        return draw(st.sampled_from(found)) + timedelta(seconds=seconds)
    return FIRST + timedelta(seconds=draw(st.integers(0, int((LAST - FIRST) / SECOND))))


def repeated(schedule: Schedule, after: datetime, end: datetime) -> list[datetime]:
    found = []
    tick = schedule.next(after)
    while tick is not None and tick <= end:
        assert tick > after
        found.append(tick)
        after, tick = tick, schedule.next(tick)
    return found


COMPARED: Counter[str] = Counter()


@pytest.fixture(scope="module", autouse=True)
def _counts() -> Iterator[None]:
    yield
    print(f"\ncompared with the oracle: {COMPARED['walks']} walks, {COMPARED['ticks']} ticks")


def agrees(expression: str, zone: str, start: datetime, span: timedelta) -> None:
    schedule = Schedule.parse(expression, zone)
    expected = list(walk(expression, ZoneInfo(zone), start, start + span))
    COMPARED.update(walks=1, ticks=len(expected))
    assert repeated(schedule, start, start + span) == expected
    assert list(schedule.between(start + SECOND, start + span)) == expected
    assert schedule.last(start, start + span) == (expected[-1] if expected else None)
    if len(expected) > 1:
        assert list(schedule.between(expected[0], expected[-1])) == expected
        assert schedule.last(start, expected[-1] - SECOND) == expected[-2]


def comes(expression: str) -> bool:
    texts = expression.split()
    days, months = Fields(expression).sets[2:4]
    longest = max(29 if month == 2 else 30 if month in (4, 6, 9, 11) else 31 for month in months)
    return texts[2] == "*" or texts[4] != "*" or min(days) <= longest


@settings(max_examples=200, deadline=None)
@given(data=st.data(), expression=expressions, zone=st.sampled_from(ZONES))
def test_no_tick_is_lost_and_none_is_invented(data: st.DataObject, expression: str, zone: str) -> None:
    assume(comes(expression))
    agrees(expression, zone, data.draw(starts(zone)), timedelta(hours=20))


@settings(max_examples=300, deadline=None)
@given(data=st.data(), expression=nightly, zone=st.sampled_from([zone for zone in ZONES if "/" in zone]))
def test_no_tick_is_lost_and_none_is_invented_in_the_nights_of_shifts(
    data: st.DataObject, expression: str, zone: str
) -> None:
    agrees(expression, zone, data.draw(starts(zone, 3 * HOUR)), 8 * HOUR)


@settings(max_examples=60, deadline=None)
@given(data=st.data(), expression=nightly, seconds=field(5), zone=st.sampled_from(ZONES))
def test_no_second_is_lost_and_none_is_invented(data: st.DataObject, expression: str, seconds: str, zone: str) -> None:
    agrees(f"{expression} {seconds}", zone, data.draw(starts(zone, 2 * HOUR)), 2 * HOUR)


@settings(max_examples=150, deadline=None)
@given(data=st.data(), expression=expressions, zone=st.sampled_from(ZONES))
@example(data=None, expression="0 0 29 2 *", zone="Pacific/Apia")
@example(data=None, expression="30 1 1 11 *", zone="America/New_York")
def test_walking_far_gives_ascending_ticks_that_between_repeats(
    data: st.DataObject | None, expression: str, zone: str
) -> None:
    assume(comes(expression))
    schedule = Schedule.parse(expression, zone)
    start = data.draw(starts(zone)) if data else FIRST
    ticks = [start]
    while len(ticks) < 30 and (tick := schedule.next(ticks[-1])):
        ticks.append(tick)
    assert all(low < high for low, high in pairwise(ticks))
    assert list(schedule.between(ticks[1], ticks[-1])) == ticks[1:]
    assert schedule.last(start, ticks[-1]) == ticks[-1]


AT_SHIFTS = ("30 2 * * *", "*/15 2 * * *", "*/20 * * * *", "15,45 1-3 * * *", "0 0,23 * * *")


@pytest.mark.parametrize("expression", AT_SHIFTS)
def test_every_shift_of_every_zone_is_walked_right(expression: str) -> None:
    walked = set()
    for zone in ZONES:
        found = shifts(zone)
        odd = [shift for shift in found if abs(offset_change(zone, shift)) != HOUR]
        for shift in [*found[-2:], *odd]:
            local = shift.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
            if (shift, local, offset_change(zone, shift)) not in walked:  # many zones share their shifts
                walked.add((shift, local, offset_change(zone, shift)))
                agrees(expression, zone, shift - 3 * HOUR, 6 * HOUR)
    assert len(walked) > 100


def offset_change(zone: str, shift: datetime) -> timedelta:
    here, before = shift.astimezone(ZoneInfo(zone)), (shift - SECOND).astimezone(ZoneInfo(zone))
    return here.replace(tzinfo=None) - before.replace(tzinfo=None) - SECOND


days_of_month = st.tuples(plain(2), st.sampled_from(["*", "1", "0,3", "2-5"])).map("{0[0]} * {0[1]}".format)
days = st.one_of(st.just("* * *"), days_of_month, plain(4).map("* * {}".format))


@settings(max_examples=200, deadline=None)
@given(data=st.data(), times=st.tuples(plain(0), plain(1)), days=days, zone=st.sampled_from(ZONES))
def test_fixed_times_follow_debians_rules(data: st.DataObject, times: tuple[str, str], days: str, zone: str) -> None:
    """cronsim is an implementation of its own; for fixed minutes and hours its rules are ours."""
    expression = f"{times[0]} {times[1]} {days}"
    start = data.draw(starts(zone)).astimezone(ZoneInfo(zone))
    assume(not start.fold)  # it forgets in which of two equal hours it was started
    oracle = CronSim(expression, start)
    schedule, tick = Schedule.parse(expression, zone), start.astimezone(UTC)
    for _ in range(6):
        following = schedule.next(tick)
        assert following is not None
        assert following == next(oracle).astimezone(UTC)
        tick = following
