"""ThreadService on a real server."""

from __future__ import annotations

import uuid
from typing import Any

import grpc
import pytest
from google.protobuf.empty_pb2 import Empty
from google.protobuf.field_mask_pb2 import FieldMask

from builders import FakeClock
from cronlane.v1 import runs_pb2
from cronlane.v1 import thread_states_pb2 as states_pb
from cronlane.v1 import threads_pb2 as pb
from cronlane.v1.common_pb2 import SORT_ORDER_ASC, Json
from cronlane_service.domain.runs import Outcome, RunError, RunStatus

T1 = "00000000-0000-4000-8000-00000000000a"
NOWHERE = "00000000-0000-4000-8000-0000000000ff"
REQUEST = str(uuid.UUID(int=1))


async def test_a_new_thread_is_idle_and_empty(threads: Any) -> None:
    thread = await threads.CreateThread(pb.CreateThreadRequest())
    assert uuid.UUID(thread.thread_id).version == 7
    assert (thread.status, thread.metadata.text, thread.config.text) == (pb.THREAD_STATUS_IDLE, "{}", "{}")
    assert thread.interrupts.text == "{}"
    assert not thread.HasField("values")
    assert not thread.HasField("error")
    assert thread.created_at.ToJsonString() == thread.updated_at.ToJsonString() == "2026-11-22T12:00:00Z"
    assert thread.etag
    assert await threads.GetThread(pb.GetThreadRequest(thread_id=thread.thread_id)) == thread


async def test_metadata_comes_back_to_the_letter(threads: Any) -> None:
    sent = '{"z": 1, "a": 1.0, "big": 9007199254740993, "e": 1e2, "s": "\\u00e4"}'
    made = await threads.CreateThread(pb.CreateThreadRequest(thread_id=T1, metadata=Json(text=sent)))
    assert made.metadata.text == sent
    read = await threads.GetThread(pb.GetThreadRequest(thread_id=T1))
    assert read.metadata.text == sent


async def test_metadata_may_be_sent_as_a_value(threads: Any) -> None:
    request = pb.CreateThreadRequest()
    request.metadata.value.struct_value.update({"n": 1, "half": 0.5})
    assert (await threads.CreateThread(request)).metadata.text == '{"half":0.5,"n":1}'


