"""UpdateCron and etags on a real server."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import grpc
import pytest
from google.protobuf.field_mask_pb2 import FieldMask

from builders import NOON, FakeClock
from cronlane.v1 import common_pb2 as common
from cronlane.v1 import crons_pb2 as pb
from cronlane.v1.common_pb2 import Json
from cronlane_service.rpc.convert.instants import timestamp

NOWHERE = "00000000-0000-4000-8000-0000000000ff"


def asked(**fields: Any) -> pb.Cron:
    return pb.Cron(**{"assistant_id": "agent", "schedule": "27 15 * * *", **fields})


def create(**fields: Any) -> pb.CreateCronRequest:
    return pb.CreateCronRequest(cron=asked(**fields))


def update(cron_id: str, *mask: str, **fields: Any) -> pb.UpdateCronRequest:
    return pb.UpdateCronRequest(cron=pb.Cron(cron_id=cron_id, **fields), update_mask=FieldMask(paths=mask))


async def test_an_update_can_be_validated_alone(crons: Any) -> None:
    cron = await crons.CreateCron(create())
    request = update(cron.cron_id, schedule="0 13 * * *")
    request.validate_only = True
    would = await crons.UpdateCron(request)
    assert would.next_run_date.ToJsonString() == "2026-11-22T13:00:00Z"
    assert await crons.GetCron(pb.GetCronRequest(cron_id=cron.cron_id)) == cron


async def test_an_update_changes_what_is_set_and_nothing_else(crons: Any, clock: FakeClock) -> None:
    cron = await crons.CreateCron(
        create(metadata=Json(text='{"a":1}'), input=Json(text='{"q":1}'), timezone="UTC", stream_subgraphs=True)
    )
    clock.advance(seconds=1)
    changed = await crons.UpdateCron(
        update(cron.cron_id, metadata=Json(text='{"b":1.0}'), enabled=False, stream_subgraphs=False)
    )
    assert (changed.metadata.text, changed.enabled) == ('{"a":1,"b":1.0}', False)
    assert (changed.HasField("stream_subgraphs"), changed.stream_subgraphs) == (True, False)
    assert (changed.input, changed.timezone, changed.schedule) == (cron.input, "UTC", cron.schedule)
    assert changed.etag != cron.etag


async def test_a_cron_can_be_read_changed_and_sent_back(crons: Any) -> None:
    cron = await crons.CreateCron(create())
    sent = pb.Cron(cron_id=cron.cron_id, etag=cron.etag, user_id="x", next_run_date=timestamp(NOON), schedule="@daily")
    changed = await crons.UpdateCron(pb.UpdateCronRequest(cron=sent))
    assert (changed.schedule, changed.user_id) == ("@daily", "")
    assert changed.next_run_date.ToJsonString() == "2026-11-23T00:00:00Z"


async def test_a_mask_clears_what_it_names_and_leaves_what_it_does_not(crons: Any) -> None:
    cron = await crons.CreateCron(
        create(
            timezone="Europe/Rome",
            input=Json(text="{}"),
            end_time=timestamp(NOON + timedelta(days=2)),
            interrupt_before=["a"],
            durability=common.DURABILITY_EXIT,
        )
    )
    named = ("timezone", "input", "interrupt_before", "durability", "schedule")
    changed = await crons.UpdateCron(
        update(cron.cron_id, *named, schedule="0 13 * * *", enabled=False, metadata=Json(text='{"left":"out"}'))
    )
    assert not changed.HasField("timezone")
    assert not changed.HasField("input")
    assert (list(changed.interrupt_before), changed.durability) == ([], common.DURABILITY_UNSPECIFIED)
    assert changed.schedule == "0 13 * * *"
    assert (changed.enabled, changed.metadata.text, changed.end_time) == (True, "{}", cron.end_time)


async def test_a_mask_keeps_what_it_does_not_name_out_of_the_checks(crons: Any) -> None:
    cron = await crons.CreateCron(create())
    request = update(cron.cron_id, "enabled", enabled=False, metadata=Json(), extra=Json(text='{"x":1}'))
    changed = await crons.UpdateCron(request)
    assert (changed.enabled, changed.extra.text) == (False, "{}")


@pytest.mark.parametrize(
    ("mask", "field"),
    [
        ("nope", "update_mask"),
        ("metadata.text", "update_mask"),
        ("cron_id", "update_mask.cron_id"),
        ("thread_id", "update_mask.thread_id"),
        ("assistant_id", "update_mask.assistant_id"),
        ("multitask_strategy", "update_mask.multitask_strategy"),
        ("next_run_date", "update_mask.next_run_date"),
        ("schedule", "schedule"),  # named and not set
    ],
)
async def test_a_mask_that_cannot_be_followed_is_refused(crons: Any, refused: Any, mask: str, field: str) -> None:
    cron = await crons.CreateCron(create())
    no = await refused(crons.UpdateCron(update(cron.cron_id, mask, enabled=False)))
    assert (no.code, no.fields) == (grpc.StatusCode.INVALID_ARGUMENT, [field])
    assert await crons.GetCron(pb.GetCronRequest(cron_id=cron.cron_id)) == cron


async def test_what_never_changes_is_refused_even_without_a_mask(crons: Any, refused: Any) -> None:
    cron = await crons.CreateCron(create())
    no = await refused(crons.UpdateCron(update(cron.cron_id, assistant_id=NOWHERE, enabled=False)))
    assert (no.code, no.fields) == (grpc.StatusCode.INVALID_ARGUMENT, ["update_mask.assistant_id"])


async def test_an_update_of_nothing_is_refused(crons: Any, refused: Any) -> None:
    cron = await crons.CreateCron(create())
    no = await refused(crons.UpdateCron(update(cron.cron_id)))
    assert (no.code, no.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "EMPTY_UPDATE")


async def test_a_write_on_an_old_etag_is_refused(crons: Any, clock: FakeClock, refused: Any) -> None:
    cron = await crons.CreateCron(create())
    clock.advance(seconds=1)
    changed = await crons.UpdateCron(update(cron.cron_id, enabled=False, etag=cron.etag))
    for call in (
        crons.UpdateCron(update(cron.cron_id, enabled=True, etag=cron.etag)),
        crons.DeleteCron(pb.DeleteCronRequest(cron_id=cron.cron_id, etag=cron.etag)),
    ):
        no = await refused(call)
        assert (no.code, no.reason) == (grpc.StatusCode.ABORTED, "ETAG_MISMATCH")
        assert no.facts == {"kind": "cron", "name": cron.cron_id, "etag": changed.etag}
    await crons.DeleteCron(pb.DeleteCronRequest(cron_id=cron.cron_id, etag=changed.etag))
