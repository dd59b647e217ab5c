"""CronService on a real server."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import grpc
import pytest
from google.protobuf.empty_pb2 import Empty
from google.protobuf.timestamp_pb2 import Timestamp

from builders import AGENT, NOON, FakeClock
from cronlane.v1 import common_pb2 as common
from cronlane.v1 import crons_pb2 as pb
from cronlane.v1 import threads_pb2
from cronlane.v1.common_pb2 import Json
from cronlane_service.rpc.convert.instants import timestamp

pytestmark = pytest.mark.parametrize("channel", ["wire", "inprocess"], indirect=True)

NOWHERE = "00000000-0000-4000-8000-0000000000ff"
REQUEST = str(uuid.UUID(int=1))


def asked(**fields: Any) -> pb.Cron:
    return pb.Cron(**{"assistant_id": "agent", "schedule": "27 15 * * *", **fields})


def create(**fields: Any) -> pb.CreateCronRequest:
    return pb.CreateCronRequest(cron=asked(**fields))


@pytest.fixture
async def thread_id(threads: Any) -> str:
    return (await threads.CreateThread(threads_pb2.CreateThreadRequest())).thread_id


async def count(crons: Any, **conditions: Any) -> int:
    return (await crons.CountCrons(pb.CountCronsRequest(**conditions))).count


async def test_a_new_cron_says_when_it_will_run(crons: Any) -> None:
    cron = await crons.CreateCron(create(input=Json(text='{"q": 1.0}')))
    assert uuid.UUID(cron.cron_id).version == 7
    assert (cron.assistant_id, cron.schedule, cron.user_id, cron.enabled) == (AGENT, "27 15 * * *", "", True)
    assert cron.next_run_date.ToJsonString() == "2026-11-22T15:27:00Z"
    assert cron.on_run_completed == common.ON_COMPLETION_DELETE
    assert (cron.metadata.text, cron.extra.text, cron.input.text) == ("{}", "{}", '{"q": 1.0}')
    absent = ("thread_id", "timezone", "end_time", "disabled_reason", "config", "context", "stream_subgraphs")
    assert not [name for name in absent if cron.HasField(name)]
    assert await crons.GetCron(pb.GetCronRequest(cron_id=cron.cron_id)) == cron


async def test_everything_that_was_said_comes_back(crons: Any, thread_id: str) -> None:
    sent = asked(
        thread_id=thread_id,
        timezone="Europe/Rome",
        end_time=timestamp(NOON + timedelta(days=9, microseconds=7)),
        enabled=False,
        metadata=Json(text='{"b":1, "a":9007199254740993}'),
        input=Json(text="[1, 1.0]"),
        config=Json(text='{"configurable":{"k":1.0}, "recursion_limit":7}'),
        interrupt_before=["ask"],
        interrupt_after=["*"],
        multitask_strategy=common.MULTITASK_STRATEGY_REJECT,
        stream_mode=[common.STREAM_MODE_VALUES, common.STREAM_MODE_MESSAGES_TUPLE],
        stream_subgraphs=False,
        stream_resumable=True,
        durability=common.DURABILITY_SYNC,
        extra=Json(text='{"checkpoint_during":true}'),
    )
    cron = await crons.CreateCron(pb.CreateCronRequest(cron=sent))
    for field, value in sent.ListFields():
        if field.name != "assistant_id":
            assert getattr(cron, field.name) == value, field.name
    assert (cron.HasField("stream_subgraphs"), cron.stream_subgraphs) == (True, False)
    assert cron.on_run_completed == common.ON_COMPLETION_UNSPECIFIED


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"assistant_id": ""}, "assistant_id"),
        ({"schedule": ""}, "schedule"),
        ({"schedule": "61 * * * *"}, "schedule"),
        ({"schedule": "0 0 31 2 *"}, "schedule"),
        ({"schedule": "x" * 300}, "schedule"),
        ({"timezone": "Mars/Olympus"}, "timezone"),
        ({"timezone": ""}, "timezone"),
        ({"thread_id": "nope"}, "thread_id"),
        ({"end_time": Timestamp(seconds=2**62)}, "end_time"),
        ({"metadata": Json(text="[]")}, "metadata"),
        ({"input": Json(text="7")}, "input"),
        ({"input": Json()}, "input"),
        ({"config": Json(text='{"configurable":[]}')}, "config.configurable"),
        ({"config": Json(text='{"recursion_limit":0}')}, "config.recursion_limit"),
        ({"context": Json(text='"x"')}, "context"),
        ({"extra": Json(text="nope")}, "extra"),
        ({"webhook": "ftp://example.com"}, "webhook"),
        ({"stream_mode": [77]}, "stream_mode"),
        ({"on_run_completed": 77}, "on_run_completed"),
        ({"multitask_strategy": 77}, "multitask_strategy"),
    ],
)
async def test_a_wrong_field_is_named_and_nothing_is_written(
    crons: Any, refused: Any, wrong: dict[str, Any], field: str
) -> None:
    no = await refused(crons.CreateCron(create(**wrong)))
    assert (no.code, no.reason, no.fields) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_FIELD", [field])
    assert await count(crons) == 0


async def test_a_request_with_no_cron_is_refused(crons: Any, refused: Any) -> None:
    no = await refused(crons.CreateCron(pb.CreateCronRequest()))
    assert (no.code, no.fields) == (grpc.StatusCode.INVALID_ARGUMENT, ["assistant_id"])


async def test_context_and_configurable_exclude_each_other(crons: Any, refused: Any) -> None:
    both = create(config=Json(text='{"configurable":{"a":1}}'), context=Json(text='{"a":1}'))
    no = await refused(crons.CreateCron(both))
    assert (no.code, no.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "CONTEXT_AND_CONFIGURABLE")
    assert no.fields == ["context", "config.configurable"]


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({"assistant_id": "nobody"}, "assistant"),
        ({"assistant_id": NOWHERE}, "assistant"),
        ({"thread_id": NOWHERE}, "thread"),
    ],
)
async def test_an_unknown_assistant_or_thread_is_not_found(
    crons: Any, refused: Any, fields: dict[str, str], kind: str
) -> None:
    no = await refused(crons.CreateCron(create(**fields)))
    assert (no.code, no.facts["kind"]) == (grpc.StatusCode.NOT_FOUND, kind)
    assert await count(crons) == 0


async def test_a_request_sent_twice_is_done_once(crons: Any, refused: Any) -> None:
    request = pb.CreateCronRequest(cron=asked(), request_id=REQUEST)
    assert await crons.CreateCron(request) == await crons.CreateCron(request)
    assert await count(crons) == 1
    other = pb.CreateCronRequest(cron=asked(schedule="* * * * *"), request_id=REQUEST)
    no = await refused(crons.CreateCron(other))
    assert (no.code, no.reason) == (grpc.StatusCode.ALREADY_EXISTS, "REQUEST_ID_REUSED")
    assert await count(crons) == 1


async def test_a_request_typed_as_values_can_be_sent_twice(crons: Any) -> None:
    def request() -> pb.CreateCronRequest:
        request = pb.CreateCronRequest(cron=asked(), request_id=REQUEST)
        request.cron.metadata.value.struct_value.update({f"key{number}": number for number in range(30)})
        return pb.CreateCronRequest.FromString(request.SerializeToString())

    assert await crons.CreateCron(request()) == await crons.CreateCron(request())


async def test_validation_alone_answers_the_cron_and_writes_nothing(crons: Any, refused: Any) -> None:
    request = pb.CreateCronRequest(cron=asked(), request_id=REQUEST, validate_only=True)
    cron = await crons.CreateCron(request)
    assert cron.next_run_date.ToJsonString() == "2026-11-22T15:27:00Z"
    assert await count(crons) == 0
    request.cron.schedule = "* * * * *"  # nor is the request remembered
    await crons.CreateCron(request)
    wrong = pb.CreateCronRequest(cron=asked(schedule="nope"), validate_only=True)
    assert (await refused(crons.CreateCron(wrong))).fields == ["schedule"]


async def test_a_deleted_cron_is_gone(crons: Any, refused: Any) -> None:
    cron = await crons.CreateCron(create())
    assert await crons.DeleteCron(pb.DeleteCronRequest(cron_id=cron.cron_id)) == Empty()
    for call in (
        crons.GetCron(pb.GetCronRequest(cron_id=cron.cron_id)),
        crons.DeleteCron(pb.DeleteCronRequest(cron_id=cron.cron_id)),
        crons.UpdateCron(pb.UpdateCronRequest(cron=pb.Cron(cron_id=cron.cron_id, enabled=False))),
    ):
        no = await refused(call)
        assert (no.code, no.facts) == (grpc.StatusCode.NOT_FOUND, {"kind": "cron", "name": cron.cron_id})
    assert (await refused(crons.GetCron(pb.GetCronRequest(cron_id="nope")))).fields == ["cron_id"]


async def test_a_search_pages_sorts_filters_and_selects(crons: Any, clock: FakeClock, thread_id: str) -> None:
    made = []
    for number in range(4):
        place = {"thread_id": thread_id} if number == 3 else {}
        metadata = Json(text=f'{{"n":{number}}}')
        cron = await crons.CreateCron(create(metadata=metadata, enabled=number != 0, **place))
        made.append(cron.cron_id)
        clock.advance(seconds=1)

    async def found(**conditions: Any) -> list[str]:
        answer = await crons.SearchCrons(pb.SearchCronsRequest(**conditions))
        return [cron.cron_id for cron in answer.crons]

    assert await found() == made[::-1]
    assert await found(sort_by="created_at", sort_order=common.SORT_ORDER_ASC) == made
    assert await found(enabled=False) == made[:1]
    assert await found(thread_id=thread_id) == made[3:]
    assert await found(assistant_id="agent", metadata=Json(text='{"n":2}')) == made[2:3]
    assert await found(assistant_id=NOWHERE) == []
    page = await crons.SearchCrons(pb.SearchCronsRequest(limit=3, select=["cron_id", "next_run_date"]))
    assert (page.total, page.next_offset) == (4, 3)
    assert {field.name for cron in page.crons for field, _ in cron.ListFields()} <= {"cron_id", "next_run_date"}
    assert await count(crons, thread_id=thread_id) == 1
    assert await count(crons, assistant_id=AGENT) == 4


async def test_a_wrong_selection_is_refused(crons: Any, refused: Any) -> None:
    no = await refused(crons.SearchCrons(pb.SearchCronsRequest(select=["payload"])))
    assert (no.code, no.fields) == (grpc.StatusCode.INVALID_ARGUMENT, ["select"])
