"""The servicer of ThreadService."""

from __future__ import annotations

from google.protobuf.empty_pb2 import Empty

from cronlane.v1 import threads_pb2 as pb
from cronlane.v1.threads_pb2_grpc import ThreadServiceServicer
from cronlane_service.domain import jsontext
from cronlane_service.domain.errors import GraphNotLoaded, InvalidField, NotFound
from cronlane_service.domain.models import Thread, ThreadState
from cronlane_service.domain.ports import Database, Graphs
from cronlane_service.rpc.auth import Context, owner
from cronlane_service.rpc.convert import threads as convert
from cronlane_service.rpc.convert.documents import text
from cronlane_service.rpc.convert.masks import changes
from cronlane_service.rpc.convert.windows import following, selected, selection, window
from cronlane_service.usecases.threads import Threads

_UPDATABLE = frozenset({"metadata"})
_NOT_UPDATABLE = frozenset(pb.Thread.DESCRIPTOR.fields_by_name) - _UPDATABLE


class ThreadServicer(ThreadServiceServicer):
    """Threads over gRPC."""

    def __init__(self, database: Database, threads: Threads, graphs: Graphs) -> None:
        self._database, self._threads, self._graphs = database, threads, graphs

    async def CreateThread(self, request: pb.CreateThreadRequest, context: Context) -> pb.Thread:  # noqa: N802
        who, draft = owner(context), convert.draft(request)
        made = await self._database.write(lambda tx: self._threads.create(tx, who, draft, request.request_id))
        return convert.thread(made)

    async def GetThread(self, request: pb.GetThreadRequest, context: Context) -> pb.Thread:  # noqa: N802
        return convert.thread(await self._read(context, request.thread_id))

    async def UpdateThread(self, request: pb.UpdateThreadRequest, context: Context) -> pb.Thread:  # noqa: N802
        who = owner(context)
        named, wanted = changes(request.thread, request.update_mask, never=_NOT_UPDATABLE)
        if fixed := named - _UPDATABLE:
            raise InvalidField(f"update_mask.{min(fixed)}", "cannot be updated")
        thread_id, etag, metadata = request.thread.thread_id, request.thread.etag, text(wanted, "metadata")
        changed = await self._database.write(lambda tx: self._threads.update(tx, who, thread_id, metadata, etag))
        return convert.thread(changed)

    async def DeleteThread(self, request: pb.DeleteThreadRequest, context: Context) -> Empty:  # noqa: N802
        who = owner(context)
        await self._database.write(lambda tx: self._threads.delete(tx, who, request.thread_id, request.etag))
        return Empty()

    async def SearchThreads(  # noqa: N802
        self, request: pb.SearchThreadsRequest, context: Context
    ) -> pb.SearchThreadsResponse:
        who, query, part = owner(context), convert.query(request), window(request, newest_by="updated_at")
        names = selection(pb.Thread, request.select)
        page = await self._database.read(lambda tx: self._threads.search(tx, who, query, part))
        return pb.SearchThreadsResponse(
            threads=selected(map(convert.thread, page.items), names),
            total=page.total,
            next_offset=following(part, page),
        )

    async def CountThreads(  # noqa: N802
        self, request: pb.CountThreadsRequest, context: Context
    ) -> pb.CountThreadsResponse:
        who, query = owner(context), convert.query(request)
        count = await self._database.read(lambda tx: self._threads.count(tx, who, query))
        return pb.CountThreadsResponse(count=count)

    async def GetThreadState(  # noqa: N802
        self, request: pb.GetThreadStateRequest, context: Context
    ) -> pb.ThreadState:
        thread = await self._read(context, request.thread_id)
        state = await self._state(thread, request.checkpoint_id or None, request.subgraphs)
        if state is None and request.checkpoint_id:
            raise NotFound("checkpoint", request.checkpoint_id)
        return convert.state(state or ThreadState())

    async def _read(self, context: Context, thread_id: str) -> Thread:
        who = owner(context)
        return await self._database.read(lambda tx: self._threads.get(tx, who, thread_id))

    async def _state(self, thread: Thread, checkpoint_id: str | None, subgraphs: bool) -> ThreadState | None:
        """None when there is no such checkpoint, as on a thread that never ran."""
        graph_id = _graph_id(thread)
        if graph_id is None:
            return None
        try:
            return await self._graphs.state(graph_id, thread.thread_id, checkpoint_id, subgraphs)
        except GraphNotLoaded:
            if _never_ran(thread):
                return None  # whatever graph its metadata names, it has no checkpoint
            raise


def _graph_id(thread: Thread) -> str | None:
    """The graph that ran on it last. Before the first run callers may have put anything there."""
    named = jsontext.members(thread.metadata).get("graph_id")
    graph_id = jsontext.parse(named) if named is not None else None
    return graph_id if isinstance(graph_id, str) else None


def _never_ran(thread: Thread) -> bool:
    return thread.values is None and thread.config == "{}"
