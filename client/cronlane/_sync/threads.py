# Written by client/generate_sync.py from cronlane/_async; not to be edited.
"""Threads: conversations with state."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from google.protobuf.field_mask_pb2 import FieldMask

from cronlane._channel import SyncConnection
from cronlane._convert import Object, Objects, fill, plain
from cronlane._shapes import check_select
from cronlane.errors import InvalidRequest
from cronlane.v1 import threads_pb2
from cronlane.v1.threads_pb2_grpc import ThreadServiceStub


class SyncThreadsClient:
    """Creates, finds, changes and deletes threads, and reads their state.

    A thread is a dict ``{thread_id, created_at, updated_at, state_updated_at, metadata, status, config, values,
    interrupts}``, from its first run on with ``error`` (None or ``{error, message}``); ``status`` is idle, busy,
    interrupted or error, times are ISO 8601 strings in UTC, ``values`` is None before the first run ended.
    """

    def __init__(self, connection: SyncConnection) -> None:
        self._connection = connection

    def create(
        self,
        *,
        metadata: Mapping[str, Any] | None = None,
        thread_id: str | None = None,
        if_exists: str | None = None,
        graph_id: str | None = None,
        timeout: float | None = None,
    ) -> Object:
        """A new thread, or with ``if_exists="do_nothing"`` the one that has this id.

        ``graph_id`` goes into the metadata. Raises AlreadyExists, InvalidRequest. Source: ThreadService.CreateThread.
        """
        stub = self._connection.stub(ThreadServiceStub)
        request = fill(
            threads_pb2.CreateThreadRequest(),
            metadata={**(metadata or {}), **({"graph_id": graph_id} if graph_id else {})} or None,
            thread_id=thread_id,
            if_exists=if_exists,
        )
        return plain(self._connection.call(stub.CreateThread, request, timeout))

    def get(self, thread_id: str, *, timeout: float | None = None) -> Object:
        """The thread with this UUID. Raises NotFound, InvalidRequest. Source: ThreadService.GetThread."""
        stub = self._connection.stub(ThreadServiceStub)
        request = fill(threads_pb2.GetThreadRequest(), thread_id=thread_id)
        return plain(self._connection.call(stub.GetThread, request, timeout))

    def update(
        self,
        thread_id: str,
        *,
        metadata: Mapping[str, Any],
        return_minimal: bool = False,
        timeout: float | None = None,
    ) -> Object | None:
        """The thread with ``metadata`` merged into its own at the top level; None with ``return_minimal``.

        A value None is stored, it removes nothing. Raises NotFound, InvalidRequest. Source: ThreadService.UpdateThread.
        """
        stub = self._connection.stub(ThreadServiceStub)
        thread = fill(threads_pb2.Thread(thread_id=thread_id), metadata=metadata)
        request = threads_pb2.UpdateThreadRequest(thread=thread, update_mask=FieldMask(paths=["metadata"]))
        reply = self._connection.call(stub.UpdateThread, request, timeout)
        return None if return_minimal else plain(reply)

    def delete(self, thread_id: str, *, timeout: float | None = None) -> None:
        """Deletes a thread with its runs, its state and its crons. Raises NotFound.

        Source: ThreadService.DeleteThread.
        """
        stub = self._connection.stub(ThreadServiceStub)
        request = fill(threads_pb2.DeleteThreadRequest(), thread_id=thread_id)
        self._connection.call(stub.DeleteThread, request, timeout)

    def search(
        self,
        *,
        metadata: Mapping[str, Any] | None = None,
        values: Mapping[str, Any] | None = None,
        ids: Sequence[str] | None = None,
        status: str | None = None,
        limit: int = 10,
        offset: int = 0,
        sort_by: str | None = None,
        sort_order: str | None = None,
        select: Sequence[str] | None = None,
        timeout: float | None = None,
    ) -> Objects:
        """The threads for which all of these hold, last changed first; ``limit`` 1 to 1000.

        ``metadata`` and ``values`` are matched by containment, ``select`` names the members to answer. Raises
        InvalidRequest. Source: ThreadService.SearchThreads.
        """
        check_select(threads_pb2.Thread.DESCRIPTOR, select or ())
        stub = self._connection.stub(ThreadServiceStub)
        request = fill(
            threads_pb2.SearchThreadsRequest(),
            metadata=metadata or None,
            values=values or None,
            ids=list(ids) if ids else None,
            status=status,
            limit=limit,
            offset=offset,
            sort_by=sort_by,
            sort_order=sort_order,
        )
        reply = self._connection.call(stub.SearchThreads, request, timeout)
        return [plain(each, select or ()) for each in reply.threads]

    def count(
        self,
        *,
        metadata: Mapping[str, Any] | None = None,
        values: Mapping[str, Any] | None = None,
        status: str | None = None,
        timeout: float | None = None,
    ) -> int:
        """How many threads a search would find. Source: ThreadService.CountThreads."""
        stub = self._connection.stub(ThreadServiceStub)
        request = fill(
            threads_pb2.CountThreadsRequest(), metadata=metadata or None, values=values or None, status=status
        )
        reply = self._connection.call(stub.CountThreads, request, timeout)
        return int(reply.count)

    def get_state(
        self,
        thread_id: str,
        checkpoint: Mapping[str, Any] | None = None,
        checkpoint_id: str | None = None,
        *,
        subgraphs: bool = False,
        timeout: float | None = None,
    ) -> Object:
        """The newest state of a thread, or the one at a checkpoint of the graph itself.

        A dict ``{values, next, tasks, metadata, created_at, checkpoint, parent_checkpoint, interrupts, checkpoint_id,
        parent_checkpoint_id}``; empty before the first run. Raises NotFound for an unknown thread or checkpoint.
        Source: ThreadService.GetThreadState.
        """
        if checkpoint and checkpoint.get("checkpoint_ns"):
            raise InvalidRequest.of("checkpoint.checkpoint_ns", "the state of a subgraph cannot be asked for")
        stub = self._connection.stub(ThreadServiceStub)
        request = fill(
            threads_pb2.GetThreadStateRequest(),
            thread_id=thread_id,
            checkpoint_id=(checkpoint or {}).get("checkpoint_id") or checkpoint_id,
            subgraphs=subgraphs,
        )
        return plain(self._connection.call(stub.GetThreadState, request, timeout))