async def test_an_id_that_is_taken_is_refused_unless_that_is_fine(threads: Any, refused: Any) -> None:
    first = await threads.CreateThread(pb.CreateThreadRequest(thread_id=T1, metadata=Json(text='{"a":1}')))
    again = await refused(threads.CreateThread(pb.CreateThreadRequest(thread_id=T1.upper())))
    assert (again.code, again.reason) == (grpc.StatusCode.ALREADY_EXISTS, "ALREADY_EXISTS")
    assert again.facts == {"kind": "thread", "name": T1}
    fine = pb.CreateThreadRequest(thread_id=T1, if_exists=pb.IF_EXISTS_DO_NOTHING, metadata=Json(text='{"b":1}'))
    assert await threads.CreateThread(fine) == first


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        (pb.CreateThreadRequest(thread_id="nope"), "thread_id"),
        (pb.CreateThreadRequest(thread_id=""), "thread_id"),
        (pb.CreateThreadRequest(metadata=Json()), "metadata"),
        (pb.CreateThreadRequest(metadata=Json(text="[]")), "metadata"),
        (pb.CreateThreadRequest(metadata=Json(text='{"a":NaN}')), "metadata"),
        (pb.CreateThreadRequest(request_id="nope"), "request_id"),
        (pb.CreateThreadRequest.FromString(b"\x18\x09"), "if_exists"),
    ],
)
async def test_a_wrong_field_is_named_and_nothing_is_written(
    threads: Any, refused: Any, request_: pb.CreateThreadRequest, field: str
) -> None:
    wrong = await refused(threads.CreateThread(request_))
    assert (wrong.code, wrong.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_FIELD")
    assert (wrong.fields, wrong.facts, wrong.domain) == ([field], {"field": field}, "cronlane")
    assert wrong.problems[0]
    assert (await threads.CountThreads(pb.CountThreadsRequest())).count == 0


async def test_a_request_sent_twice_is_done_once(threads: Any, refused: Any) -> None:
    request = pb.CreateThreadRequest(request_id=REQUEST, metadata=Json(text='{"a":1}'))
    assert await threads.CreateThread(request) == await threads.CreateThread(request)
    assert (await threads.CountThreads(pb.CountThreadsRequest())).count == 1
    other = await refused(threads.CreateThread(pb.CreateThreadRequest(request_id=REQUEST)))
    assert (other.code, other.reason) == (grpc.StatusCode.ALREADY_EXISTS, "REQUEST_ID_REUSED")
    assert other.facts == {"request_id": REQUEST}


async def test_an_update_merges_metadata(threads: Any, clock: FakeClock) -> None:
    made = await threads.CreateThread(pb.CreateThreadRequest(metadata=Json(text='{"a":1,"b":1.0}')))
    clock.advance(seconds=1)
    made.metadata.text = '{"a":null,"c":[]}'
    changed = await threads.UpdateThread(pb.UpdateThreadRequest(thread=made))  # as it was read, etag and all
    assert changed.metadata.text == '{"a":null,"b":1.0,"c":[]}'
    assert changed.updated_at.ToDatetime() > made.updated_at.ToDatetime()
    assert changed.state_updated_at == made.state_updated_at
    assert changed.etag != made.etag


async def test_an_update_on_an_old_etag_is_refused(threads: Any, clock: FakeClock, refused: Any) -> None:
    made = await threads.CreateThread(pb.CreateThreadRequest(thread_id=T1))
    clock.advance(seconds=1)
    changed = await threads.UpdateThread(
        pb.UpdateThreadRequest(thread=pb.Thread(thread_id=T1, metadata=Json(text='{"a":1}')))
    )
    stale = pb.Thread(thread_id=T1, metadata=Json(text='{"a":2}'), etag=made.etag)
    for call in (
        threads.UpdateThread(pb.UpdateThreadRequest(thread=stale)),
        threads.DeleteThread(pb.DeleteThreadRequest(thread_id=T1, etag=made.etag)),
    ):
        wrong = await refused(call)
        assert (wrong.code, wrong.reason) == (grpc.StatusCode.ABORTED, "ETAG_MISMATCH")
        assert wrong.facts == {"kind": "thread", "name": T1, "etag": changed.etag}
    assert await threads.GetThread(pb.GetThreadRequest(thread_id=T1)) == changed


async def test_only_metadata_can_be_updated(threads: Any, refused: Any) -> None:
    await threads.CreateThread(pb.CreateThreadRequest(thread_id=T1))
    thread = pb.Thread(thread_id=T1, metadata=Json(text='{"a":1}'), status=pb.THREAD_STATUS_ERROR)
    fixed = await refused(
        threads.UpdateThread(pb.UpdateThreadRequest(thread=thread, update_mask=FieldMask(paths=["status"])))
    )
    assert (fixed.code, fixed.fields) == (grpc.StatusCode.INVALID_ARGUMENT, ["update_mask.status"])
    unknown = await refused(
        threads.UpdateThread(pb.UpdateThreadRequest(thread=thread, update_mask=FieldMask(paths=["metadata.text"])))
    )
    assert unknown.fields == ["update_mask"]
    masked = await threads.UpdateThread(
        pb.UpdateThreadRequest(thread=thread, update_mask=FieldMask(paths=["metadata"]))
    )
    assert (masked.metadata.text, masked.status) == ('{"a":1}', pb.THREAD_STATUS_IDLE)


async def test_an_update_of_nothing_moves_updated_at_alone(threads: Any, clock: FakeClock) -> None:
    made = await threads.CreateThread(pb.CreateThreadRequest(thread_id=T1))
    clock.advance(seconds=9)
    touched = await threads.UpdateThread(pb.UpdateThreadRequest(thread=pb.Thread(thread_id=T1)))
    assert touched.updated_at.seconds == made.updated_at.seconds + 9
    assert (touched.state_updated_at, touched.metadata) == (made.state_updated_at, made.metadata)


async def test_a_deleted_thread_is_gone(threads: Any, refused: Any) -> None:
    await threads.CreateThread(pb.CreateThreadRequest(thread_id=T1))
    assert await threads.DeleteThread(pb.DeleteThreadRequest(thread_id=T1)) == Empty()
    for call in (
        threads.DeleteThread(pb.DeleteThreadRequest(thread_id=T1)),
        threads.GetThread(pb.GetThreadRequest(thread_id=T1)),
        threads.GetThreadState(states_pb.GetThreadStateRequest(thread_id=T1)),
        threads.UpdateThread(pb.UpdateThreadRequest(thread=pb.Thread(thread_id=T1, metadata=Json(text="{}")))),
    ):
        gone = await refused(call)
        assert (gone.code, gone.reason) == (grpc.StatusCode.NOT_FOUND, "NOT_FOUND")
        assert gone.facts == {"kind": "thread", "name": T1}


async def test_a_search_pages_sorts_filters_and_selects(threads: Any, clock: FakeClock) -> None:
    made = []
    for number in range(5):
        metadata = Json(text=f'{{"n":{number},"odd":{"true" if number % 2 else "false"}}}')
        made.append((await threads.CreateThread(pb.CreateThreadRequest(metadata=metadata))).thread_id)
        clock.advance(seconds=1)
    first = await threads.SearchThreads(pb.SearchThreadsRequest(limit=2))
    assert [thread.thread_id for thread in first.threads] == [made[4], made[3]]
    assert (first.total, first.next_offset) == (5, 2)
    last = await threads.SearchThreads(pb.SearchThreadsRequest(limit=2, offset=4))
    assert [thread.thread_id for thread in last.threads] == [made[0]]
    assert not last.HasField("next_offset")
    oldest = pb.SearchThreadsRequest(sort_by="created_at", sort_order=SORT_ORDER_ASC, select=["thread_id", "metadata"])
    odd = await threads.SearchThreads(pb.SearchThreadsRequest(metadata=Json(text='{"odd":true}'), ids=made[:2]))
    assert [thread.thread_id for thread in odd.threads] == [made[1]]
    answer = await threads.SearchThreads(oldest)
    assert [thread.thread_id for thread in answer.threads] == made
    assert {field.name for thread in answer.threads for field, _ in thread.ListFields()} == {"thread_id", "metadata"}
    count = await threads.CountThreads(pb.CountThreadsRequest(metadata=Json(text='{"odd":false}')))
    assert count.count == 3
    busy = await threads.CountThreads(pb.CountThreadsRequest(status=pb.THREAD_STATUS_BUSY))
    assert busy.count == 0


@pytest.mark.parametrize(
    ("search", "field"),
    [
        (pb.SearchThreadsRequest(limit=0), "limit"),
        (pb.SearchThreadsRequest(limit=1001), "limit"),
        (pb.SearchThreadsRequest(offset=-1), "offset"),
        (pb.SearchThreadsRequest(sort_by="name"), "sort_by"),
        (pb.SearchThreadsRequest(select=["thread_id", "nope"]), "select"),
        (pb.SearchThreadsRequest(ids=["nope"]), "ids"),
        (pb.SearchThreadsRequest(metadata=Json(text="{")), "metadata"),
        (pb.SearchThreadsRequest(values=Json(text="1")), "values"),
        (pb.SearchThreadsRequest.FromString(b"\x18\x63"), "status"),
    ],
)
async def test_a_wrong_search_is_refused_by_field(
    threads: Any, refused: Any, search: pb.SearchThreadsRequest, field: str
) -> None:
    wrong = await refused(threads.SearchThreads(search))
    assert (wrong.code, wrong.fields) == (grpc.StatusCode.INVALID_ARGUMENT, [field])


async def test_the_thread_of_a_failed_run_says_why(threads: Any, runs: Any, claim: Any, finish: Any) -> None:
    await threads.CreateThread(pb.CreateThreadRequest(thread_id=T1))
    await runs.CreateRun(runs_pb2.CreateRunRequest(thread_id=T1, run=runs_pb2.RunSpec(assistant_id="agent")))
    busy = await threads.GetThread(pb.GetThreadRequest(thread_id=T1))
    assert busy.status == pb.THREAD_STATUS_BUSY
    (run,) = await claim()
    await finish(run, Outcome(RunStatus.ERROR, values='{"n": 1.0}', error=RunError("ValueError", "no such city")))
    failed = await threads.GetThread(pb.GetThreadRequest(thread_id=T1))
    assert failed.status == pb.THREAD_STATUS_ERROR
    assert (failed.error.error, failed.error.message) == ("ValueError", "no such city")
    assert failed.values.text == '{"n": 1.0}'
