"""Messages to values and back, without a server."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from google.protobuf import json_format
from google.protobuf.duration_pb2 import Duration
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.struct_pb2 import Value
from google.protobuf.timestamp_pb2 import Timestamp

from builders import NOON
from cronlane.v1 import common_pb2, crons_pb2, runs_pb2, threads_pb2
from cronlane.v1.common_pb2 import Json
from cronlane_service.domain.errors import InvalidField
from cronlane_service.domain.models import CronCounters, ThreadStatus
from cronlane_service.domain.queries import Page, Window
from cronlane_service.domain.runs import AttemptOutcome, MultitaskStrategy, PastAttempt, RunStatus
from cronlane_service.rpc.convert import crons, instants, runs, windows, words
from cronlane_service.rpc.convert.documents import document, text
from cronlane_service.rpc.convert.masks import changes
from store.rows import cron, run


def asked(sent: Json) -> str | None:
    return text(runs_pb2.RunSpec(input=sent), "input")


def typed(value: Any) -> Json:
    return Json(value=json_format.ParseDict(value, Value()))


@pytest.mark.parametrize("sent", ["1", "1.0", "9007199254740993", '{"b":1, "a" : 1e2}', "null", " [] "])
def test_text_stays_as_it_came(sent: str) -> None:
    assert asked(Json(text=sent)) == sent


def test_absent_json_is_nothing() -> None:
    assert text(runs_pb2.RunSpec(), "input") is None
    assert document(None) is None


@pytest.mark.parametrize("sent", [Json(), Json(text=""), Json(value=Value())])
def test_json_that_says_nothing_is_refused_by_name(sent: Json) -> None:
    with pytest.raises(InvalidField) as caught:
        asked(sent)
    assert caught.value.field == "input"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1, "1"),
        (-3.0, "-3"),
        (1.5, "1.5"),
        (2**53, "9007199254740992"),
        (None, "null"),
        (True, "true"),
        ("ä\n", '"\\u00e4\\n"'),
        ([1, [2.5, {}]], "[1,[2.5,{}]]"),
        ({"b": 1, "a": {"d": None, "c": []}}, '{"a":{"c":[],"d":null},"b":1}'),
    ],
)
def test_a_typed_value_becomes_text(value: Any, expected: str) -> None:
    assert asked(typed(value)) == expected


def test_a_whole_number_that_a_double_may_have_rounded_stays_a_double() -> None:
    sent = asked(Json(value=Value(number_value=2.0**60)))
    assert sent is not None
    assert isinstance(json.loads(sent), float)
    assert json.loads(sent) == 2.0**60


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_a_number_that_is_not_json_is_refused(number: float) -> None:
    with pytest.raises(InvalidField, match="input"):
        asked(Json(value=Value(number_value=number)))


def test_equal_typed_objects_come_to_equal_texts() -> None:
    names = [f"key{number}" for number in range(50)]
    one, other = Value(), Value()
    for name in names:
        one.struct_value.fields[name].number_value = 1
    for name in reversed(names):
        other.struct_value.fields[name].number_value = 1
    assert asked(Json(value=one)) == asked(Json(value=other))


@pytest.mark.parametrize(
    "instant",
    [
        datetime(1, 1, 1, tzinfo=UTC),
        datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
        datetime(2026, 11, 22, 12, 0, 0, 1, tzinfo=UTC),
        datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
    ],
)
def test_an_instant_goes_out_and_comes_in_to_the_microsecond(instant: datetime) -> None:
    cron = crons_pb2.Cron(end_time=instants.timestamp(instant))
    assert instants.instant(cron, "end_time") == instant
    assert cron.end_time.ToJsonString()  # a valid Timestamp


def test_nanoseconds_are_cut_to_microseconds() -> None:
    cron = crons_pb2.Cron(end_time=Timestamp(seconds=1, nanos=1999))
    assert instants.instant(cron, "end_time") == datetime(1970, 1, 1, 0, 0, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    "sent",
    [
        Timestamp(seconds=253402300800),
        Timestamp(seconds=-62135596801),
        Timestamp(seconds=2**63 - 1),
        Timestamp(seconds=-(2**63)),
        Timestamp(nanos=-1),
        Timestamp(nanos=1_000_000_000),
    ],
)
def test_a_timestamp_out_of_range_is_refused_by_name(sent: Timestamp) -> None:
    with pytest.raises(InvalidField) as caught:
        instants.instant(crons_pb2.Cron(end_time=sent), "end_time")
    assert caught.value.field == "end_time"


def test_a_duration_is_a_span() -> None:
    spec = runs_pb2.RunSpec(after_seconds=Duration(seconds=2, nanos=500_000_000))
    assert instants.span(spec, "after_seconds") == timedelta(seconds=2.5)
    assert instants.span(runs_pb2.RunSpec(), "after_seconds") == timedelta(0)
    negative = runs_pb2.RunSpec(after_seconds=Duration(seconds=-2, nanos=-500_000_000))
    assert instants.span(negative, "after_seconds") == timedelta(seconds=-2.5)


@pytest.mark.parametrize("sent", [Duration(seconds=2**62), Duration(seconds=1, nanos=-1), Duration(nanos=-(10**9))])
def test_a_duration_that_is_none_is_refused_by_name(sent: Duration) -> None:
    with pytest.raises(InvalidField) as caught:
        instants.span(runs_pb2.RunSpec(after_seconds=sent), "after_seconds")
    assert caught.value.field == "after_seconds"


def test_every_value_of_every_enum_has_its_word() -> None:
    assert [words.THREAD_STATUS.number(word) for word in ThreadStatus] == [1, 2, 3, 4]
    for word in RunStatus:
        assert runs_pb2.RunStatus.Name(words.RUN_STATUS.number(word)) == f"RUN_STATUS_{word.upper()}"
    for strategy in MultitaskStrategy:
        assert words.MULTITASK.word("multitask_strategy", words.MULTITASK.number(strategy)) is strategy
    assert words.STREAM_MODE.word("stream_mode", common_pb2.STREAM_MODE_MESSAGES_TUPLE) == "messages-tuple"
    assert words.DURABILITY.word("durability", common_pb2.DURABILITY_UNSPECIFIED) is None
    assert words.DURABILITY.number(None) == common_pb2.DURABILITY_UNSPECIFIED


def test_a_number_the_enum_does_not_have_is_refused_by_name() -> None:
    spec = runs_pb2.RunSpec.FromString(runs_pb2.RunSpec(assistant_id="a").SerializeToString() + b"\x68\x63")
    assert spec.durability == 99
    with pytest.raises(InvalidField) as caught:
        runs.draft(spec)
    assert caught.value.field == "durability"


def test_a_stream_mode_left_open_is_values() -> None:
    spec = runs_pb2.RunSpec(stream_mode=[common_pb2.STREAM_MODE_UNSPECIFIED, common_pb2.STREAM_MODE_DEBUG])
    assert runs.draft(spec).run.stream_mode == ("values", "debug")


@pytest.mark.parametrize("url", ["https://example.com", "", None])
def test_a_webhook_is_passed_on_as_it_was_sent(url: str | None) -> None:
    assert crons.draft(crons_pb2.Cron(webhook=url)).run.webhook == url
    assert runs.draft(runs_pb2.RunSpec(webhook=url)).run.webhook == url


def test_a_draft_knows_what_was_not_said() -> None:
    nothing = crons.draft(crons_pb2.Cron(schedule="* * * * *"))
    assert (nothing.enabled, nothing.timezone, nothing.thread_id, nothing.metadata) == (None, None, None, None)
    assert (nothing.run.stream_subgraphs, nothing.run.multitask_strategy) == (None, None)
    said = crons.draft(crons_pb2.Cron(enabled=False, timezone="", stream_subgraphs=False))
    assert (said.enabled, said.timezone, said.run.stream_subgraphs) == (False, "", False)


def test_with_no_mask_what_is_set_is_to_be_changed() -> None:
    cron = crons_pb2.Cron(cron_id="c", etag="e", enabled=False, metadata=Json(text="{}"))
    named, wanted = changes(cron, FieldMask(), frozenset({"cron_id", "etag"}))
    assert named == {"enabled", "metadata"}
    assert wanted == crons_pb2.Cron(enabled=False, metadata=Json(text="{}"))


def test_with_a_mask_the_rest_does_not_count() -> None:
    cron = crons_pb2.Cron(schedule="* * * * *", timezone="UTC", metadata=Json())
    named, wanted = changes(cron, FieldMask(paths=["schedule", "end_time"]), frozenset())
    assert named == {"schedule", "end_time"}
    assert wanted == crons_pb2.Cron(schedule="* * * * *")
    assert cron.timezone == "UTC"  # the request itself is left alone


@pytest.mark.parametrize("path", ["shedule", "metadata.text", "*", ""])
def test_a_mask_may_name_whole_fields_only(path: str) -> None:
    with pytest.raises(InvalidField) as caught:
        changes(crons_pb2.Cron(), FieldMask(paths=[path]), frozenset())
    assert caught.value.field == "update_mask"


def test_a_search_shows_the_newest_first_unless_it_sorts() -> None:
    asc = common_pb2.SORT_ORDER_ASC
    search = threads_pb2.SearchThreadsRequest
    assert windows.window(search(sort_order=asc), "updated_at") == Window(10, 0, "updated_at", True)
    assert windows.window(search(sort_by="status"), "updated_at") == Window(10, 0, "status", True)
    assert windows.window(search(sort_by="status", sort_order=asc)) == Window(10, 0, "status", False)
    assert windows.window(search(limit=0, offset=3)) == Window(0, 3, "created_at", True)


def test_there_is_a_next_offset_only_when_more_follow() -> None:
    assert windows.following(Window(limit=2), Page(["a", "b"], 3)) == 2
    assert windows.following(Window(limit=2, offset=2), Page(["c"], 3)) is None
    assert windows.following(Window(limit=2), Page(["a", "b"], 2)) is None
    assert windows.following(Window(limit=2, offset=9), Page([], 3)) is None


def test_a_selection_leaves_only_what_it_names() -> None:
    names = windows.selection(threads_pb2.Thread, ["thread_id", "values"])
    (left,) = windows.selected([threads_pb2.Thread(thread_id="t", etag="e")], names)
    assert left == threads_pb2.Thread(thread_id="t")
    with pytest.raises(InvalidField, match="select"):
        windows.selection(threads_pb2.Thread, ["thread"])


def test_a_run_tells_of_its_past_attempts() -> None:
    past = PastAttempt(1, "host-1", NOON, NOON + timedelta(seconds=30), AttemptOutcome.LOST)
    (told,) = runs.run(run(history=(past,))).past_attempts
    assert (told.attempt, told.worker, told.outcome) == (1, "host-1", runs_pb2.ATTEMPT_OUTCOME_LOST)
    assert told.ended_at.ToDatetime(UTC) - told.started_at.ToDatetime(UTC) == timedelta(seconds=30)


def test_a_cron_that_was_answered_before_is_answered_as_it_is_now() -> None:
    before = cron(metadata='{"a":1}')
    crons.cron(before).note = "somebody else's"
    assert crons.cron(before) == crons.cron(cron(cron_id=before.cron_id, metadata='{"a":1}'))
    for change in ({"counters": CronCounters(failed=1)}, {"metadata": '{"a":2}'}, {"enabled": False}, {"note": "n"}):
        after = replace(before, **change)  # type: ignore[arg-type]
        assert crons.cron(after) != crons.cron(before), change
        assert crons.cron(after) == crons.written(after)


def test_a_page_says_of_each_cron_what_getting_it_does() -> None:
    made = [cron(metadata='{"a":1}'), cron(metadata=f'{{"a":"{"x" * 2000}"}}'), cron(note="third")]
    page = crons_pb2.SearchCronsResponse(total=3)
    for _ in range(2):
        page.ClearField("crons")
        crons.fill(page, made)
        assert list(page.crons) == [crons.written(each) for each in made]
    page.crons[0].note = "somebody else's"
    assert crons.cron(made[0]) == crons.written(made[0])
