"""Waiting for runs to end: nobody waits in vain, and nobody is woken for nothing."""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import dataclass, field
from typing import Any

import grpc
import pytest
import structlog

from cronlane.v1 import runs_pb2 as pb
from cronlane.v1 import threads_pb2
from cronlane_service.domain.ports import Topic
from cronlane_service.domain.runs import Outcome, RunError, RunStatus
from cronlane_service.rpc.endings import Endings, Watch
from cronlane_service.rpc.server import GrpcServer

pytestmark = pytest.mark.parametrize("channel", ["wire", "inprocess"], indirect=True)

AGENT = pb.RunSpec(assistant_id="agent")


def join(run: pb.Run) -> pb.JoinRunRequest:
    return pb.JoinRunRequest(thread_id=run.thread_id, run_id=run.run_id)


@pytest.fixture
async def run(runs: Any, threads: Any) -> pb.Run:
    thread = await threads.CreateThread(threads_pb2.CreateThreadRequest())
    return await runs.CreateRun(pb.CreateRunRequest(thread_id=thread.thread_id, run=AGENT))


@dataclass
class Waiting:
    """Released by each caller who has read a run that goes on and begins to wait, and as each stops waiting."""

    began: asyncio.Semaphore
    left: asyncio.Semaphore
    endings: set[Endings] = field(default_factory=set)

    async def by(self, callers: int) -> None:
        for _ in range(callers):
            await asyncio.wait_for(self.began.acquire(), 5)


@pytest.fixture
def waiting(monkeypatch: pytest.MonkeyPatch) -> Waiting:
    seen = Waiting(asyncio.Semaphore(0), asyncio.Semaphore(0))
    changed = Watch.changed

    async def told(watch: Watch) -> None:
        seen.endings.add(watch._endings)
        seen.began.release()
        try:
            await changed(watch)
        finally:
            seen.left.release()

    monkeypatch.setattr(Watch, "changed", told)
    return seen


async def test_an_ended_run_is_answered_at_once(runs: Any, run: pb.Run, claim: Any, finish: Any) -> None:
    (claimed,) = await claim()
    await finish(claimed)
    outcome = await runs.JoinRun(join(run), timeout=5)
    assert (outcome.run.run_id, outcome.run.status) == (run.run_id, pb.RUN_STATUS_SUCCESS)
    assert outcome.values.text == '{"n": 1.0}'
    assert not outcome.HasField("interrupts")


async def test_a_run_that_ends_wakes_everyone_who_waits_for_it(
    runs: Any, run: pb.Run, claim: Any, finish: Any, waiting: Waiting
) -> None:
    loud = pb.JoinRunRequest(thread_id=run.thread_id, run_id=run.run_id.upper())
    joins = [asyncio.ensure_future(runs.JoinRun(request, timeout=20)) for request in [join(run)] * 5 + [loud]]
    await waiting.by(len(joins))
    (claimed,) = await claim()
    assert not any(joined.done() for joined in joins)
    await finish(claimed)
    outcomes = await asyncio.gather(*joins)
    assert {outcome.run.status for outcome in outcomes} == {pb.RUN_STATUS_SUCCESS}


async def test_a_run_that_stops_for_a_human_says_what_for(runs: Any, run: pb.Run, claim: Any, finish: Any) -> None:
    (claimed,) = await claim()
    interrupts = '{"task":[{"value":{"ask":1.0},"id":"i"}]}'
    await finish(claimed, Outcome(RunStatus.SUCCESS, values="{}", interrupts=interrupts, stopped=True))
    outcome = await runs.JoinRun(join(run), timeout=5)
    assert outcome.interrupts.text == '[{"value":{"ask":1.0},"id":"i","response_schema":null}]'


