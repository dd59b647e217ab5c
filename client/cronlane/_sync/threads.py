# Written by client/generate_sync.py from cronlane/_async; not to be edited.
"""Threads: conversations with state."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from google.protobuf.field_mask_pb2 import FieldMask

from cronlane._convert import Object, Objects, StreamPart, body, fill, part, plain
from cronlane._shapes import check_select
from cronlane._sync.thread_protocol import SyncThreadProtocolClient
from cronlane._threads import thread_to_create, thread_to_update
from cronlane.v1 import threads_pb2
from cronlane.v1.threads_pb2_grpc import ThreadServiceStub


class SyncThreadsClient(SyncThreadProtocolClient):
    """Creates, finds, changes, copies and deletes threads, and reads and writes their state.

    A thread is a dict ``{thread_id, created_at, updated_at, state_updated_at, metadata, status, config, values,
    interrupts}``, from its first run on with ``error`` (None or ``{error, message}``); ``status`` is idle, busy,
    interrupted or error, times are ISO 8601 strings in UTC, ``values`` is None before the first run ended.
    """

    def create(
        self,
        *,
        metadata: Mapping[str, Any] | None = None,
        thread_id: str | None = None,
        if_exists: str | None = None,
        supersteps: Sequence[Mapping[str, Any]] | None = None,
        graph_id: str | None = None,
        ttl: float | Mapping[str, Any] | None = None,
        timeout: float | None = None,
    ) -> Object:
        """A new thread, or with ``if_exists="do_nothing"`` the one that has this id.

        ``graph_id`` goes into the metadata. ``ttl``: the minutes it lives after its last change, or ``{ttl, strategy}``
        with the strategy delete (default) or keep_latest. ``supersteps``: lists of ``{values, command, as_node}`` under
        ``updates``, applied to the new thread's state by the graph. Raises AlreadyExists, InvalidRequest, NotFound and
        Conflict. Source: ThreadService.CreateThread.
        """
        stub = self._connection.stub(ThreadServiceStub)
        given = {
            "metadata": {**(metadata or {}), **({"graph_id": graph_id} if graph_id else {})} or None,
            "thread_id": thread_id,
            "if_exists": if_exists,
            "supersteps": supersteps or None,
            "ttl": ttl,
        }
        request = thread_to_create(body(given))
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
        ttl: float | Mapping[str, Any] | None = None,
        return_minimal: bool = False,
        timeout: float | None = None,
    ) -> Object | None:
        """The thread with ``metadata`` merged into its own at the top level; None with ``return_minimal``.

        A value None is stored, it removes nothing. ``ttl`` as in create; ``{}`` lets it live for ever. Raises NotFound,
        InvalidRequest. Source: ThreadService.UpdateThread.
        """
        stub = self._connection.stub(ThreadServiceStub)
        thread, paths = thread_to_update(body({"metadata": metadata, "ttl": ttl}))
        thread.thread_id = thread_id
        request = threads_pb2.UpdateThreadRequest(thread=thread, update_mask=FieldMask(paths=paths))
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
        extract: Mapping[str, str] | None = None,
        timeout: float | None = None,
    ) -> Objects:
        """The threads for which all of these hold, last changed first; ``limit`` 1 to 1000.

        ``metadata`` and ``values`` are matched by containment, ``select`` names the members to answer. ``extract``: at
        most 10 paths by alias, such as ``{"last": "values.messages[-1].content"}``; what is there is answered in the
        member ``extracted``. Raises InvalidRequest. Source: ThreadService.SearchThreads.
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
            extract=extract or None,
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

    def join_stream(
        self,
        thread_id: str,
        *,
        stream_mode: str | Sequence[str] | None = None,
        last_event_id: str | None = None,
        timeout: float | None = None,
    ) -> Iterator[StreamPart]:
        """Yields what happens in the runs of a thread, those of its crons among them, as tuples ``(event, data, id)``.

        It goes on until the thread is deleted. Each run begins with ``metadata`` ``{run_id, attempt}`` and ends with
        ``metadata`` ``{"status": "run_done", run_id}``. What happened after ``last_event_id`` and is still kept comes
        first. ``stream_mode`` is run_modes (default) or lifecycle: only the beginnings and ends. Raises NotFound.
        Source: ThreadService.StreamThread.
        """
        request = fill(
            threads_pb2.StreamThreadRequest(),
            thread_id=thread_id,
            stream_mode=stream_mode,
            last_event_id=last_event_id,
        )
        method = self._connection.stub(ThreadServiceStub).StreamThread
        for event in self._connection.stream(method, request, timeout, lambda run: None):
            yield part(event)

    def copy(self, thread_id: str, *, timeout: float | None = None) -> Object:
        """A new thread with this one's metadata, values and checkpoints, without its runs and crons. Raises NotFound.

        Source: ThreadService.CopyThread.
        """
        stub = self._connection.stub(ThreadServiceStub)
        request = fill(threads_pb2.CopyThreadRequest(), thread_id=thread_id)
        return plain(self._connection.call(stub.CopyThread, request, timeout))

    def prune(self, thread_ids: Sequence[str], *, strategy: str = "delete", timeout: float | None = None) -> Object:
        """``{pruned_count}``: how many of these threads there were.

        ``delete`` deletes them; ``keep_latest`` deletes the older checkpoints of those on which nothing runs. Raises
        InvalidRequest. Source: ThreadService.PruneThreads.
        """
        stub = self._connection.stub(ThreadServiceStub)
        request = fill(threads_pb2.PruneThreadsRequest(), thread_ids=list(thread_ids), strategy=strategy)
        return plain(self._connection.call(stub.PruneThreads, request, timeout))
