"""The cases by name: what a gap, an overlap and the end of a schedule do."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest

from cronlane_service.domain.schedule import Schedule


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def following(expression: str, zone: str | None, after: str, count: int = 3) -> list[str]:
    schedule, tick, found = Schedule.parse(expression, zone), at(after), []
    for _ in range(count):
        following = schedule.next(tick)
        if following is None:
            return [*found, "never"]
        assert following.tzinfo is UTC
        tick = following
        found.append(tick.strftime("%m-%d %H:%M") if not tick.second else tick.strftime("%m-%d %H:%M:%S"))
    return found


# New York: 2027-03-14 02:00 -> 03:00 at 07:00Z; 2026-11-01 02:00 -> 01:00 at 06:00Z.


def test_a_time_in_the_gap_runs_at_the_end_of_the_gap() -> None:
    assert following("30 2 * * *", "America/New_York", "2027-03-13T12:00", 2) == ["03-14 07:00", "03-15 06:30"]


def test_several_times_in_one_gap_run_once() -> None:
    assert following("*/15 2 * * *", "America/New_York", "2027-03-13T12:00", 2) == ["03-14 07:00", "03-15 06:00"]


def test_a_collapsed_tick_and_a_regular_one_at_the_same_instant_are_one() -> None:
    assert following("0,30 2-3 * * *", "America/New_York", "2027-03-13T12:00") == [
        "03-14 07:00",
        "03-14 07:30",
        "03-15 06:00",
    ]


def test_a_wildcard_hour_has_nothing_in_the_gap() -> None:
    assert following("30 * * * *", "America/New_York", "2027-03-14T06:00") == [
        "03-14 06:30",
        "03-14 07:30",
        "03-14 08:30",
    ]
    assert following("5 */2 * * *", "America/New_York", "2027-03-14T05:00", 2) == ["03-14 05:05", "03-14 08:05"]


def test_a_gap_of_half_an_hour_collapses_only_what_is_in_it() -> None:
    """Lord Howe: 2026-10-04 02:00 -> 02:30 at 2026-10-03 15:30Z."""
    assert following("15 2 * * *", "Australia/Lord_Howe", "2026-10-03T00:00", 2) == ["10-03 15:30", "10-04 15:15"]
    assert following("45 2 * * *", "Australia/Lord_Howe", "2026-10-03T00:00", 2) == ["10-03 15:45", "10-04 15:45"]


def test_a_day_that_never_was_runs_once_when_the_next_one_begins() -> None:
    """Apia went from 2011-12-29 24:00 to 2011-12-31 00:00 at 10:00Z."""
    assert following("0 9 * * *", "Pacific/Apia", "2011-12-29T10:00") == ["12-29 19:00", "12-30 10:00", "12-30 19:00"]
    real_time = Schedule.parse("0 */6 30 12 *", "Pacific/Apia")
    assert real_time.next(at("2011-12-01T00:00")) == at("2012-12-29T10:00")


def test_offsets_with_seconds_are_exact() -> None:
    """Monrovia kept -00:44:30 until 1972-01-07 00:00, then moved to UTC at 00:44:30Z."""
    assert following("0 12 * * *", "Africa/Monrovia", "1972-01-05T13:00", 2) == ["01-06 12:44:30", "01-07 12:00"]
    assert following("30 0 * * *", "Africa/Monrovia", "1972-01-06T02:00", 2) == ["01-07 00:44:30", "01-08 00:30"]
    assert following("50 0 * * *", "Africa/Monrovia", "1972-01-06T02:00", 1) == ["01-07 00:50"]


def test_a_fixed_time_in_the_repeated_hour_runs_the_first_time() -> None:
    assert following("30 1 * * *", "America/New_York", "2026-10-31T12:00", 2) == ["11-01 05:30", "11-02 06:30"]


@pytest.mark.parametrize("after", ["2026-11-01T05:30", "2026-11-01T05:59:59", "2026-11-01T06:00", "2026-11-01T06:29"])
def test_a_fixed_time_does_not_run_again_from_wherever_it_is_asked(after: str) -> None:
    assert following("30 1 * * *", "America/New_York", after, 1) == ["11-02 06:30"]


def test_asked_in_the_second_pass_a_fixed_time_after_it_comes_the_same_day() -> None:
    assert following("30 1-2 * * *", "America/New_York", "2026-11-01T06:10", 2) == ["11-01 07:30", "11-02 06:30"]


def test_a_wildcard_minute_runs_in_both_passes_one_after_the_other() -> None:
    assert following("*/30 1 * * *", "America/New_York", "2026-10-31T12:00", 5) == [
        "11-01 05:00",
        "11-01 05:30",
        "11-01 06:00",
        "11-01 06:30",
        "11-02 06:00",
    ]


def test_a_wildcard_hour_runs_in_every_real_hour() -> None:
    assert following("0 * * * *", "America/New_York", "2026-11-01T04:30", 3) == [
        "11-01 05:00",
        "11-01 06:00",
        "11-01 07:00",
    ]
    assert following("@hourly", "America/New_York", "2026-11-01T05:00", 2) == ["11-01 06:00", "11-01 07:00"]


def test_chathams_repeated_quarters_are_all_there() -> None:
    """Chatham: 2027-04-04 03:45 -> 02:45 at 14:00Z of the day before."""
    assert following("*/15 2 * * *", "Pacific/Chatham", "2027-04-03T12:30", 4) == [
        "04-03 12:45",
        "04-03 13:00",
        "04-03 14:00",
        "04-04 13:15",
    ]


def test_the_seconds_field_does_not_make_a_time_repeat() -> None:
    assert following("59 1 * * * */30", "America/New_York", "2026-11-01T05:00") == [
        "11-01 05:59",
        "11-01 05:59:30",
        "11-02 06:59",
    ]


def test_an_overlap_across_midnight_keeps_the_order() -> None:
    """St John's, 2006-10-29 00:01 -> 23:01 of the day before at 02:31Z."""
    assert following("*/30 23 * * *", "America/St_Johns", "2006-10-29T01:00", 4) == [
        "10-29 01:30",
        "10-29 02:00",
        "10-29 03:00",
        "10-30 02:30",
    ]
    assert following("30 23 * * *", "America/St_Johns", "2006-10-29T01:00", 2) == ["10-29 02:00", "10-30 03:00"]


