"""JSON text into messages and back."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from google.protobuf import struct_pb2
from hypothesis import given
from hypothesis import strategies as st

from client.facts import json as text_of
from client.test_json import texts
from cronlane._crons import cron_to_create, cron_to_update
from cronlane._decode import decode
from cronlane._fields import words
from cronlane._shapes import encode
from cronlane.errors import InvalidRequest
from cronlane.v1 import common_pb2, crons_pb2, runs_pb2, thread_states_pb2, threads_pb2


def shown(cron: crons_pb2.Cron) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(encode(cron))
    return found


@given(texts)
def test_json_of_the_caller_comes_out_to_the_letter(text: str) -> None:
    run = runs_pb2.RunSpec()
    decode(f'{{"assistant_id":"a","config":{text}}}' if text != "null" else '{"assistant_id":"a"}', run)
    if text != "null":
        assert run.config.text == text
        assert encode(runs_pb2.Run(kwargs=run.config), {"kwargs"}) == f'{{"kwargs":{text}}}'


@given(st.dictionaries(st.sampled_from(["x", "checkpoint_during", "thread_id", "\ud800", "payload"]), texts))
def test_unknown_members_of_a_cron_come_back_in_its_payload(unknown: dict[str, str]) -> None:
    members = {"assistant_id": '"a"', "schedule": '"* * * * *"', **unknown}
    cron = cron_to_create("{" + ",".join(f"{json.dumps(name)}:{text}" for name, text in members.items()) + "}")
    for name, text in unknown.items():
        assert f"{json.dumps(name)}:{text}" in encode(cron)


@given(st.datetimes(min_value=datetime(2, 1, 1), max_value=datetime(9998, 1, 1)), st.integers(-1439, 1439))
def test_an_instant_comes_back_in_utc_with_microseconds(naive: datetime, offset: int) -> None:
    instant = naive.replace(tzinfo=timezone(timedelta(minutes=offset)))
    cron = cron_to_create(json.dumps({"end_time": instant.isoformat()}))
    assert cron.end_time.ToDatetime(tzinfo=UTC) == instant
    assert shown(cron)["end_time"] == instant.isoformat()
    cron.ClearField("extra")
    expected = instant.astimezone(UTC).isoformat(timespec="microseconds")
    assert shown(cron)["end_time"] == expected


@pytest.mark.parametrize("written", ["2027-01-02T03:04:05Z", "2027-01-02T03:04:05", "2027-01-02 05:04:05+02:00"])
def test_a_time_without_zone_is_utc(written: str) -> None:
    cron = cron_to_create(json.dumps({"end_time": written}))
    assert cron.end_time.ToDatetime(tzinfo=UTC) == datetime(2027, 1, 2, 3, 4, 5, tzinfo=UTC)


@given(st.decimals(min_value=-1000, max_value=1000, places=9).filter(lambda number: number.is_finite()))
def test_a_span_keeps_its_nanoseconds(seconds: Decimal) -> None:
    run = runs_pb2.RunSpec()
    decode(f'{{"after_seconds":{seconds:f}}}', run)
    assert Decimal(json.loads(encode(run), parse_float=str, parse_int=str)["after_seconds"]) == seconds


def test_enums_are_the_platforms_words() -> None:
    assert list(words(common_pb2.StreamMode.DESCRIPTOR)) == [
        *("values", "messages", "updates", "events", "tasks", "checkpoints", "debug", "custom", "messages-tuple")
    ]
    assert list(words(threads_pb2.IfExists.DESCRIPTOR)) == ["raise", "do_nothing"]
    assert list(words(runs_pb2.RunStatus.DESCRIPTOR)) == [
        *("pending", "running", "error", "success", "timeout", "interrupted")
    ]


def test_everything_absent_is_null() -> None:
    state = json.loads(encode(thread_states_pb2.ThreadState(tasks=[thread_states_pb2.ThreadTask(id="t", name="n")])))
    assert state == {
        "values": None,
        "next": [],
        "tasks": [
            {
                "id": "t",
                "name": "n",
                "path": None,
                "error": None,
                "interrupts": None,
                "checkpoint": None,
                "state": None,
                "result": None,
            }
        ],
        "metadata": None,
        "created_at": None,
        "checkpoint": None,
        "parent_checkpoint": None,
        "interrupts": None,
        "checkpoint_id": None,
        "parent_checkpoint_id": None,
    }
    assert json.loads(encode(runs_pb2.Run(), {"status"})) == {"status": None}


def test_an_enum_value_of_a_newer_service_is_null() -> None:
    assert json.loads(encode(runs_pb2.Run(status=99), {"status"})) == {"status": None}  # type: ignore[arg-type]


def test_a_value_of_protobufs_own_kind_is_written_as_json() -> None:
    value = struct_pb2.Value(struct_value=struct_pb2.Struct(fields={"a": struct_pb2.Value(number_value=1.5)}))
    run = runs_pb2.Run(kwargs=common_pb2.Json(value=value), metadata=common_pb2.Json())
    assert json.loads(encode(run, {"kwargs", "metadata"})) == {"metadata": None, "kwargs": {"a": 1.5}}


def test_a_thread_tells_of_an_error_once_it_has_run() -> None:
    thread = threads_pb2.Thread(status=threads_pb2.THREAD_STATUS_IDLE)
    assert "error" not in json.loads(encode(thread))
    thread.values.text = "{}"
    assert json.loads(encode(thread))["error"] is None
    failed = threads_pb2.Thread(
        status=threads_pb2.THREAD_STATUS_ERROR, error=common_pb2.RunError(error="ValueError", message="boom")
    )
    assert json.loads(encode(failed))["error"] == {"error": "ValueError", "message": "boom"}
    assert json.loads(encode(threads_pb2.Thread(status=threads_pb2.THREAD_STATUS_BUSY)))["error"] is None
    assert "etag" not in json.loads(encode(failed))


def test_a_spelling_is_shown_only_as_long_as_it_says_what_the_field_says() -> None:
    cron = cron_to_create('{"stream_mode":"values","end_time":"2027-01-01","enabled":true,"metadata":{}}')
    assert json.loads(cron.extra.text) == {
        "stream_mode": "values",
        "end_time": "2027-01-01",
        "enabled": True,
        "metadata": {},
    }
    assert shown(cron)["payload"]["stream_mode"] == "values"
    cron.stream_mode[:] = [common_pb2.STREAM_MODE_UPDATES]
    cron.end_time.FromDatetime(datetime(2028, 1, 1))
    cron.enabled = False
    cron.metadata.text = '{"a":1}'
    payload = shown(cron)["payload"]
    assert payload["stream_mode"] == ["updates"]
    assert payload["end_time"] == shown(cron)["end_time"] == "2028-01-01T00:00:00.000000+00:00"
    assert (payload["enabled"], payload["metadata"]) == (False, {"a": 1})
    cron.ClearField("end_time")
    assert shown(cron)["end_time"] is None


@pytest.mark.parametrize("extra", ['{"schedule":"lies","enabled":"no","stream_mode":null,"config":5}', "{}"])
def test_what_a_grpc_client_puts_into_extra_cannot_lie_about_a_field(extra: str) -> None:
    cron = crons_pb2.Cron(schedule="* * * * *", enabled=False, extra=text_of(extra), config=text_of("{}"))
    assert shown(cron)["payload"] == {
        "assistant_id": "",
        "schedule": "* * * * *",
        "enabled": False,
        "config": {"configurable": {"cron_id": ""}},
    }


def test_what_fits_the_typed_fields_needs_no_extra() -> None:
    cron = cron_to_create('{"assistant_id":"\\u0061","schedule":"@daily","stream_mode":[ "values" ],"input":[1.0]}')
    assert not cron.HasField("extra")


def test_an_update_names_what_it_changes() -> None:
    cron, paths = cron_to_update('{"end_time":null,"enabled":false,"what":1,"interrupt_after":"*"}')
    assert paths == ["end_time", "enabled", "interrupt_after", "extra"]
    assert not cron.HasField("end_time")
    assert (cron.enabled, list(cron.interrupt_after), cron.extra.text) == (False, ["*"], '{"interrupt_after":"*"}')


def test_an_error_names_the_field() -> None:
    with pytest.raises(InvalidRequest, match="limit: must be an integer") as caught:
        decode('{"limit":1.5}', threads_pb2.SearchThreadsRequest())
    assert (caught.value.fields[0].field, caught.value.reason, caught.value.code) == ("limit", "INVALID_FIELD", None)
