"""Threads on a real server: copied, pruned, ended, and their state written."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.field_mask_pb2 import FieldMask

from builders import AGENT, FakeClock
from cronlane.v1 import runs_pb2
from cronlane.v1 import thread_states_pb2 as states_pb
from cronlane.v1 import threads_pb2 as pb
from cronlane.v1.common_pb2 import Json
from cronlane_service.domain.errors import InvalidStateUpdate, StoreUnavailable
from cronlane_service.domain.models import Checkpoint, ThreadState
from cronlane_service.domain.states import HistoryQuery, Place, StateUpdate

T1, T2 = "00000000-0000-4000-8000-00000000000a", "00000000-0000-4000-8000-00000000000b"
NOWHERE = "00000000-0000-4000-8000-0000000000ff"
ON_AGENT = Json(text='{"graph_id":"agent"}')
ONE = Json(text='{"n": 1.0}')


@pytest.fixture
async def made(threads: Any) -> pb.Thread:
    """A thread on which the graph can be asked for state."""
    return await threads.CreateThread(pb.CreateThreadRequest(thread_id=T1, metadata=ON_AGENT))


async def test_a_state_is_written_and_shown(threads: Any, graphs: Any, made: Any, clock: FakeClock) -> None:
    clock.advance(minutes=1)
    request = states_pb.UpdateThreadStateRequest(thread_id=T1, values=ONE, as_node="ask", checkpoint_id="c1")
    reply = await threads.UpdateThreadState(request)
    assert reply.checkpoint == states_pb.Checkpoint(thread_id=T1, checkpoint_id="new")
    assert graphs.updates == [(T1, [[StateUpdate(ONE.text, "ask")]], Place("c1"))]
    shown = await threads.GetThread(pb.GetThreadRequest(thread_id=T1))
    assert (shown.values.text, shown.status) == (ONE.text, pb.THREAD_STATUS_INTERRUPTED)
    assert shown.state_updated_at.seconds == shown.updated_at.seconds == made.updated_at.seconds + 60


async def test_no_values_are_written_at_a_place_in_a_subgraph(threads: Any, graphs: Any, made: Any) -> None:
    place = states_pb.Checkpoint(checkpoint_ns="n:1", checkpoint_map=Json(text='{"":"c"}'))
    await threads.UpdateThreadState(states_pb.UpdateThreadStateRequest(thread_id=T1, checkpoint=place))
    assert graphs.updates == [(T1, [[StateUpdate()]], Place(None, "n:1", '{"":"c"}'))]


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        (states_pb.UpdateThreadStateRequest(thread_id="nope"), "thread_id"),
        (states_pb.UpdateThreadStateRequest(thread_id=T1, values=Json(text="1")), "values"),
        (states_pb.UpdateThreadStateRequest(thread_id=T1, values=Json(text="{")), "values"),
        (
            states_pb.UpdateThreadStateRequest(thread_id=T1, checkpoint=states_pb.Checkpoint(), checkpoint_id="c"),
            "checkpoint",
        ),
        (
            states_pb.UpdateThreadStateRequest(
                thread_id=T1, checkpoint=states_pb.Checkpoint(checkpoint_map=Json(text="[]"))
            ),
            "checkpoint.checkpoint_map",
        ),
    ],
)
async def test_a_wrong_update_is_named(
    threads: Any, refused: Any, graphs: Any, made: Any, request_: Any, field: str
) -> None:
    wrong = await refused(threads.UpdateThreadState(request_))
    assert (wrong.code, wrong.fields) == (grpc.StatusCode.INVALID_ARGUMENT, [field])
    assert graphs.updates == []


async def test_what_the_graph_refuses_is_told(threads: Any, refused: Any, graphs: Any, made: Any) -> None:
    graphs.refusal = InvalidStateUpdate("Node x does not exist")
    no = await refused(threads.UpdateThreadState(states_pb.UpdateThreadStateRequest(thread_id=T1, values=ONE)))
    assert (no.code, no.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_STATE_UPDATE")
    assert no.message == "Node x does not exist"
    assert await threads.GetThread(pb.GetThreadRequest(thread_id=T1)) == made


async def test_state_needs_a_graph_and_no_run_under_way(threads: Any, runs: Any, refused: Any, graphs: Any) -> None:
    await threads.CreateThread(pb.CreateThreadRequest(thread_id=T1))
    update = states_pb.UpdateThreadStateRequest(thread_id=T1, values=ONE)
    no = await refused(threads.UpdateThreadState(update))
    assert (no.code, no.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "THREAD_HAS_NO_GRAPH")
    run = await runs.CreateRun(runs_pb2.CreateRunRequest(thread_id=T1, run=runs_pb2.RunSpec(assistant_id=AGENT)))
    no = await refused(threads.UpdateThreadState(update))
    assert (no.code, no.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "THREAD_BUSY")
    assert run.run_id in no.message
    no = await refused(threads.UpdateThreadState(states_pb.UpdateThreadStateRequest(thread_id=NOWHERE)))
    assert no.code is grpc.StatusCode.NOT_FOUND
    assert graphs.updates == []


async def test_a_thread_is_made_with_a_state(threads: Any, graphs: Any) -> None:
    updates = [states_pb.StateUpdate(values=ONE, as_node="a"), states_pb.StateUpdate(command=ONE, as_node="b")]
    steps = [states_pb.Superstep(updates=updates), states_pb.Superstep(updates=updates[:1])]
    request = pb.CreateThreadRequest(
        thread_id=T1, metadata=ON_AGENT, supersteps=steps, if_exists=pb.IF_EXISTS_DO_NOTHING
    )
    made = await threads.CreateThread(request)
    assert (made.values.text, made.status) == (ONE.text, pb.THREAD_STATUS_INTERRUPTED)
    a, b = StateUpdate(ONE.text, "a"), StateUpdate(None, "b", ONE.text)
    assert graphs.updates == [(T1, ((a, b), (a,)), Place())]
    assert await threads.CreateThread(request) == made
    assert len(graphs.updates) == 1


@pytest.mark.parametrize(
    ("metadata", "reason"), [("{}", "THREAD_HAS_NO_GRAPH"), ('{"graph_id":"gone"}', "GRAPH_NOT_LOADED")]
)
async def test_a_state_without_its_graph_makes_no_thread(
    threads: Any, refused: Any, metadata: str, reason: str
) -> None:
    step = states_pb.Superstep(updates=[states_pb.StateUpdate(values=ONE, as_node="a")])
    request = pb.CreateThreadRequest(thread_id=T1, metadata=Json(text=metadata), supersteps=[step])
    assert (await refused(threads.CreateThread(request))).reason == reason
    assert (await threads.CountThreads(pb.CountThreadsRequest())).count == 0


async def test_a_state_that_the_graph_refuses_leaves_no_thread(
    threads: Any, refused: Any, graphs: Any, database: Any
) -> None:
    graphs.refusal = InvalidStateUpdate("no")
    step = states_pb.Superstep(updates=[states_pb.StateUpdate(values=ONE, as_node="a")])
    request = pb.CreateThreadRequest(thread_id=T1, metadata=ON_AGENT, supersteps=[step])
    assert (await refused(threads.CreateThread(request))).reason == "INVALID_STATE_UPDATE"
    assert (await threads.CountThreads(pb.CountThreadsRequest())).count == 0
    assert await database.read(lambda tx: tx.purges.list(10)) == [(T1, "")]


async def test_a_history_is_asked_of_the_graph(threads: Any, graphs: Any, made: Any, refused: Any) -> None:
    graphs.states = {(T1, str(n)): ThreadState(checkpoint=Checkpoint(T1, "", str(n))) for n in range(3)}
    reply = await threads.GetThreadHistory(states_pb.GetThreadHistoryRequest(thread_id=T1))
    assert [state.checkpoint_id for state in reply.states] == ["0"]
    place = states_pb.Checkpoint(checkpoint_ns="n")
    await threads.GetThreadHistory(
        states_pb.GetThreadHistoryRequest(
            thread_id=T1, limit=1000, before="c", metadata=Json(text="{}"), checkpoint=place
        )
    )
    assert graphs.queries == [HistoryQuery(), HistoryQuery(1000, "c", "{}", Place(None, "n"))]
    for limit in (0, 1001, -1):
        wrong = await refused(threads.GetThreadHistory(states_pb.GetThreadHistoryRequest(thread_id=T1, limit=limit)))
        assert wrong.fields == ["limit"]


@pytest.mark.parametrize("metadata", ["{}", '{"graph_id":"gone"}', '{"graph_id":7}'])
async def test_a_thread_that_never_ran_has_no_history(threads: Any, metadata: str, refused: Any) -> None:
    await threads.CreateThread(pb.CreateThreadRequest(thread_id=T1, metadata=Json(text=metadata)))
    assert not (await threads.GetThreadHistory(states_pb.GetThreadHistoryRequest(thread_id=T1))).states
    missing = await refused(threads.GetThreadHistory(states_pb.GetThreadHistoryRequest(thread_id=NOWHERE)))
    assert missing.code is grpc.StatusCode.NOT_FOUND


async def test_a_copy_is_a_thread_of_its_own(threads: Any, graphs: Any, refused: Any) -> None:
    made = await threads.CreateThread(pb.CreateThreadRequest(thread_id=T1, metadata=Json(text='{ "a": 1.0 }')))
    copy = await threads.CopyThread(pb.CopyThreadRequest(thread_id=T1.upper()))
    assert uuid.UUID(copy.thread_id).version == 4
    assert (copy.metadata, graphs.copies) == (made.metadata, {copy.thread_id: T1})
    assert await threads.GetThread(pb.GetThreadRequest(thread_id=copy.thread_id)) == copy
    missing = await refused(threads.CopyThread(pb.CopyThreadRequest(thread_id=NOWHERE)))
    assert (missing.code, missing.facts) == (grpc.StatusCode.NOT_FOUND, {"kind": "thread", "name": NOWHERE})
    assert (await refused(threads.CopyThread(pb.CopyThreadRequest(thread_id="x")))).fields == ["thread_id"]


async def test_a_copy_that_fails_leaves_nothing(threads: Any, graphs: Any, refused: Any, made: Any) -> None:
    graphs.refusal = StoreUnavailable("the disk is full")
    assert (await refused(threads.CopyThread(pb.CopyThreadRequest(thread_id=T1)))).reason == "STORE_UNAVAILABLE"
    assert (await threads.CountThreads(pb.CountThreadsRequest())).count == 1


async def test_threads_are_pruned(threads: Any, made: Any, refused: Any) -> None:
    ids = [T1, T1, NOWHERE]
    reply = await threads.PruneThreads(pb.PruneThreadsRequest(thread_ids=ids))
    assert reply.pruned_count == 1
    assert (await threads.CountThreads(pb.CountThreadsRequest())).count == 0
    wrong = await refused(threads.PruneThreads(pb.PruneThreadsRequest(thread_ids=["x"])))
    assert (wrong.fields, wrong.message) == (["thread_ids"], "Invalid thread ID: must be a UUID")
    unknown = pb.PruneThreadsRequest.FromString(b"\x10\x09")
    assert (await refused(threads.PruneThreads(unknown))).fields == ["strategy"]


async def test_only_idle_threads_lose_their_past(threads: Any, runs: Any, graphs: Any, made: Any) -> None:
    await threads.CreateThread(pb.CreateThreadRequest(thread_id=T2))
    await runs.CreateRun(runs_pb2.CreateRunRequest(thread_id=T2, run=runs_pb2.RunSpec(assistant_id=AGENT)))
    request = pb.PruneThreadsRequest(thread_ids=[T1, T2, NOWHERE], strategy=pb.PRUNE_STRATEGY_KEEP_LATEST)
    assert (await threads.PruneThreads(request)).pruned_count == 1
    assert graphs.forgotten == {T1: {"": f"newest of {T1}"}}
    assert (await threads.CountThreads(pb.CountThreadsRequest())).count == 2


def ttl(minutes: float, strategy: Any = pb.PRUNE_STRATEGY_UNSPECIFIED) -> pb.ThreadTtl:
    duration = Duration()
    duration.FromTimedelta(timedelta(minutes=minutes))
    return pb.ThreadTtl(duration=duration, strategy=strategy)


async def test_a_ttl_is_kept_changed_and_removed(threads: Any, clock: FakeClock) -> None:
    made = await threads.CreateThread(pb.CreateThreadRequest(thread_id=T1, ttl=ttl(1.5)))
    assert made.ttl == ttl(1.5, pb.PRUNE_STRATEGY_DELETE)
    longer = pb.Thread(thread_id=T1, ttl=ttl(9, pb.PRUNE_STRATEGY_KEEP_LATEST))
    changed = await threads.UpdateThread(pb.UpdateThreadRequest(thread=longer))
    assert changed.ttl == longer.ttl
    touched = await threads.UpdateThread(pb.UpdateThreadRequest(thread=pb.Thread(thread_id=T1)))
    assert touched.ttl == longer.ttl
    mask = FieldMask(paths=["ttl"])
    freed = await threads.UpdateThread(pb.UpdateThreadRequest(thread=pb.Thread(thread_id=T1), update_mask=mask))
    assert not freed.HasField("ttl")
    assert not (await threads.GetThread(pb.GetThreadRequest(thread_id=T1))).HasField("ttl")


@pytest.mark.parametrize("wrong", [ttl(0), ttl(-1), ttl(60 * 24 * 36526)])
async def test_a_ttl_out_of_bounds_is_refused(threads: Any, refused: Any, wrong: pb.ThreadTtl) -> None:
    assert (await refused(threads.CreateThread(pb.CreateThreadRequest(ttl=wrong)))).fields == ["ttl"]


async def test_a_search_extracts(threads: Any, refused: Any) -> None:
    metadata = Json(text='{"list": [1, 2.0]}')
    await threads.CreateThread(pb.CreateThreadRequest(thread_id=T1, metadata=metadata))
    paths = {"b": "metadata.list[-1]", "a": "values"}
    for select in ([], ["thread_id"]):
        reply = await threads.SearchThreads(pb.SearchThreadsRequest(extract=paths, select=select))
        assert reply.threads[0].extracted.text == '{"a":null,"b":2.0}'
        assert reply.threads[0].HasField("metadata") is not bool(select)
    plain = await threads.SearchThreads(pb.SearchThreadsRequest())
    assert not plain.threads[0].HasField("extracted")
    wrong = await refused(threads.SearchThreads(pb.SearchThreadsRequest(extract={"a": "status"})))
    assert wrong.fields == ["extract"]


async def test_a_thread_that_is_deleted_meanwhile_gets_no_state(
    threads: Any, refused: Any, graphs: Any, made: Any, database: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    update: Callable[..., Any] = graphs.update

    async def slow(*given: Any, **more: Any) -> Any:
        await threads.DeleteThread(pb.DeleteThreadRequest(thread_id=T1))
        await database.write(lambda tx: tx.purges.delete(T1, ""))  # as the worker does
        return await update(*given, **more)

    monkeypatch.setattr(graphs, "update", slow)
    gone = await refused(threads.UpdateThreadState(states_pb.UpdateThreadStateRequest(thread_id=T1, values=ONE)))
    assert gone.code is grpc.StatusCode.NOT_FOUND
    assert await database.read(lambda tx: tx.purges.list(10)) == [(T1, "")]
