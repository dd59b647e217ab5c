# Written by client/generate_sync.py from cronlane/_async; not to be edited.
"""The states of threads: what graphs keep in their checkpoints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cronlane._channel import SyncConnection
from cronlane._convert import Object, Objects, body, fill, plain
from cronlane._threads import history_request
from cronlane.v1 import thread_states_pb2
from cronlane.v1.threads_pb2_grpc import ThreadServiceStub


class SyncThreadStatesClient:
    """Reads and writes the states of threads.

    A state is a dict ``{values, next, tasks, metadata, created_at, checkpoint, parent_checkpoint, interrupts,
    checkpoint_id, parent_checkpoint_id}``; a checkpoint is ``{thread_id, checkpoint_ns, checkpoint_id}``, in a subgraph
    with ``checkpoint_map``.
    """

    def __init__(self, connection: SyncConnection) -> None:
        self._connection = connection

    def get_state(
        self,
        thread_id: str,
        checkpoint: Mapping[str, Any] | None = None,
        checkpoint_id: str | None = None,
        *,
        subgraphs: bool = False,
        timeout: float | None = None,
    ) -> Object:
        """The newest state of a thread, or the one at a checkpoint, which may be that of a subgraph.

        Empty before the first run. ``subgraphs``: the tasks carry the states of theirs. Raises NotFound for an unknown
        thread or checkpoint. Source: ThreadService.GetThreadState.
        """
        stub = self._connection.stub(ThreadServiceStub)
        request = fill(
            thread_states_pb2.GetThreadStateRequest(),
            thread_id=thread_id,
            checkpoint=checkpoint or None,
            checkpoint_id=None if checkpoint else checkpoint_id,
            subgraphs=subgraphs,
        )
        return plain(self._connection.call(stub.GetThreadState, request, timeout))

    def update_state(
        self,
        thread_id: str,
        values: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None,
        *,
        as_node: str | None = None,
        checkpoint: Mapping[str, Any] | None = None,
        checkpoint_id: str | None = None,
        timeout: float | None = None,
    ) -> Object:
        """Writes ``values`` to a thread's state as if ``as_node`` had returned them.

        Answers ``{checkpoint, configurable, checkpoint_id}``: where it is now. Goes on from the newest state, or from
        ``checkpoint``. Raises NotFound for an unknown thread or checkpoint, Conflict while a run is under way and when
        the thread has no graph, InvalidRequest when the graph refuses the values. Source:
        ThreadService.UpdateThreadState.
        """
        stub = self._connection.stub(ThreadServiceStub)
        request = fill(
            thread_states_pb2.UpdateThreadStateRequest(),
            thread_id=thread_id,
            values=values,
            as_node=as_node,
            checkpoint=checkpoint or None,
            checkpoint_id=None if checkpoint else checkpoint_id,
        )
        return plain(self._connection.call(stub.UpdateThreadState, request, timeout))

    def get_history(
        self,
        thread_id: str,
        *,
        limit: int = 10,
        before: str | Mapping[str, Any] | None = None,
        metadata: Mapping[str, Any] | None = None,
        checkpoint: Mapping[str, Any] | None = None,
        timeout: float | None = None,
    ) -> Objects:
        """The states of a thread, or of a subgraph that ``checkpoint`` names, newest first; ``limit`` 1 to 1000.

        ``before``: a checkpoint or its id, only older ones are answered. ``metadata``: what a state's own must have.
        Raises NotFound, InvalidRequest. Source: ThreadService.GetThreadHistory.
        """
        stub = self._connection.stub(ThreadServiceStub)
        given = {
            "limit": limit,
            "before": before or None,
            "metadata": metadata or None,
            "checkpoint": checkpoint or None,
        }
        request = history_request(body(given))
        request.thread_id = thread_id
        reply = self._connection.call(stub.GetThreadHistory, request, timeout)
        return [plain(each) for each in reply.states]
