"""The thread-centric protocol over gRPC."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import grpc
import pytest

from builders import FakeClock
from cronlane.v1 import thread_protocol_pb2 as pb
from cronlane.v1 import threads_pb2
from cronlane.v1.common_pb2 import Json
from cronlane.v1.runs_pb2 import CreateRunRequest, JoinRunStreamRequest, RunSpec
from cronlane.v1.thread_protocol_pb2_grpc import ThreadProtocolServiceStub
from cronlane_service.domain import protocol
from cronlane_service.domain.events import RunEvent
from cronlane_service.domain.ports import Topic
from cronlane_service.domain.runs import Outcome, Run, RunStatus
from cronlane_service.usecases.attempts import Attempts

THREAD = "01900000-0000-7000-8000-0000000000aa"
ASKS = Outcome(RunStatus.SUCCESS, values="{}", interrupts='{"t":[{"id":"i1","value":1.0}]}', stopped=True)

Claim = Callable[[], Awaitable[list[Run]]]
Finish = Callable[..., Awaitable[None]]
Record = Callable[..., Awaitable[None]]


@pytest.fixture
def stub(channel: grpc.aio.Channel) -> Any:
    return ThreadProtocolServiceStub(channel)


@pytest.fixture
def record(database: Any, clock: FakeClock) -> Record:
    attempts = Attempts(clock, ["agent"])

    async def record(run: Run, *happened: RunEvent) -> None:
        assert await database.write(lambda tx: attempts.record(tx, run, happened))

    return record


def command(method: str, thread_id: str = THREAD, **params: Any) -> pb.SendCommandRequest:
    return pb.SendCommandRequest(thread_id=thread_id, method=method, params=Json(text=json.dumps(params)))


def start(**params: Any) -> pb.SendCommandRequest:
    return command("run.start", assistant_id="agent", **params)


def follow(*channels: str, **more: Any) -> pb.StreamEventsRequest:
    return pb.StreamEventsRequest(thread_id=THREAD, channels=channels, **more)


async def told(call: Any, number: int) -> list[tuple[str, Any]]:
    async with asyncio.timeout(20):
        events = [await call.read() for _ in range(number)]
    return [(event.method, json.loads(event.data.text)) for event in events]


async def test_a_run_is_told_from_its_start_to_its_end(stub: Any, claim: Claim, record: Record, finish: Finish) -> None:
    call = stub.StreamEvents(follow("values", "lifecycle"))
    assert dict(await call.initial_metadata())["cronlane-thread-id"] == THREAD, "before the thread is made"
    started = await stub.SendCommand(start(input={"n": 1.0}))
    [run] = await claim()
    assert (started.run_id, started.applied_through_seq) == (run.run_id, 0)
    inner = RunEvent(protocol.name("values", ("a:1",)), '{"n":1.0}')
    await record(run, protocol.begun(run), RunEvent(protocol.name("tools"), "{}"), inner)
    assert await told(call, 1) == [("lifecycle", {"event": "running", "graph_name": "agent"})]
    event = await call.read()
    assert (event.method, list(event.namespace), event.data.text) == ("values", ["a:1"], '{"n":1.0}')
    assert event.time.ToMicroseconds() == event.seq
    await finish(run)
    assert await told(call, 1) == [("lifecycle", {"event": "completed", "graph_name": "agent"})]
    later = stub.StreamEvents(follow("values", "lifecycle", since=event.seq))
    assert await told(later, 1) == [("lifecycle", {"event": "completed", "graph_name": "agent"})]
    for each in (call, later):
        each.cancel()


async def test_a_question_is_told_and_answered(stub: Any, claim: Claim, finish: Finish) -> None:
    await stub.SendCommand(start(input={}))
    [run] = await claim()
    await finish(run, ASKS)
    call = stub.StreamEvents(follow("input"))
    assert await told(call, 1) == [("input.requested", {"interrupt_id": "i1", "payload": 1.0, "value": 1.0})]
    call.cancel()
    answer = {"interrupt_id": "i1", "response": {"n": 1.0}, "namespace": []}
    answered = await stub.SendCommand(command("input.respond", **answer, goto="x", metadata={"m": 1}))
    [second] = await claim()
    assert answered.run_id == second.run_id
    assert answered.applied_through_seq > 0
    assert json.loads(second.kwargs)["command"] == {"goto": "x", "resume": {"i1": {"n": 1.0}}}
    assert json.loads(second.metadata)["m"] == 1
    await finish(second, ASKS)
    await stub.SendCommand(command("input.respond", responses=[answer]))
    [third] = await claim()
    assert json.loads(third.kwargs)["command"] == {"resume": {"i1": {"n": 1.0}}}


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (command("run.fly"), "UNIMPLEMENTED"),
        (command(""), "INVALID_ARGUMENT"),
        (command("run.start"), "INVALID_ARGUMENT"),
        (command("run.start", assistant_id=1), "INVALID_ARGUMENT"),
        (command("run.start", assistant_id="nope"), "INVALID_ARGUMENT"),
        (start(config=[]), "INVALID_ARGUMENT"),
        (start(metadata=1), "INVALID_ARGUMENT"),
        (start(multitask_strategy="fly"), "INVALID_ARGUMENT"),
        (command("run.start", "nope", assistant_id="agent"), "INVALID_ARGUMENT"),
        (command("input.respond"), "INVALID_ARGUMENT"),
        (command("input.respond", responses={}), "INVALID_ARGUMENT"),
        (command("input.respond", responses=[1]), "INVALID_ARGUMENT"),
        (command("input.respond", interrupt_id="i1"), "NOT_FOUND"),
        (pb.SendCommandRequest(thread_id=THREAD, method="run.start", params=Json(text="[]")), "INVALID_ARGUMENT"),
    ],
)
async def test_a_wrong_command_is_refused_and_makes_no_thread(
    stub: Any, threads: Any, request_: pb.SendCommandRequest, code: str
) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await stub.SendCommand(request_)
    assert refused.value.code() is grpc.StatusCode[code]
    assert (await threads.CountThreads(threads_pb2.CountThreadsRequest())).count == 0


@pytest.mark.parametrize(
    "request_",
    [
        follow(),
        follow("nope"),
        follow("values", since=-1),
        follow("values", depth=-1),
        pb.StreamEventsRequest(channels=["values"]),
    ],
)
async def test_a_wrong_request_for_events_is_refused(stub: Any, request_: pb.StreamEventsRequest) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await stub.StreamEvents(request_).read()
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT


async def test_a_run_that_others_made_is_told_in_its_stream_modes(
    stub: Any, runs: Any, threads: Any, claim: Claim, record: Record, finish: Finish, database: Any
) -> None:
    watched = asyncio.Event()
    loop = asyncio.get_running_loop()
    database.listen(Topic.WATCHED, lambda _: loop.call_soon_threadsafe(watched.set))
    await threads.CreateThread(threads_pb2.CreateThreadRequest(thread_id=THREAD))
    call = stub.StreamEvents(follow("values", "lifecycle"))
    await call.initial_metadata()
    async with asyncio.timeout(10):
        await watched.wait()
    await runs.CreateRun(CreateRunRequest(thread_id=THREAD, run=RunSpec(assistant_id="agent")))
    [run] = await claim()
    await record(run, protocol.begun(run), RunEvent("values", '{"n":1.0}'), RunEvent("messages/partial", "[]"))
    assert [method for method, _ in await told(call, 2)] == ["lifecycle", "values"]
    call.cancel()


async def test_a_run_of_the_protocol_tells_its_state_to_those_who_join_it(
    stub: Any, runs: Any, claim: Claim, record: Record, finish: Finish
) -> None:
    started = await stub.SendCommand(start(input={}))
    [run] = await claim()
    names = [protocol.name(method) for method in ("values", "messages", "tools", "updates", "lifecycle", "custom")]
    await record(run, *(RunEvent(name, "{}") for name in names))
    await finish(run)
    joined = runs.JoinRunStream(JoinRunStreamRequest(thread_id=THREAD, run_id=started.run_id, last_event_id="-1"))
    assert [event.event async for event in joined] == ["values", "updates", "custom"]


async def test_a_thread_that_is_deleted_ends_its_streams(stub: Any, threads: Any) -> None:
    await threads.CreateThread(threads_pb2.CreateThreadRequest(thread_id=THREAD))
    await stub.SendCommand(start(input={}))
    call = stub.StreamEvents(follow("values"))
    await call.initial_metadata()
    await threads.DeleteThread(threads_pb2.DeleteThreadRequest(thread_id=THREAD))
    async with asyncio.timeout(60):
        assert await call.read() is grpc.aio.EOF
