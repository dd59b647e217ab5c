"""GetThreadState on a real server."""

from __future__ import annotations

from typing import Any

import grpc
import pytest

from builders import AGENT, NOON
from cronlane.v1 import runs_pb2
from cronlane.v1 import thread_states_pb2 as states_pb
from cronlane.v1 import threads_pb2 as pb
from cronlane.v1.common_pb2 import Json
from cronlane_service.domain.models import Checkpoint, ThreadState, ThreadTask

T1 = "00000000-0000-4000-8000-00000000000a"
EMPTY_STATE = states_pb.ThreadState(values=Json(text="{}"), interrupts=Json(text="[]"))


@pytest.mark.parametrize("metadata", ["{}", '{"graph_id":"agent"}', '{"graph_id":"gone"}', '{"graph_id":7}'])
async def test_the_state_of_a_thread_that_never_ran_is_empty(threads: Any, refused: Any, metadata: str) -> None:
    await threads.CreateThread(pb.CreateThreadRequest(thread_id=T1, metadata=Json(text=metadata)))
    assert await threads.GetThreadState(states_pb.GetThreadStateRequest(thread_id=T1)) == EMPTY_STATE
    missing = await refused(threads.GetThreadState(states_pb.GetThreadStateRequest(thread_id=T1, checkpoint_id="c9")))
    assert (missing.code, missing.facts) == (grpc.StatusCode.NOT_FOUND, {"kind": "checkpoint", "name": "c9"})


async def test_a_state_has_its_checkpoint_and_its_tasks(threads: Any, graphs: Any) -> None:
    task = ThreadTask("t", "ask", '["__pregel_pull","ask"]', None, '[{"id":"i","value":1.0}]', None, None, "null")
    graphs.states[T1, None] = ThreadState(
        values='{"b": 1, "a": 1.0}',
        next=("ask",),
        tasks=(task,),
        metadata='{"step":1}',
        created_at=NOON,
        checkpoint=Checkpoint(T1, "", "c2"),
        parent_checkpoint=Checkpoint(T1, "", "c1"),
        interrupts='[{"id":"i","value":1.0}]',
    )
    await threads.CreateThread(pb.CreateThreadRequest(thread_id=T1, metadata=Json(text='{"graph_id": "agent"}')))
    state = await threads.GetThreadState(states_pb.GetThreadStateRequest(thread_id=T1, subgraphs=True))
    assert state.values.text == '{"b": 1, "a": 1.0}'
    assert (list(state.next), state.metadata.text) == (["ask"], '{"step":1}')
    assert (state.checkpoint_id, state.parent_checkpoint_id) == ("c2", "c1")
    assert (state.checkpoint.checkpoint_id, state.parent_checkpoint.thread_id) == ("c2", T1)
    assert state.interrupts.text == state.tasks[0].interrupts.text == '[{"id":"i","value":1.0}]'
    assert (state.tasks[0].name, state.tasks[0].result.text) == ("ask", "null")
    assert not state.tasks[0].HasField("error")
    assert not state.tasks[0].HasField("checkpoint")
    assert graphs.asked == [("agent", T1, None, True)]


async def test_one_checkpoint_can_be_asked_for(threads: Any, graphs: Any, refused: Any) -> None:
    graphs.states[T1, "c1"] = ThreadState(values='{"n":1}', checkpoint=Checkpoint(T1, "", "c1"))
    await threads.CreateThread(pb.CreateThreadRequest(thread_id=T1, metadata=Json(text='{"graph_id":"agent"}')))
    state = await threads.GetThreadState(states_pb.GetThreadStateRequest(thread_id=T1, checkpoint_id="c1"))
    assert (state.values.text, state.HasField("parent_checkpoint")) == ('{"n":1}', False)
    missing = await refused(threads.GetThreadState(states_pb.GetThreadStateRequest(thread_id=T1, checkpoint_id="c2")))
    assert missing.facts == {"kind": "checkpoint", "name": "c2"}


async def test_a_thread_whose_graph_is_gone_says_so(
    threads: Any, runs: Any, refused: Any, claim: Any, finish: Any
) -> None:
    await threads.CreateThread(pb.CreateThreadRequest(thread_id=T1))
    await runs.CreateRun(runs_pb2.CreateRunRequest(thread_id=T1, run=runs_pb2.RunSpec(assistant_id=AGENT)))
    (run,) = await claim()
    await finish(run)
    renamed = pb.Thread(thread_id=T1, metadata=Json(text='{"graph_id":"renamed"}'))
    await threads.UpdateThread(pb.UpdateThreadRequest(thread=renamed))
    gone = await refused(threads.GetThreadState(states_pb.GetThreadStateRequest(thread_id=T1)))
    assert (gone.code, gone.reason) == (grpc.StatusCode.NOT_FOUND, "GRAPH_NOT_LOADED")
    assert gone.facts == {"graph_id": "renamed"}
    assert "['agent']" in gone.message
