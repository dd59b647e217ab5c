"""Schedules in words, as the page on schedules has them."""

from __future__ import annotations

import pytest

from cronlane_service.usecases.descriptions import describe


@pytest.mark.parametrize(
    ("schedule", "words"),
    [
        ("27 15 * * *", "At 15:27 (UTC)"),
        ("@Daily", "At 00:00 (UTC)"),
        ("0 9 * JAN mon-fri", "At 09:00, Monday through Friday, only in January (UTC)"),
        ("0 0 13 * 5", "At 00:00, on day 13 of the month, or on Friday (UTC)"),
        ("* * * * * */10", "Every 10 seconds (UTC)"),
        ("0 9 * * * 30", "At 09:00:30 (UTC)"),
        ("0 9 * * * 0", "At 09:00 (UTC)"),
        ("0 0 1 6 * 0 2031", "At 00:00, on day 1 of the month, only in June, only in 2031 (UTC)"),
        ("0 0 L * *", "At 00:00, on the last day of the month (UTC)"),
        ("0 0 * * L5", "At 00:00, on the last Friday of the month (UTC)"),
        ("0 0 * * 5#2", "At 00:00, on the second Friday of the month (UTC)"),
        ("0 0 15W * *", "At 00:00, on the weekday nearest day 15 of the month (UTC)"),
        ("every 1h30m", "Every 1:30:00, counted from 1970-01-01 00:00:00 UTC"),
        ("at 2027-01-01T00:00:00Z", "Once, at 2027-01-01 00:00:00 UTC"),
    ],
)
def test_a_schedule_is_said_in_words(schedule: str, words: str) -> None:
    assert describe(schedule, None) == words


def test_the_time_zone_is_named() -> None:
    assert describe("30 1 * * *", "America/New_York") == "At 01:30 (America/New_York)"