async def test_a_run_that_fails_is_an_outcome_and_not_an_error(runs: Any, run: pb.Run, claim: Any, finish: Any) -> None:
    (claimed,) = await claim()
    await finish(claimed, Outcome(RunStatus.ERROR, error=RunError("ValueError", "no")))
    outcome = await runs.JoinRun(join(run), timeout=5)
    assert (outcome.run.status, outcome.run.error.message) == (pb.RUN_STATUS_ERROR, "no")
    assert not outcome.HasField("values")


async def test_who_waits_is_told_the_ids_first(
    channel: grpc.aio.Channel, claim: Any, finish: Any, waiting: Waiting
) -> None:
    # Called as a stream of one reply: the calls of one reply hold back the initial metadata until the end.
    wait: Any = channel.unary_stream(
        "/cronlane.v1.RunService/WaitRun",
        request_serializer=pb.WaitRunRequest.SerializeToString,
        response_deserializer=pb.RunOutcome.FromString,
    )
    call = wait(pb.WaitRunRequest(run=AGENT), timeout=20)
    told = dict(await call.initial_metadata())
    (claimed,) = await claim()
    assert (told["cronlane-run-id"], told["cronlane-thread-id"]) == (claimed.run_id, claimed.thread_id)
    await waiting.by(1)
    assert not call.done()
    await finish(claimed)
    outcome = await call.read()
    assert (outcome.run.run_id, outcome.values.text) == (claimed.run_id, '{"n": 1.0}')


async def test_waiting_again_with_the_same_request_id_waits_for_the_same_run(
    runs: Any, claim: Any, finish: Any, waiting: Waiting
) -> None:
    request = pb.WaitRunRequest(run=AGENT, request_id=str(uuid.UUID(int=1)))
    first, second = (asyncio.ensure_future(_result(runs.WaitRun(request, timeout=20))) for _ in range(2))
    await waiting.by(2)
    (claimed,) = await claim()
    await finish(claimed)  # a stateless run: its thread is gone now
    third = await runs.WaitRun(request, timeout=20)
    assert (await first) == (await second) == third


@pytest.mark.parametrize("method", ["DeleteRun", "DeleteThread"])
async def test_a_run_deleted_meanwhile_is_not_found(
    runs: Any, threads: Any, run: pb.Run, refused: Any, waiting: Waiting, method: str
) -> None:
    joined = asyncio.ensure_future(refused(runs.JoinRun(join(run), timeout=20)))
    await waiting.by(1)
    if method == "DeleteRun":
        await runs.DeleteRun(pb.DeleteRunRequest(thread_id=run.thread_id, run_id=run.run_id))
    else:
        await threads.DeleteThread(threads_pb2.DeleteThreadRequest(thread_id=run.thread_id))
    no = await joined
    assert (no.code, no.facts) == (grpc.StatusCode.NOT_FOUND, {"kind": "run", "name": run.run_id})


async def test_a_caller_may_stop_waiting_and_the_run_goes_on(
    runs: Any, run: pb.Run, claim: Any, finish: Any, waiting: Waiting, request: pytest.FixtureRequest
) -> None:
    with structlog.testing.capture_logs() as events:
        joined = asyncio.ensure_future(_result(runs.JoinRun(join(run), timeout=2)))
        await waiting.by(1)  # a call that its deadline overtakes on its way is not in the log
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await joined
        await asyncio.wait_for(waiting.left.acquire(), 5)
        (claimed,) = await claim()
        await finish(claimed)
        assert (await runs.JoinRun(join(run), timeout=5)).run.status == pb.RUN_STATUS_SUCCESS
    assert caught.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED
    left, joined_again = [event["code"] for event in events if event["event"] == "rpc"]
    # A deadline travels as what is left of it, so that on the wire the server may hear of the end before it comes.
    also = {"CANCELLED"} if request.node.callspec.params["channel"] == "wire" else set()
    assert left in {"DEADLINE_EXCEEDED"} | also
    assert joined_again == "OK"


