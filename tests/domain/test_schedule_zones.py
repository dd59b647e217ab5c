"""Which names of time zones are taken."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cronlane_service.domain.errors import InvalidField
from cronlane_service.domain.schedule import Schedule


@pytest.mark.parametrize("zone", ["UTC", "Etc/UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires", "EST5EDT"])
def test_a_zone_of_iana_is_accepted(zone: str) -> None:
    assert Schedule.parse("0 9 * * *", zone).timezone == zone


@pytest.mark.parametrize(
    "zone",
    [
        "",
        " ",
        "utc",
        "Utc",
        "europe/berlin",
        "EUROPE/BERLIN",
        "Europe/Berlin ",
        "+02:00",
        "UTC+2",
        "Z",
        "localtime",
        "posixrules",
        "posix/UTC",
        "Europe",
        "Europe/",
        "/UTC",
        "/usr/share/zoneinfo/UTC",
        "../zoneinfo/UTC",
        "Europe/../UTC",
        "./UTC",
        "zone.tab",
        "tzdata.zi",
        "Mars/Olympus_Mons",
        "U\x00TC",
        "\u00dcTC",
        "UTC" * 1000,
    ],
)
def test_another_zone_is_refused(zone: str) -> None:
    with pytest.raises(InvalidField, match=r"^Invalid timezone: '.*'\. Use IANA timezone format") as refused:
        Schedule.parse("0 9 * * *", zone)
    assert refused.value.field == "timezone"


@settings(max_examples=200, deadline=None)
@given(zone=st.text(max_size=30))
def test_any_text_as_a_zone_is_at_worst_refused(zone: str) -> None:
    schedule = parsed(zone)
    assert schedule.field == "timezone" if isinstance(schedule, InvalidField) else schedule.timezone == zone


def parsed(zone: str) -> Schedule | InvalidField:
    try:
        return Schedule.parse("0 9 * * *", zone)
    except InvalidField as refused:
        return refused
