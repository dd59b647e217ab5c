"""Streams of events over gRPC: told as they are committed, to the end, and to nobody who has left."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import grpc
import pytest
import structlog

from builders import FakeClock
from cronlane._channel import WaitingStub
from cronlane.v1 import common_pb2, thread_states_pb2, threads_pb2
from cronlane.v1 import runs_pb2 as pb
from cronlane.v1.common_pb2 import Json
from cronlane_service.domain.events import RunEvent, begun
from cronlane_service.domain.ports import Topic
from cronlane_service.domain.runs import Outcome, Run, RunError, RunStatus
from cronlane_service.rpc.server import GrpcServer
from cronlane_service.usecases.attempts import Attempts

pytestmark = pytest.mark.parametrize("channel", ["wire", "inprocess"], indirect=True)

AGENT = pb.RunSpec(assistant_id="agent")
RESUMABLE = pb.RunSpec(assistant_id="agent", stream_resumable=True)

Claim = Callable[[], Awaitable[list[Run]]]
Finish = Callable[..., Awaitable[None]]
Record = Callable[..., Awaitable[None]]


@pytest.fixture
def record(database: Any, clock: FakeClock) -> Record:
    """Tells of a claimed run, as its worker does."""
    attempts = Attempts(clock, ["agent"])

    async def record(run: Run, *names: str) -> None:
        events = [RunEvent(name, json.dumps({"n": number})) for number, name in enumerate(names)]
        assert await database.write(lambda tx: attempts.record(tx, run, events or [begun(run)]))

    return record


@pytest.fixture
async def thread_id(threads: Any) -> str:
    return str((await threads.CreateThread(threads_pb2.CreateThreadRequest())).thread_id)


def streamed(thread_id: str, spec: pb.RunSpec = AGENT, **more: Any) -> pb.StreamRunRequest:
    return pb.StreamRunRequest(thread_id=thread_id, run=spec, **more)


async def told(call: Any) -> list[str]:
    return [event.event for event in await events_of(call)]


async def events_of(call: Any) -> list[pb.RunEvent]:
    """All that come."""
    found = []
    async with asyncio.timeout(20):
        while (event := await call.read()) is not grpc.aio.EOF:
            found.append(event)
    return found


async def under_way(call: Any, claim: Claim) -> Run:
    """The run that the call has made, claimed."""
    await call.initial_metadata()
    [run] = await claim()
    return run


async def test_a_run_is_told_from_its_first_event_to_its_end(
    runs: Any, thread_id: str, claim: Claim, record: Record, finish: Finish
) -> None:
    call = runs.StreamRun(streamed(thread_id))
    named = dict(await call.initial_metadata())
    [run] = await claim()
    assert (named["cronlane-run-id"], named["cronlane-thread-id"]) == (run.run_id, thread_id)
    assert run.recorded
    await record(run)
    first = await call.read()
    assert (first.id, first.event, json.loads(first.data.text)) == (
        "",
        "metadata",
        {"run_id": run.run_id, "attempt": 1},
    )
    await record(run, "values", "updates")
    assert [(await call.read()).event for _ in range(2)] == ["values", "updates"]
    await finish(run)
    assert await told(call) == []
    assert (await runs.GetRun(pb.GetRunRequest(thread_id=thread_id, run_id=run.run_id))).status == pb.RUN_STATUS_SUCCESS


async def test_more_events_than_are_read_together_are_all_told(
    runs: Any, thread_id: str, claim: Claim, record: Record, finish: Finish
) -> None:
    call = runs.StreamRun(streamed(thread_id))
    run = await under_way(call, claim)
    names = [f"values|{number}" for number in range(450)]
    await record(run, *names)
    await finish(run)
    assert await told(call) == names


async def test_a_failing_run_ends_with_its_error(runs: Any, thread_id: str, claim: Claim, finish: Finish) -> None:
    call = runs.StreamRun(streamed(thread_id))
    run = await under_way(call, claim)
    await finish(run, Outcome(RunStatus.ERROR, error=RunError("ValueError", "no")))
    assert await told(call) == ["error"]


async def test_a_resumable_run_is_told_again_after_the_event_named(
    runs: Any, thread_id: str, claim: Claim, record: Record, finish: Finish
) -> None:
    await runs.CreateRun(pb.CreateRunRequest(thread_id=thread_id, run=RESUMABLE))
    [run] = await claim()
    await record(run, "values", "updates", "messages/partial", "messages|a:1", "custom")
    await finish(run)

    def join(**request: Any) -> Any:
        return runs.JoinRunStream(pb.JoinRunStreamRequest(thread_id=thread_id, run_id=run.run_id, **request))

    everything = await events_of(join(last_event_id="-1"))
    assert [event.event for event in everything] == ["values", "updates", "messages/partial", "messages|a:1", "custom"]
    assert await told(join(last_event_id=everything[2].id)) == ["messages|a:1", "custom"]
    assert await told(join()) == []
    modes = [common_pb2.STREAM_MODE_VALUES, common_pb2.STREAM_MODE_MESSAGES_TUPLE]
    assert await told(join(last_event_id="-1", stream_mode=modes)) == ["values", "messages|a:1"]
    assert await told(join(last_event_id="-1", stream_mode=[common_pb2.STREAM_MODE_MESSAGES])) == ["messages/partial"]


async def test_who_joins_is_heard_of_by_workers_before_the_reply_begins(
    runs: Any, database: Any, thread_id: str, claim: Claim, record: Record, finish: Finish
) -> None:
    watched: list[str] = []
    database.listen(Topic.WATCHED, watched.append)
    await runs.CreateRun(pb.CreateRunRequest(thread_id=thread_id, run=AGENT))
    [run] = await claim()
    await record(run, "values")
    call = runs.JoinRunStream(pb.JoinRunStreamRequest(thread_id=thread_id, run_id=run.run_id))
    await call.initial_metadata()
    assert watched == [run.run_id]
    await record(run, "updates")
    await finish(run)
    assert await told(call) == ["updates"], "what came before is not told"


async def test_a_thread_is_told_of_all_its_runs(
    runs: Any, threads: Any, thread_id: str, claim: Claim, record: Record, database: Any, clock: FakeClock
) -> None:
    call = threads.StreamThread(threads_pb2.StreamThreadRequest(thread_id=thread_id))
    await call.initial_metadata()
    attempts = Attempts(clock, ["agent"])
    for _ in range(2):
        await runs.CreateRun(pb.CreateRunRequest(thread_id=thread_id, run=AGENT))
        [run] = await claim()
        await record(run, "values")
        assert await database.write(lambda tx, run=run: attempts.finish(tx, run, Outcome(RunStatus.SUCCESS), True))
        values, done = [await asyncio.wait_for(call.read(), 20) for _ in range(2)]
        assert (values.event, done.event) == ("values", "metadata")
        assert json.loads(done.data.text) == {"status": "run_done", "run_id": run.run_id}
        assert 0 < int(values.id) < int(done.id)
    await threads.DeleteThread(threads_pb2.DeleteThreadRequest(thread_id=thread_id))
    assert await told(call) == []


@pytest.mark.parametrize(
    ("modes", "expected"),
    [
        ([], ["metadata"]),
        ([threads_pb2.THREAD_STREAM_MODE_LIFECYCLE], ["metadata"]),
        ([threads_pb2.THREAD_STREAM_MODE_STATE_UPDATE], ["state_update"]),
        (
            [threads_pb2.THREAD_STREAM_MODE_RUN_MODES, threads_pb2.THREAD_STREAM_MODE_STATE_UPDATE],
            ["state_update", "metadata"],
        ),
    ],
)
async def test_who_follows_a_thread_is_told_of_states_that_are_written_on_request(
    runs: Any, threads: Any, claim: Claim, clock: FakeClock, database: Any, modes: list[Any], expected: list[str]
) -> None:
    on_agent = threads_pb2.CreateThreadRequest(metadata=Json(text='{"graph_id":"agent"}'))
    thread_id = (await threads.CreateThread(on_agent)).thread_id
    call = threads.StreamThread(threads_pb2.StreamThreadRequest(thread_id=thread_id, stream_mode=modes))
    await call.initial_metadata()
    update = thread_states_pb2.UpdateThreadStateRequest(thread_id=thread_id, values=Json(text='{"n":1}'))
    await threads.UpdateThreadState(update)
    await runs.CreateRun(pb.CreateRunRequest(thread_id=thread_id, run=AGENT))
    [run] = await claim()
    assert await database.write(lambda tx: Attempts(clock, ["agent"]).finish(tx, run, Outcome(RunStatus.SUCCESS), True))
    events = [await asyncio.wait_for(call.read(), 20) for _ in expected]
    assert [event.event for event in events] == expected
    if "state_update" in expected:
        assert json.loads(events[0].data.text) == {"state": {"next": []}, "thread_id": thread_id}
    await threads.DeleteThread(threads_pb2.DeleteThreadRequest(thread_id=thread_id))
    assert await told(call) == []


async def test_who_leaves_a_run_cancels_it_if_they_said_so(
    runs: Any, channel: grpc.aio.Channel, database: Any, thread_id: str, claim: Claim, finish: Finish
) -> None:
    changed, loop = asyncio.Event(), asyncio.get_running_loop()
    database.listen(Topic.RUNS, lambda _: loop.call_soon_threadsafe(changed.set))
    cancelling = pb.RunSpec(assistant_id="agent", on_disconnect=pb.ON_DISCONNECT_CANCEL)

    async def begin(kind: str) -> Any:
        if kind == "stream":
            return runs.StreamRun(streamed(thread_id, cancelling))
        if kind == "wait":
            return WaitingStub(channel).WaitRun(pb.WaitRunRequest(thread_id=thread_id, run=cancelling))
        made = await runs.CreateRun(pb.CreateRunRequest(thread_id=thread_id, run=AGENT))
        joining = pb.JoinRunStreamRequest(thread_id=thread_id, run_id=made.run_id, cancel_on_disconnect=True)
        return runs.JoinRunStream(joining)

    for kind in ("stream", "wait", "join"):
        call = await begin(kind)
        run = await under_way(call, claim)
        call.cancel()
        async with asyncio.timeout(20):
            while (await database.read(lambda tx, run=run: tx.runs.find(run.run_id))).cancel is None:
                await changed.wait()
                changed.clear()
        await finish(run, Outcome(RunStatus.INTERRUPTED))


async def test_a_run_goes_on_when_its_reader_leaves(
    runs: Any, database: Any, thread_id: str, claim: Claim, finish: Finish
) -> None:
    logged: asyncio.Queue[Any] = asyncio.Queue()
    with structlog.testing.capture_logs(processors=[lambda _, __, entry: logged.put_nowait(entry) or entry]):
        call = runs.StreamRun(streamed(thread_id))
        run = await under_way(call, claim)
        call.cancel()
        entry = await asyncio.wait_for(logged.get(), 20)
    assert (entry["event"], entry["method"].rpartition("/")[2], entry["code"]) == ("rpc", "StreamRun", "CANCELLED")
    assert (await database.read(lambda tx: tx.runs.find(run.run_id))).cancel is None
    await finish(run)


async def test_a_stream_ends_when_the_run_is_deleted(runs: Any, thread_id: str, claim: Claim) -> None:
    call = runs.StreamRun(streamed(thread_id))
    run = await under_way(call, claim)
    await runs.DeleteRun(pb.DeleteRunRequest(thread_id=thread_id, run_id=run.run_id))
    assert await told(call) == []


async def test_what_is_wrong_is_said_before_anything_is_told(
    runs: Any, threads: Any, thread_id: str, refused: Callable[..., Awaitable[Any]]
) -> None:
    nobody = "00000000-0000-7000-8000-000000000fff"

    def join(**request: Any) -> Any:
        return runs.JoinRunStream(pb.JoinRunStreamRequest(**request)).read()

    assert (await refused(join(thread_id=thread_id, run_id=nobody))).code is grpc.StatusCode.NOT_FOUND
    assert (await refused(join(thread_id=thread_id, run_id="r"))).fields == ["run_id"]
    assert (await refused(runs.StreamRun(streamed(nobody)).read())).code is grpc.StatusCode.NOT_FOUND
    assert (await refused(runs.StreamRun(streamed(thread_id, pb.RunSpec())).read())).fields == ["assistant_id"]
    asked = threads_pb2.StreamThreadRequest(thread_id=thread_id, last_event_id="x")
    assert (await refused(threads.StreamThread(asked).read())).fields == ["last_event_id"]


async def test_a_server_that_stops_ends_its_streams(
    runs: Any, thread_id: str, served: tuple[GrpcServer, int], refused: Callable[..., Awaitable[Any]]
) -> None:
    call = runs.StreamRun(streamed(thread_id))
    await call.initial_metadata()
    stopping = asyncio.ensure_future(served[0].stop(5))
    refusal = await refused(call.read())
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.UNAVAILABLE, "SERVER_STOPPING")
    await stopping


async def test_the_same_request_sent_again_is_told_the_same_run(
    runs: Any, thread_id: str, claim: Claim, record: Record, finish: Finish
) -> None:
    request = streamed(thread_id, request_id="00000000-0000-7000-8000-00000000abcd")
    calls = [runs.StreamRun(request)]
    run = await under_way(calls[0], claim)
    calls.append(runs.StreamRun(request))
    await record(run, "values")
    await finish(run)
    assert [await told(call) for call in calls] == [["values"]] * 2


async def test_runs_are_made_and_cancelled_together(runs: Any, refused: Callable[..., Awaitable[Any]]) -> None:
    made = (await runs.CreateRuns(pb.CreateRunsRequest(runs=[AGENT, AGENT]))).runs
    assert len({run.run_id for run in made}) == 2
    wrong = await refused(runs.CreateRuns(pb.CreateRunsRequest(runs=[AGENT, pb.RunSpec()])))
    assert wrong.fields == ["runs[1].assistant_id"]
    every = pb.CancelRunsRequest(runs=pb.RunSelection(status=pb.ACTIVE_RUNS_ALL))
    await runs.CancelRuns(every)
    assert (await refused(runs.CancelRuns(every))).code is grpc.StatusCode.NOT_FOUND
    assert (await refused(runs.CancelRuns(pb.CancelRunsRequest()))).fields == ["runs"]
