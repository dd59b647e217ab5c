"""The servicer of ThreadService."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing

from google.protobuf.empty_pb2 import Empty

from cronlane.v1 import thread_states_pb2 as states_pb
from cronlane.v1 import threads_pb2 as pb
from cronlane.v1.runs_pb2 import RunEvent
from cronlane.v1.threads_pb2_grpc import ThreadServiceServicer
from cronlane_service.domain import extraction
from cronlane_service.domain.errors import InvalidField
from cronlane_service.domain.lifetimes import PruneStrategy
from cronlane_service.domain.models import Thread
from cronlane_service.domain.ports import Database, Graphs, Transaction
from cronlane_service.rpc.auth import Context, owner
from cronlane_service.rpc.convert import threads as convert
from cronlane_service.rpc.convert import words
from cronlane_service.rpc.convert.documents import document, text
from cronlane_service.rpc.convert.events import OfThread, event
from cronlane_service.rpc.convert.masks import changes
from cronlane_service.rpc.convert.windows import following, selected, selection, window
from cronlane_service.rpc.following import Following
from cronlane_service.rpc.thread_states import ThreadStates
from cronlane_service.usecases.threads import Threads

_UPDATABLE = frozenset({"metadata", "ttl"})
_NOT_UPDATABLE = frozenset(pb.Thread.DESCRIPTOR.fields_by_name) - _UPDATABLE


class ThreadServicer(ThreadServiceServicer):
    """Threads over gRPC."""

    def __init__(self, database: Database, threads: Threads, graphs: Graphs, following: Following) -> None:
        self._database, self._threads, self._following = database, threads, following
        self._states = ThreadStates(database, threads, graphs)

    async def CreateThread(self, request: pb.CreateThreadRequest, context: Context) -> pb.Thread:  # noqa: N802
        who, draft = owner(context), convert.draft(request)
        if draft.supersteps:
            return convert.written(await self._states.create(who, draft, request.request_id))

        def create(tx: Transaction) -> Thread:
            return self._threads.create(tx, who, draft, request.request_id)

        return await self._database.write_few(create, len(draft.metadata or ""), convert.written)

    async def GetThread(self, request: pb.GetThreadRequest, context: Context) -> pb.Thread:  # noqa: N802
        who = owner(context)
        return convert.thread(await self._database.look_up(lambda tx: self._threads.get(tx, who, request.thread_id)))

    async def UpdateThread(self, request: pb.UpdateThreadRequest, context: Context) -> pb.Thread:  # noqa: N802
        who = owner(context)
        named, wanted = changes(request.thread, request.update_mask, never=_NOT_UPDATABLE)
        if fixed := named - _UPDATABLE:
            raise InvalidField(f"update_mask.{min(fixed)}", "cannot be updated")
        thread_id, etag, metadata = request.thread.thread_id, request.thread.etag, text(wanted, "metadata")
        ttl = convert.ttl(wanted) if "ttl" in named else None
        changed = await self._database.write(lambda tx: self._threads.update(tx, who, thread_id, metadata, etag, ttl))
        return convert.written(changed)

    async def DeleteThread(self, request: pb.DeleteThreadRequest, context: Context) -> Empty:  # noqa: N802
        who = owner(context)
        await self._database.write(lambda tx: self._threads.delete(tx, who, request.thread_id, request.etag))
        return Empty()

    async def SearchThreads(  # noqa: N802
        self, request: pb.SearchThreadsRequest, context: Context
    ) -> pb.SearchThreadsResponse:
        who, query, part = owner(context), convert.query(request), window(request, newest_by="updated_at")
        names, paths = selection(pb.Thread, request.select), dict(sorted(request.extract.items()))
        extraction.check(paths)
        page = await self._database.search(lambda tx: self._threads.search(tx, who, query, part))
        found = selected(map(convert.written, page.items), names)
        if paths:
            for thread, message in zip(page.items, found, strict=True):
                message.MergeFrom(pb.Thread(extracted=document(extraction.extracted(thread, paths))))
        return pb.SearchThreadsResponse(
            threads=found,
            total=page.total,
            next_offset=following(part, page),
        )

    async def CountThreads(  # noqa: N802
        self, request: pb.CountThreadsRequest, context: Context
    ) -> pb.CountThreadsResponse:
        who, query = owner(context), convert.query(request)
        count = await self._database.search(lambda tx: self._threads.count(tx, who, query))
        return pb.CountThreadsResponse(count=count)

    async def CopyThread(self, request: pb.CopyThreadRequest, context: Context) -> pb.Thread:  # noqa: N802
        return convert.written(await self._states.copy(owner(context), request.thread_id))

    async def PruneThreads(  # noqa: N802
        self, request: pb.PruneThreadsRequest, context: Context
    ) -> pb.PruneThreadsResponse:
        who, ids = owner(context), tuple(request.thread_ids)
        strategy = words.PRUNE_STRATEGY.word("strategy", request.strategy) or PruneStrategy.DELETE
        if strategy is PruneStrategy.KEEP_LATEST:
            return pb.PruneThreadsResponse(pruned_count=await self._states.keep_latest(who, ids))
        pruned = await self._database.write(lambda tx: self._threads.prune(tx, who, ids, strategy))
        return pb.PruneThreadsResponse(pruned_count=len(pruned))

    async def GetThreadState(  # noqa: N802
        self, request: states_pb.GetThreadStateRequest, context: Context
    ) -> states_pb.ThreadState:
        return await self._states.read(owner(context), request)

    async def UpdateThreadState(  # noqa: N802
        self, request: states_pb.UpdateThreadStateRequest, context: Context
    ) -> states_pb.UpdateThreadStateResponse:
        return await self._states.update(owner(context), request)

    async def GetThreadHistory(  # noqa: N802
        self, request: states_pb.GetThreadHistoryRequest, context: Context
    ) -> states_pb.GetThreadHistoryResponse:
        return await self._states.history(owner(context), request)

    async def StreamThread(  # noqa: N802
        self, request: pb.StreamThreadRequest, context: Context
    ) -> AsyncIterator[RunEvent]:
        wanted = OfThread(request.stream_mode)
        follower = await self._following.thread(owner(context), request.thread_id, request.last_event_id)
        await context.send_initial_metadata((("cronlane-thread-id", follower.thread_id),))
        async with aclosing(self._following.events(follower)) as events:
            async for happened in events:
                if wanted.wants(happened):
                    yield event(happened, resumable=True)