async def test_a_caller_who_hangs_up_leaves_nothing_behind(runs: Any, run: pb.Run, waiting: Waiting) -> None:
    with structlog.testing.capture_logs() as events:
        call = runs.JoinRun(join(run))
        joined = asyncio.ensure_future(_result(call))
        await waiting.by(1)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await joined
        await asyncio.wait_for(waiting.left.acquire(), 5)
    (event,) = [event for event in events if event["event"] == "rpc"]
    assert (event["code"], event["run_id"]) == ("CANCELLED", run.run_id)
    (endings,) = waiting.endings
    assert not endings._watches


async def test_a_caller_who_hangs_up_takes_the_run_along_if_they_said_so(
    runs: Any, run: pb.Run, waiting: Waiting, database: Any
) -> None:
    ended, loop = asyncio.Event(), asyncio.get_running_loop()
    database.listen(Topic.RUN_ENDED, lambda _: loop.call_soon_threadsafe(ended.set))
    named = {"thread_id": run.thread_id, "run_id": run.run_id}
    call = runs.JoinRun(pb.JoinRunRequest(**named, cancel_on_disconnect=True))
    joined = asyncio.ensure_future(_result(call))
    await waiting.by(1)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await joined
    await asyncio.wait_for(ended.wait(), 20)
    assert (await runs.GetRun(pb.GetRunRequest(**named))).status == pb.RUN_STATUS_INTERRUPTED


async def _result(call: Any) -> Any:
    return await call


async def test_cancelling_can_wait_until_the_worker_has_obeyed(
    runs: Any, run: pb.Run, claim: Any, finish: Any, waiting: Waiting
) -> None:
    (claimed,) = await claim()
    request = pb.CancelRunRequest(thread_id=run.thread_id, run_id=run.run_id)
    await runs.CancelRun(request, timeout=5)  # the wish alone
    assert (await runs.GetRun(pb.GetRunRequest(thread_id=run.thread_id, run_id=run.run_id))).status == (
        pb.RUN_STATUS_RUNNING
    )
    request.wait = True
    cancelled = asyncio.ensure_future(runs.CancelRun(request, timeout=20))
    await waiting.by(1)
    await finish(claimed, Outcome(RunStatus.INTERRUPTED))
    await cancelled
    ended = await runs.GetRun(pb.GetRunRequest(thread_id=run.thread_id, run_id=run.run_id))
    assert ended.status == pb.RUN_STATUS_INTERRUPTED


@pytest.mark.parametrize("started", [False, True])
async def test_rolling_back_can_wait_until_the_run_is_gone(
    runs: Any, run: pb.Run, claim: Any, finish: Any, waiting: Waiting, refused: Any, started: bool
) -> None:
    claimed = await claim() if started else []
    request = pb.CancelRunRequest(
        thread_id=run.thread_id, run_id=run.run_id, wait=True, action=pb.CANCEL_ACTION_ROLLBACK
    )
    cancelled = asyncio.ensure_future(runs.CancelRun(request, timeout=20))
    if started:
        await waiting.by(1)
        await finish(claimed[0], Outcome(RunStatus.INTERRUPTED))
    await cancelled
    gone = await refused(runs.GetRun(pb.GetRunRequest(thread_id=run.thread_id, run_id=run.run_id)))
    assert gone.code == grpc.StatusCode.NOT_FOUND


async def test_a_server_that_stops_sends_its_waiters_away(
    runs: Any, run: pb.Run, served: tuple[GrpcServer, int], refused: Any, waiting: Waiting
) -> None:
    joins = [asyncio.ensure_future(refused(runs.JoinRun(join(run), timeout=20))) for _ in range(3)]
    await waiting.by(len(joins))
    async with asyncio.timeout(5):  # far less than the grace
        await served[0].stop(60)
    for no in await asyncio.gather(*joins):
        assert (no.code, no.reason, no.retry_after) == (grpc.StatusCode.UNAVAILABLE, "SERVER_STOPPING", 1)
