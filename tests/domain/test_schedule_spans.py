"""The ticks of a span of time, and the last of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from cronlane_service.domain.schedule import Schedule


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_between_walks_a_whole_overlap_like_next_does() -> None:
    schedule = Schedule.parse("* * * * * *", "America/St_Johns")
    start, end = at("2006-10-29T00:00"), at("2006-10-29T04:00")
    assert list(schedule.between(start, end)) == [start + timedelta(seconds=second) for second in range(4 * 3600 + 1)]


def test_between_includes_both_ends() -> None:
    schedule = Schedule.parse("0 * * * *", None)
    noon, two = at("2026-05-05T12:00"), at("2026-05-05T14:00")
    assert list(schedule.between(noon, two)) == [noon, at("2026-05-05T13:00"), two]
    assert list(schedule.between(noon + timedelta(microseconds=1), two - timedelta(microseconds=1))) == [
        at("2026-05-05T13:00")
    ]
    assert list(schedule.between(two, noon)) == []


def test_between_is_lazy() -> None:
    ticks = Schedule.parse("* * * * * *", None).between(at("2026-01-01T00:00"), at("2090-01-01T00:00"))
    assert next(ticks) == at("2026-01-01T00:00")


def test_the_last_tick_is_found_without_walking() -> None:
    schedule = Schedule.parse("* * * 1 * *", "Europe/Berlin")
    assert schedule.last(at("2000-01-01T00:00"), at("2026-06-01T00:00")) == at("2026-01-31T22:59:59")
    assert schedule.last(at("2026-02-01T00:00"), at("2026-06-01T00:00")) is None
    assert schedule.last(at("2026-01-05T00:00"), at("2026-01-05T00:00:00.999999")) is None
    assert schedule.last(at("2026-01-05T00:00"), at("2026-01-05T00:00:01")) == at("2026-01-05T00:00:01")
