"""The servicer of RunService."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import replace
from typing import TypeAlias

from google.protobuf.empty_pb2 import Empty

from cronlane.v1 import runs_pb2 as pb
from cronlane.v1.runs_pb2_grpc import RunServiceServicer
from cronlane_service.domain import ids
from cronlane_service.domain.errors import NotFound
from cronlane_service.domain.events import resumable
from cronlane_service.domain.ports import Database
from cronlane_service.domain.runs import Run
from cronlane_service.rpc.auth import Context, owner
from cronlane_service.rpc.convert import runs as convert
from cronlane_service.rpc.convert.events import OfRun, event
from cronlane_service.rpc.convert.windows import run_window, selected, selection
from cronlane_service.rpc.endings import Endings, Watch
from cronlane_service.rpc.following import Following
from cronlane_service.usecases.runs import Ending, Runs

_Asked: TypeAlias = pb.CreateRunRequest | pb.WaitRunRequest | pb.StreamRunRequest


class RunServicer(RunServiceServicer):
    """Runs over gRPC."""

    def __init__(self, database: Database, runs: Runs, endings: Endings, following: Following) -> None:
        self._database, self._runs, self._endings, self._following = database, runs, endings, following

    async def CreateRun(self, request: pb.CreateRunRequest, context: Context) -> pb.Run:  # noqa: N802
        return convert.run(await self._create(request, owner(context)))

    async def WaitRun(self, request: pb.WaitRunRequest, context: Context) -> pb.RunOutcome:  # noqa: N802
        who, cancels = owner(context), convert.cancels_on_disconnect(request.run)
        run = await self._create(request, who)
        with self._following.leaving(who, run.thread_id, run.run_id, cancels=cancels):
            await context.send_initial_metadata(_names(run))
            return convert.outcome(await self._ending(who, run.thread_id, run.run_id))

    async def StreamRun(self, request: pb.StreamRunRequest, context: Context) -> AsyncIterator[pb.RunEvent]:  # noqa: N802
        who, cancels, wanted = owner(context), convert.cancels_on_disconnect(request.run), OfRun(())
        run = await self._create(request, who, recorded=True)
        with self._following.leaving(who, run.thread_id, run.run_id, cancels=cancels):
            await context.send_initial_metadata(_names(run))
            async with aclosing(self._following.new_run(run)) as events:
                async for happened in events:
                    if wanted.wants(happened):
                        yield event(happened, resumable=resumable(run))

    async def JoinRunStream(  # noqa: N802
        self, request: pb.JoinRunStreamRequest, context: Context
    ) -> AsyncIterator[pb.RunEvent]:
        who, wanted = owner(context), OfRun(request.stream_mode)
        run, follower = await self._following.run(who, request.thread_id, request.run_id, request.last_event_id)
        with self._following.leaving(who, run.thread_id, run.run_id, cancels=request.cancel_on_disconnect):
            await context.send_initial_metadata(_names(run))
            async with aclosing(self._following.events(follower)) as events:
                async for happened in events:
                    if wanted.wants(happened):
                        yield event(happened, resumable=resumable(run))

    async def CreateRuns(self, request: pb.CreateRunsRequest, context: Context) -> pb.CreateRunsResponse:  # noqa: N802
        who, drafts = owner(context), [convert.draft(spec) for spec in request.runs]
        made = await self._database.write(lambda tx: self._runs.create_many(tx, who, drafts))
        return pb.CreateRunsResponse(runs=map(convert.run, made))

    async def JoinRun(self, request: pb.JoinRunRequest, context: Context) -> pb.RunOutcome:  # noqa: N802
        who = owner(context)
        thread_id, run_id = ids.parse("thread", request.thread_id), ids.parse("run", request.run_id)
        with self._following.leaving(who, thread_id, run_id, cancels=request.cancel_on_disconnect):
            return convert.outcome(await self._ending(who, thread_id, run_id))

    async def GetRun(self, request: pb.GetRunRequest, context: Context) -> pb.Run:  # noqa: N802
        who = owner(context)
        run = await self._database.look_up(lambda tx: self._runs.get(tx, who, request.thread_id, request.run_id))
        return convert.run(run)

    async def ListRuns(self, request: pb.ListRunsRequest, context: Context) -> pb.ListRunsResponse:  # noqa: N802
        who, query, part = owner(context), convert.query(request), run_window(request)
        names = selection(pb.Run, request.select)
        runs = await self._database.search(lambda tx: self._runs.list(tx, who, request.thread_id, query, part))
        return pb.ListRunsResponse(runs=selected(map(convert.run, runs), names))

    async def CancelRun(self, request: pb.CancelRunRequest, context: Context) -> Empty:  # noqa: N802
        who, action = owner(context), convert.cancel_action(request)
        thread_id, run_id = ids.parse("thread", request.thread_id), ids.parse("run", request.run_id)
        with self._endings.watch(run_id) as watch:
            await self._database.write(lambda tx: self._runs.cancel(tx, who, thread_id, run_id, action))
            if request.wait:
                await self._gone(watch, who, thread_id, run_id)
        return Empty()

    async def CancelRuns(self, request: pb.CancelRunsRequest, context: Context) -> Empty:  # noqa: N802
        who, selected, action = owner(context), convert.selection(request), convert.cancel_action(request)
        await self._database.write(lambda tx: self._runs.cancel_many(tx, who, selected, action))
        return Empty()

    async def DeleteRun(self, request: pb.DeleteRunRequest, context: Context) -> Empty:  # noqa: N802
        who = owner(context)
        await self._database.write(lambda tx: self._runs.delete(tx, who, request.thread_id, request.run_id))
        return Empty()

    async def _create(self, request: _Asked, who: str, recorded: bool = False) -> Run:
        thread_id = request.thread_id if request.HasField("thread_id") else None
        draft = replace(convert.draft(request.run), recorded=recorded)
        return await self._database.write(lambda tx: self._runs.create(tx, who, thread_id, draft, request.request_id))

    async def _ending(self, who: str, thread_id: str, run_id: str) -> Ending:
        """Waits for it. Raises NotFound, also when the run is deleted meanwhile."""
        with self._endings.watch(ids.parse("run", run_id)) as watch:
            return await self._ended(watch, who, thread_id, run_id)

    async def _ended(self, watch: Watch, who: str, thread_id: str, run_id: str) -> Ending:
        while True:
            ending = await self._database.read(lambda tx: self._runs.ending(tx, who, thread_id, run_id))
            if ending is not None:
                return ending
            await watch.changed()

    async def _gone(self, watch: Watch, who: str, thread_id: str, run_id: str) -> None:
        try:
            await self._ended(watch, who, thread_id, run_id)
        except NotFound:
            return  # rolled back, or deleted: there is nothing left to wait for


def _names(run: Run) -> tuple[tuple[str, str], ...]:
    """The run, as initial metadata."""
    return ("cronlane-run-id", run.run_id), ("cronlane-thread-id", run.thread_id)
