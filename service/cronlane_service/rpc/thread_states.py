"""What ThreadService does with the states of threads."""

from __future__ import annotations

from collections.abc import Sequence

from cronlane.v1 import thread_states_pb2 as pb
from cronlane_service.domain.drafts import ThreadDraft
from cronlane_service.domain.errors import GraphNotLoaded, InvalidStateUpdate, NotFound
from cronlane_service.domain.lifetimes import PruneStrategy
from cronlane_service.domain.models import Thread, ThreadState
from cronlane_service.domain.ports import Database, Graphs
from cronlane_service.domain.states import Place, Supersteps, Updated, check_history, check_place, check_update
from cronlane_service.rpc.convert import thread_states as convert
from cronlane_service.usecases.threads import Threads, graph_named, graph_of


class ThreadStates:
    """Reads states, and writes to them, through the graphs."""

    def __init__(self, database: Database, threads: Threads, graphs: Graphs) -> None:
        self._database, self._threads, self._graphs = database, threads, graphs

    async def read(self, who: str, request: pb.GetThreadStateRequest) -> pb.ThreadState:
        place = convert.place(request)
        check_place(place)
        thread = await self._thread(who, request.thread_id)
        state = await self._state(thread, place, request.subgraphs)
        if state is None and place != Place():
            raise NotFound("checkpoint", place.name)
        return convert.state(state or ThreadState())

    async def history(self, who: str, request: pb.GetThreadHistoryRequest) -> pb.GetThreadHistoryResponse:
        query = convert.history(request)
        check_history(query)
        thread = await self._thread(who, request.thread_id)
        graph_id = graph_of(thread)
        found: Sequence[ThreadState] = ()
        if graph_id is not None:
            try:
                found = await self._graphs.history(graph_id, thread.thread_id, query, owner=thread.owner)
            except GraphNotLoaded:
                if not _never_ran(thread):
                    raise
        return pb.GetThreadHistoryResponse(states=[convert.state(state) for state in found])

    async def update(self, who: str, request: pb.UpdateThreadStateRequest) -> pb.UpdateThreadStateResponse:
        place, update = convert.place(request), convert.update(request)
        check_place(place)
        check_update(update)
        thread, graph_id = await self._database.read(lambda tx: self._threads.to_update(tx, who, request.thread_id))
        updated, _ = await self._write(thread, graph_id, [[update]], place)
        return pb.UpdateThreadStateResponse(checkpoint=convert.checkpoint(updated.checkpoint))

    async def create(self, who: str, draft: ThreadDraft, request_id: str) -> Thread:
        """The new thread with the draft's supersteps applied, or the one that is there already, untouched."""
        if (named := graph_named(draft.metadata)) not in {None, *self._graphs.names}:
            raise GraphNotLoaded(str(named), self._graphs.names)
        thread, made = await self._database.write(lambda tx: self._threads.found_or_made(tx, who, draft, request_id))
        graph_id = graph_of(thread)
        if not made or graph_id is None:
            return thread
        try:
            _, changed = await self._write(thread, graph_id, draft.supersteps, Place())
        except InvalidStateUpdate:
            await self._database.write(lambda tx: self._threads.unmake(tx, thread.thread_id))
            raise
        return changed

    async def copy(self, who: str, thread_id: str) -> Thread:
        source = await self._thread(who, thread_id)
        copied = self._threads.copied(source)
        try:
            await self._graphs.copy(source.thread_id, copied.thread_id)
            return await self._database.write(lambda tx: self._threads.add(tx, copied))
        except BaseException:
            self._database.submit(lambda tx: self._threads.discard(tx, copied.thread_id))
            raise

    async def keep_latest(self, who: str, thread_ids: Sequence[str]) -> int:
        """How many of the threads were idle and are rid of their past now."""

        async def idle() -> Sequence[str]:
            return await self._database.read(
                lambda tx: self._threads.prune(tx, who, thread_ids, PruneStrategy.KEEP_LATEST)
            )

        newest = {thread_id: await self._graphs.newest(thread_id) for thread_id in await idle()}
        # Looked at again: what a run that has begun meanwhile may be rolled back to is no older than these.
        pruned = [thread_id for thread_id in await idle() if thread_id in newest]
        for thread_id in pruned:
            await self._graphs.forget(thread_id, newest[thread_id])
        return len(pruned)

    async def _write(
        self, thread: Thread, graph_id: str, supersteps: Supersteps, place: Place
    ) -> tuple[Updated, Thread]:
        updated = await self._graphs.update(graph_id, thread.thread_id, supersteps, place, owner=thread.owner)
        changed = await self._database.write(
            lambda tx: self._threads.updated(tx, thread.owner, thread.thread_id, updated)
        )
        if changed is None:
            raise NotFound("thread", thread.thread_id)
        return updated, changed

    async def _thread(self, who: str, thread_id: str) -> Thread:
        return await self._database.look_up(lambda tx: self._threads.get(tx, who, thread_id))

    async def _state(self, thread: Thread, place: Place, subgraphs: bool) -> ThreadState | None:
        """None when there is no such checkpoint, as on a thread that never ran."""
        graph_id = graph_of(thread)
        if graph_id is None:
            return None
        try:
            return await self._graphs.state(graph_id, thread.thread_id, place, subgraphs, owner=thread.owner)
        except GraphNotLoaded:
            if _never_ran(thread):
                return None  # whatever graph its metadata names, it has no checkpoint
            raise


def _never_ran(thread: Thread) -> bool:
    return thread.values is None and thread.config == "{}"
