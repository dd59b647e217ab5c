"""What is taken as a schedule, and what is refused with a reason."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cronlane_service.domain.errors import InvalidField
from cronlane_service.domain.schedule import Schedule

START = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    "expression",
    [
        "* * * * *",
        "* * * * * */10",
        "0 0 1 6 * 0 2031",
        "5,35 * * * *",
        "0 9-17/2 * * *",
        "*/7 * * * *",
        "5/15 * * * *",
        "0 22-2 * * *",
        "0 0 * * FRI-MON",
        "*/100 * * * *",
        "0 0 1 JAN *",
        "0 0 1 mar,Apr *",
        "0 0 * * thu",
        "0 0 * * FRI",
        "0 0 * * 7",
        "0 0 L * *",
        "0 0 L * 5",
        "0 0 * * L5",
        "0 0 * * 5#2",
        "0 0 * * fri#2",
        "0 0 15W * *",
        "0 0 ? * 5",
        "0 0 1 * ?",
        "0 0 31 2 0",
        "0 0 29 2 *",
        "@hourly",
        "@DAILY",
        "@Midnight",
        "@weekly",
        "@monthly",
        "@yearly",
        "@annually",
        "  @daily\t",
        " \t0  0\t \t* * *  ",
        "0 0 1 1 * 0 1999",
        "0," * 123 + "00 * * * *",
    ],
)
def test_it_is_accepted(expression: str) -> None:
    assert Schedule.parse(expression, None).expression == expression


@pytest.mark.parametrize(
    "expression",
    [
        "",
        " ",
        "nonsense",
        "* * * *",
        "* * * * * * * *",
        "@every 5m",
        "@every 1h",
        "@reboot",
        "@",
        "@daily @daily",
        "@daily 0 0 * * *",
        "CRON_TZ=UTC 0 0 * * *",
        "TZ=UTC 0 0 * * *",
        "H * * * *",
        "h * * * *",
        "H/15 * * * *",
        "H(0-29) * * * *",
        "R * * * *",
        "r/5 * * * *",
        "0 r * * *",
        "0 0 R * *",
        "0 0 * * h",
        "* * * * * r",
        "0 0 5L * *",
        "0 0 LW * *",
        "0 0 * * 5L",
        "0 0 * * L",
        "*/0 * * * *",
        "5/0 * * * *",
        "60 * * * *",
        "* 24 * * *",
        "* * 0 * *",
        "* * 32 * *",
        "* * * 0 *",
        "* * * 13 *",
        "* * * * 8",
        "* * * * * 60",
        "* * * * * * 1969",
        "* * * * * * 2100",
        "-1 * * * *",
        "1-2-3 * * * *",
        "1/2/3 * * * *",
        "1,,2 * * * *",
        ", * * * *",
        "1.5 * * * *",
        "1e1 * * * *",
        "? * * * *",
        "0 0 JAN * *",
        "0 0 * MON *",
        "0 0 * * JAN",
        "0 0 * * MONDAY",
        "0 0 * * 5#0",
        "0 0 * * 5#6",
        "0 0 * * 1,5#2",
        "0 0 0W * *",
        "0 0 15W,16 * *",
        "\u0660 * * * *",
        "* *\u00a0* * *",
        "* * * * *\n",
        "*\n* * * *",
        "* * * * *\x00",
        "0 0 15 * 1#2",
        "0 0 10 * 1#2",
        "0 0 1 * L5",
        "0 0 15W * 1",
        "0," * 124 + "0 * * * *",
    ],
)
def test_it_is_refused(expression: str) -> None:
    with pytest.raises(InvalidField) as refused:
        Schedule.parse(expression, None)
    assert refused.value.field == "schedule"
    assert str(refused.value).startswith(f"Invalid cron schedule: '{expression[:256]}")
    assert "'. Reason: " in str(refused.value)


@pytest.mark.parametrize("expression", ["0 0 31 2 *", "0 0 30,31 2 *", "0 0 31 4,6,9,11 *", "0 0 29 2 * 0 2027"])
def test_a_date_that_never_comes_is_refused_as_such(expression: str) -> None:
    with pytest.raises(InvalidField, match="failed to find next date: it never comes"):
        Schedule.parse(expression, None)


def test_the_reason_says_what_is_wrong() -> None:
    reasons = {
        "* * * *": "it has 4 fields, not 5, 6 (the last: seconds) or 7 (the last: years)",
        "H * * * *": "'h' is not acceptable in the minute field",
        "0 0 * * jan": "'jan' is not acceptable in the day-of-week field",
        "@every 5m": "the aliases are @hourly, @daily, @midnight, @weekly, @monthly, @yearly, @annually",
        "* * * * * " + "1" * 300: "it is longer than 256 characters",
    }
    for expression, reason in reasons.items():
        with pytest.raises(InvalidField) as refused:
            Schedule.parse(expression, None)
        assert str(refused.value).endswith(f"Reason: {reason}")
        assert refused.value.problem == f"is not a valid cron schedule: {reason}"


@pytest.mark.parametrize(
    ("alias", "expression"),
    [
        ("@hourly", "0 * * * *"),
        ("@daily", "0 0 * * *"),
        ("@midnight", "0 0 * * *"),
        ("@weekly", "0 0 * * 0"),
        ("@monthly", "0 0 1 * *"),
        ("@yearly", "0 0 1 1 *"),
        ("@Annually", "0 0 1 1 *"),
    ],
)
def test_an_alias_is_its_expression(alias: str, expression: str) -> None:
    assert Schedule.parse(alias, None).next(START) == Schedule.parse(expression, None).next(START)


pieces = st.sampled_from(
    ["*", "/", "-", ",", "#", "?", "L", "W", "H", "R", " ", "\t", "@", "(", ")", "=", "MON", "jan"]
)
salad = st.lists(st.one_of(pieces, st.integers(0, 99).map(str), st.just(" ")), max_size=40).map("".join)
fields = st.lists(
    st.lists(
        st.one_of(
            st.integers(0, 60).map(str),
            st.sampled_from(["*", "*/5", "1-5", "22-2", "5/70", "L", "L5", "15W", "5#2", "?", "MON", "FEB", "9-2/4"]),
            st.integers(1968, 2101).map(str),
            st.text(alphabet="0123456789-/*,#LW", max_size=8),
        ),
        min_size=1,
        max_size=3,
    ).map(",".join),
    min_size=4,
    max_size=8,
).map(" ".join)


def parsed(expression: str) -> Schedule | InvalidField:
    try:
        return Schedule.parse(expression, None)
    except InvalidField as refused:
        return refused


@settings(max_examples=600, deadline=None)
@given(expression=st.one_of(st.text(max_size=40), salad, fields))
@example(expression="*/99999999999999999999999999 * * * *")
@example(expression="1-5/" + "9" * 200 + " * * * *")
@example(expression="5-1/" + "9" * 200 + " * * * *")
@example(expression="0 0 * * 1#" + "9" * 200)
@example(expression="0 0 " + "9" * 200 + "W * *")
@example(expression="0 0 L-3 * *")
@example(expression="0 0 * * *#2")
@example(expression="* * * * * * */129")
@example(expression="0 0 L,1-31 * 1-7")
def test_anything_is_either_refused_naming_the_field_or_has_ticks(expression: str) -> None:
    schedule = parsed(expression)
    if isinstance(schedule, InvalidField):
        assert schedule.field == "schedule"
        return
    opening = schedule.next(datetime(1969, 12, 31, tzinfo=UTC))
    assert opening is not None
    assert list(schedule.between(opening, opening)) == [opening]
    following = schedule.next(opening)
    assert following is None or following > opening
