"""RunService on a real server; waiting has tests of its own."""

from __future__ import annotations

import json as json_
import uuid
from typing import Any

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.empty_pb2 import Empty

from builders import AGENT, FakeClock
from cronlane.v1 import common_pb2 as common
from cronlane.v1 import runs_pb2 as pb
from cronlane.v1 import threads_pb2
from cronlane.v1.common_pb2 import Json
from cronlane_service.domain.runs import Outcome, RunError, RunStatus

NOWHERE = "00000000-0000-4000-8000-0000000000ff"
REQUEST = str(uuid.UUID(int=1))


def create(thread_id: str | None = None, request_id: str | None = None, **spec: Any) -> pb.CreateRunRequest:
    run = pb.RunSpec(**{"assistant_id": "agent", **spec})
    return pb.CreateRunRequest(thread_id=thread_id, run=run, request_id=request_id)


def named(kind: Any, run: pb.Run, **more: Any) -> Any:
    return kind(thread_id=run.thread_id, run_id=run.run_id, **more)


@pytest.fixture
async def thread_id(threads: Any) -> str:
    return (await threads.CreateThread(threads_pb2.CreateThreadRequest())).thread_id


async def test_a_new_run_is_pending_and_knows_what_it_was_made_with(runs: Any, thread_id: str) -> None:
    run = await runs.CreateRun(
        create(
            thread_id,
            input=Json(text='{"n": 1.0, "big": 9007199254740993}'),
            metadata=Json(text='{"mine":true}'),
            stream_mode=[common.STREAM_MODE_MESSAGES_TUPLE],
            durability=common.DURABILITY_SYNC,
            feedback_keys=["thumbs"],
            interrupt_before=["*"],
        )
    )
    assert uuid.UUID(run.run_id).version == 7
    assert (run.thread_id, run.assistant_id, run.status) == (thread_id, AGENT, pb.RUN_STATUS_PENDING)
    assert run.multitask_strategy == common.MULTITASK_STRATEGY_ENQUEUE
    assert '"input":{"n": 1.0, "big": 9007199254740993}' in run.kwargs.text
    kwargs = json_.loads(run.kwargs.text)
    assert (kwargs["stream_mode"], kwargs["durability"]) == (["messages-tuple"], "sync")
    assert (kwargs["feedback_keys"], kwargs["interrupt_before"]) == (["thumbs"], "*")
    assert json_.loads(run.metadata.text)["mine"] is True
    absent = ("cron_id", "scheduled_for", "error", "started_at", "ended_at")
    assert not [name for name in absent if run.HasField(name)]
    assert await runs.GetRun(named(pb.GetRunRequest, run)) == run


async def test_a_command_is_passed_on(runs: Any, thread_id: str) -> None:
    run = await runs.CreateRun(create(thread_id, command=Json(text='{"resume":{"a":1.0}}')))
    assert '"command":{"resume":{"a":1.0}}' in run.kwargs.text


async def test_a_run_without_a_thread_gets_one_of_its_own(runs: Any, threads: Any, claim: Any, finish: Any) -> None:
    run = await runs.CreateRun(create(on_completion=common.ON_COMPLETION_KEEP))
    (claimed,) = await claim()
    await finish(claimed)
    kept = await threads.GetThread(threads_pb2.GetThreadRequest(thread_id=run.thread_id))
    assert kept.values.text == '{"n": 1.0}'