def test_a_gap_across_midnight_swallows_the_end_of_a_day() -> None:
    """Toronto: 1919-03-30 23:30 -> 1919-03-31 00:30 at 04:30Z."""
    assert following("*/15 23 * * *", "America/Toronto", "1919-03-31T03:00", 4) == [
        "03-31 04:00",
        "03-31 04:15",
        "03-31 04:30",
        "04-01 03:00",
    ]
    schedule = Schedule.parse("*/15 23 * * *", "America/Toronto")
    ticks = list(schedule.between(at("1919-03-31T03:00"), at("1919-04-01T02:59")))
    assert ticks == [at("1919-03-31T04:00"), at("1919-03-31T04:15"), at("1919-03-31T04:30")]


def test_next_is_strictly_after_to_the_microsecond() -> None:
    schedule = Schedule.parse("* * * * * *", None)
    second = at("2026-05-05T12:00:01")
    assert schedule.next(second - timedelta(microseconds=1)) == second
    assert schedule.next(second) == second + timedelta(seconds=1)
    assert schedule.next(second + timedelta(microseconds=999_999)) == second + timedelta(seconds=1)


def test_any_aware_instant_will_do() -> None:
    after = datetime.fromisoformat("2026-05-05T14:59:00+02:00")
    assert Schedule.parse("0 13 * * *", None).next(after) == at("2026-05-05T13:00")


def test_a_year_field_runs_out() -> None:
    assert following("0 0 1 6 * 0 2031", None, "1990-01-01T00:00", 2) == ["06-01 00:00", "never"]
    assert following("0 0 1 6 * 0 2031", None, "2031-06-01T00:00", 1) == ["never"]


def test_a_year_far_away_is_found() -> None:
    assert Schedule.parse("0 0 1 1 * 0 2099", "Asia/Tokyo").next(at("1900-01-01T00:00")) == at("2098-12-31T15:00")


def test_a_leap_day_is_found_across_a_century_without_one() -> None:
    assert Schedule.parse("0 0 29 2 *", None).next(at("2096-03-01T00:00")) == at("2104-02-29T00:00")


def test_the_second_pass_of_a_schedules_last_hour_is_not_forgotten() -> None:
    assert following("*/30 1 1 11 * 0 2026", "America/New_York", "2026-11-01T05:30") == [
        "11-01 06:00",
        "11-01 06:30",
        "never",
    ]


@pytest.mark.parametrize("zone", [None, "Pacific/Kiritimati", "Pacific/Pago_Pago", "America/New_York"])
def test_the_ends_of_the_calendar_are_no_trouble(zone: str | None) -> None:
    schedule = Schedule.parse("* * * * *", zone)
    assert schedule.next(datetime.max.replace(tzinfo=UTC)) is None
    assert schedule.next(at("9899-12-31T23:59:30")) == at("9900-01-01T00:00")
    opening = schedule.next(datetime.min.replace(tzinfo=UTC))
    assert opening is not None
    assert opening.year == 1900
    assert next(schedule.between(datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC))) == opening


def test_either_of_both_day_fields_is_enough() -> None:
    assert following("0 0 13 * 5", None, "2026-05-01T00:00", 4) == [
        "05-08 00:00",
        "05-13 00:00",
        "05-15 00:00",
        "05-22 00:00",
    ]


def test_a_half_that_never_comes_leaves_the_other() -> None:
    assert following("0 0 31 2 0", None, "2026-01-31T00:00", 2) == ["02-01 00:00", "02-08 00:00"]
    assert following("0 0 30 2 1-5/2 0 2027", None, "2026-01-31T00:00", 2) == ["02-01 00:00", "02-03 00:00"]


def test_a_half_that_never_comes_is_not_searched_for_at_every_step() -> None:
    schedule, tick = Schedule.parse("* * 31 2 0", None), at("2026-01-31T00:00")
    begun = time.process_time()
    for _ in range(500):
        following = schedule.next(tick)
        assert following is not None
        tick = following
    assert time.process_time() - begun < 0.4


def test_equal_schedules_are_equal_and_understood_once() -> None:
    first, second = Schedule.parse("0 9 * * *", "Europe/Berlin"), Schedule.parse("0 9 * * *", "Europe/Berlin")
    assert first is second
    assert first != Schedule.parse("0 9 * * *", None)
    assert repr(first) == "Schedule(expression='0 9 * * *', timezone='Europe/Berlin')"