async def test_a_missing_thread_can_be_made(runs: Any, refused: Any) -> None:
    no = await refused(runs.CreateRun(create(NOWHERE)))
    assert (no.code, no.facts) == (grpc.StatusCode.NOT_FOUND, {"kind": "thread", "name": NOWHERE})
    made = await runs.CreateRun(create(NOWHERE, if_not_exists=pb.IF_NOT_EXISTS_CREATE))
    assert made.thread_id == NOWHERE


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        ({"assistant_id": ""}, "assistant_id"),
        ({"input": Json(text="{")}, "input"),
        ({"command": Json(text='{"jump":1}')}, "command.jump"),
        ({"metadata": Json(text="1")}, "metadata"),
        ({"after_seconds": Duration(seconds=10**11)}, "after_seconds"),
        ({"webhook": "ftp://example.com"}, "webhook"),
        ({"if_not_exists": 77}, "if_not_exists"),
        ({"on_completion": 77}, "on_completion"),
        ({"durability": 77}, "durability"),
    ],
)
async def test_a_wrong_field_is_named_and_nothing_is_written(
    runs: Any, thread_id: str, refused: Any, spec: dict[str, Any], field: str
) -> None:
    for call in (runs.CreateRun(create(thread_id, **spec)), runs.WaitRun(pb.WaitRunRequest(run=create(**spec).run))):
        no = await refused(call)
        assert (no.code, no.fields) == (grpc.StatusCode.INVALID_ARGUMENT, [field])
    assert not (await runs.ListRuns(pb.ListRunsRequest(thread_id=thread_id))).runs


async def test_context_and_configurable_exclude_each_other(runs: Any, refused: Any) -> None:
    both = create(config=Json(text='{"configurable":{"a":1}}'), context=Json(text="{}"))
    no = await refused(runs.CreateRun(both))
    assert no.reason == "CONTEXT_AND_CONFIGURABLE"


async def test_an_unknown_assistant_is_not_found(runs: Any, refused: Any) -> None:
    unknown = "0192f0c4-0000-7000-8000-0000000000ff"
    no = await refused(runs.CreateRun(create(assistant_id=unknown)))
    assert (no.code, no.facts) == (grpc.StatusCode.NOT_FOUND, {"kind": "assistant", "name": unknown})


async def test_an_unknown_graph_is_a_wrong_field(runs: Any, refused: Any) -> None:
    no = await refused(runs.CreateRun(create(assistant_id="nobody")))
    assert (no.code, no.facts) == (grpc.StatusCode.INVALID_ARGUMENT, {"field": "assistant_id"})


async def test_a_busy_thread_rejects_if_asked_to(runs: Any, thread_id: str, refused: Any) -> None:
    await runs.CreateRun(create(thread_id))
    no = await refused(runs.CreateRun(create(thread_id, multitask_strategy=common.MULTITASK_STRATEGY_REJECT)))
    assert (no.code, no.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "THREAD_BUSY")
    assert no.facts == {"thread_id": thread_id}
    assert len((await runs.ListRuns(pb.ListRunsRequest(thread_id=thread_id))).runs) == 1


async def test_a_request_sent_twice_is_done_once(runs: Any, thread_id: str, refused: Any) -> None:
    request = create(thread_id, REQUEST, input=Json(text="{}"))
    assert await runs.CreateRun(request) == await runs.CreateRun(request)
    assert len((await runs.ListRuns(pb.ListRunsRequest(thread_id=thread_id))).runs) == 1
    no = await refused(runs.CreateRun(create(thread_id, REQUEST, input=Json(text="[]"))))
    assert (no.code, no.reason) == (grpc.StatusCode.ALREADY_EXISTS, "REQUEST_ID_REUSED")


async def test_runs_are_listed_newest_first(runs: Any, thread_id: str, clock: FakeClock, claim: Any) -> None:
    made = []
    for _ in range(3):
        made.append((await runs.CreateRun(create(thread_id))).run_id)
        clock.advance(seconds=1)
    await claim()

    async def listed(**conditions: Any) -> list[str]:
        answer = await runs.ListRuns(pb.ListRunsRequest(thread_id=thread_id, **conditions))
        return [run.run_id for run in answer.runs]

    assert await listed() == made[::-1]
    assert await listed(limit=1, offset=1) == made[1:2]
    assert await listed(limit=0) == []
    assert await listed(status=pb.RUN_STATUS_RUNNING) == made[:1]
    slim = await runs.ListRuns(pb.ListRunsRequest(thread_id=thread_id, select=["run_id"]))
    assert list(slim.runs) == [pb.Run(run_id=run_id) for run_id in made[::-1]]


@pytest.mark.parametrize(
    ("wrong", "field"),
    [({"limit": -1}, "limit"), ({"offset": -1}, "offset"), ({"select": ["id"]}, "select"), ({"status": 77}, "status")],
)
async def test_a_wrong_list_is_refused_by_field(
    runs: Any, thread_id: str, refused: Any, wrong: dict[str, Any], field: str
) -> None:
    no = await refused(runs.ListRuns(pb.ListRunsRequest(thread_id=thread_id, **wrong)))
    assert (no.code, no.fields) == (grpc.StatusCode.INVALID_ARGUMENT, [field])


async def test_runs_of_an_unknown_thread_are_not_found(runs: Any, refused: Any) -> None:
    no = await refused(runs.ListRuns(pb.ListRunsRequest(thread_id=NOWHERE)))
    assert (no.code, no.facts["kind"]) == (grpc.StatusCode.NOT_FOUND, "thread")


async def test_a_run_that_failed_says_why(runs: Any, thread_id: str, claim: Any, finish: Any) -> None:
    made = await runs.CreateRun(create(thread_id))
    (run,) = await claim()
    await finish(run, Outcome(RunStatus.ERROR, error=RunError("ValueError", "no such city")))
    failed = await runs.GetRun(named(pb.GetRunRequest, made))
    assert (failed.status, failed.attempt) == (pb.RUN_STATUS_ERROR, 1)
    assert (failed.error.error, failed.error.message) == ("ValueError", "no such city")
    assert failed.HasField("started_at")
    assert failed.HasField("ended_at")


async def test_a_pending_run_is_cancelled_at_once(runs: Any, thread_id: str, refused: Any) -> None:
    run = await runs.CreateRun(create(thread_id))
    assert await runs.CancelRun(named(pb.CancelRunRequest, run)) == Empty()
    assert (await runs.GetRun(named(pb.GetRunRequest, run))).status == pb.RUN_STATUS_INTERRUPTED
    no = await refused(runs.CancelRun(named(pb.CancelRunRequest, run)))
    assert (no.code, no.message) == (grpc.StatusCode.NOT_FOUND, "No matching runs to cancel. The run has ended.")
    wrong = await refused(runs.CancelRun(pb.CancelRunRequest(thread_id=thread_id, run_id=run.run_id, action=77)))
    assert wrong.fields == ["action"]


async def test_a_deleted_run_is_gone(runs: Any, thread_id: str, refused: Any) -> None:
    run = await runs.CreateRun(create(thread_id))
    assert await runs.DeleteRun(named(pb.DeleteRunRequest, run)) == Empty()
    for kind, call in (
        (pb.GetRunRequest, runs.GetRun),
        (pb.DeleteRunRequest, runs.DeleteRun),
        (pb.JoinRunRequest, runs.JoinRun),
        (pb.CancelRunRequest, runs.CancelRun),
    ):
        no = await refused(call(named(kind, run)))
        assert (no.code, no.facts) == (grpc.StatusCode.NOT_FOUND, {"kind": "run", "name": run.run_id})


async def test_a_run_is_found_on_its_own_thread_only(runs: Any, threads: Any, thread_id: str, refused: Any) -> None:
    run = await runs.CreateRun(create(thread_id))
    other = (await threads.CreateThread(threads_pb2.CreateThreadRequest())).thread_id
    no = await refused(runs.GetRun(pb.GetRunRequest(thread_id=other, run_id=run.run_id)))
    assert no.code == grpc.StatusCode.NOT_FOUND
    wrong = await refused(runs.GetRun(pb.GetRunRequest(thread_id=other, run_id="nope")))
    assert wrong.fields == ["run_id"]
