"""The servicer of CronService."""

from __future__ import annotations

import asyncio

from google.protobuf.empty_pb2 import Empty

from cronlane.v1 import crons_pb2 as pb
from cronlane.v1.crons_pb2_grpc import CronServiceServicer
from cronlane.v1.runs_pb2 import Run
from cronlane_service.domain.models import Cron
from cronlane_service.domain.ports import Database, Operation, Transaction
from cronlane_service.rpc.auth import Context, owner
from cronlane_service.rpc.convert import crons as convert
from cronlane_service.rpc.convert import ticks, timings
from cronlane_service.rpc.convert.instants import instant, timestamp
from cronlane_service.rpc.convert.masks import changes
from cronlane_service.rpc.convert.runs import run
from cronlane_service.rpc.convert.windows import following, selected, selection, window
from cronlane_service.usecases.crons import Crons
from cronlane_service.usecases.ledger import Ledger
from cronlane_service.usecases.manual_runs import ManualRuns
from cronlane_service.usecases.previews import Previews

_NEVER_UPDATED = frozenset(
    {
        *("cron_id", "user_id", "next_run_date", "created_at", "updated_at", "etag", "disabled_reason"),
        *("paused_at", "last_outcome", "counters", "failures_in_a_row", "due_at"),
    }
)
_PAGE = 100


class _Rehearsed(Exception):
    """Undoes a write that succeeded, and carries what it made."""

    def __init__(self, cron: Cron) -> None:
        super().__init__(cron.cron_id)
        self.cron = cron


class CronServicer(CronServiceServicer):
    """Crons over gRPC."""

    def __init__(self, database: Database, crons: Crons, manual_runs: ManualRuns, previews: Previews) -> None:
        self._database, self._crons = database, crons
        self._manual_runs, self._previews, self._ledger = manual_runs, previews, Ledger()

    async def CreateCron(self, request: pb.CreateCronRequest, context: Context) -> pb.Cron:  # noqa: N802
        who, draft = owner(context), convert.draft(request.cron)

        def create(tx: Transaction) -> Cron:
            return self._crons.create(tx, who, draft, request.request_id)

        if request.validate_only:
            return convert.written(await self._rehearse(create))
        return await self._database.write_few(create, convert.characters(draft), convert.written)

    async def GetCron(self, request: pb.GetCronRequest, context: Context) -> pb.Cron:  # noqa: N802
        who, names = owner(context), selection(pb.Cron, request.select) if request.select else frozenset()
        found = convert.cron(await self._database.look_up(lambda tx: self._crons.get(tx, who, request.cron_id)))
        return selected([found], names)[0] if names else found

    async def UpdateCron(self, request: pb.UpdateCronRequest, context: Context) -> pb.Cron:  # noqa: N802
        who = owner(context)
        named, wanted = changes(request.cron, request.update_mask, never=_NEVER_UPDATED)
        cron_id, etag, draft = request.cron.cron_id, request.cron.etag, convert.draft(wanted)
        write = self._rehearse if request.validate_only else self._database.write
        return convert.written(await write(lambda tx: self._crons.update(tx, who, cron_id, named, draft, etag)))

    async def DeleteCron(self, request: pb.DeleteCronRequest, context: Context) -> Empty:  # noqa: N802
        who = owner(context)

        def delete(tx: Transaction) -> None:
            self._crons.delete(tx, who, request.cron_id, request.etag)

        return await self._database.write_few(delete, 0, lambda _: Empty())

    async def PreviewSchedule(  # noqa: N802
        self, request: pb.PreviewScheduleRequest, context: Context
    ) -> pb.PreviewScheduleResponse:
        draft, after, until = timings.preview_draft(request), instant(request, "after"), instant(request, "until")
        count = request.count if request.HasField("count") else 10
        found = await asyncio.to_thread(self._previews.preview, draft, after, until, count)
        instants = filter(None, map(timestamp, found.instants))
        return pb.PreviewScheduleResponse(schedule=found.schedule, description=found.description, instants=instants)

    async def PauseCron(self, request: pb.PauseCronRequest, context: Context) -> pb.Cron:  # noqa: N802
        who, note = owner(context), request.note if request.HasField("note") else None
        cron_id, etag = request.cron_id, request.etag
        return convert.written(await self._database.write(lambda tx: self._crons.pause(tx, who, cron_id, note, etag)))

    async def ResumeCron(self, request: pb.ResumeCronRequest, context: Context) -> pb.Cron:  # noqa: N802
        who, note = owner(context), request.note if request.HasField("note") else None
        cron_id, etag = request.cron_id, request.etag
        return convert.written(await self._database.write(lambda tx: self._crons.resume(tx, who, cron_id, note, etag)))

    async def TriggerCron(self, request: pb.TriggerCronRequest, context: Context) -> Run:  # noqa: N802
        who, cron_id, request_id = owner(context), request.cron_id, request.request_id
        made = await self._database.write(lambda tx: self._manual_runs.trigger(tx, who, cron_id, request_id))
        return run(made)

    async def BackfillCron(  # noqa: N802
        self, request: pb.BackfillCronRequest, context: Context
    ) -> pb.BackfillCronResponse:
        who, cron_id, request_id = owner(context), request.cron_id, request.request_id
        start, end = (timings.required_instant(request, field) for field in ("start_time", "end_time"))
        done = await self._database.write(
            lambda tx: self._manual_runs.backfill(tx, who, cron_id, start, end, request_id)
        )
        return pb.BackfillCronResponse(ticks=map(ticks.tick, done.ticks), already_run=done.already_run)

    async def ListTicks(self, request: pb.ListTicksRequest, context: Context) -> pb.ListTicksResponse:  # noqa: N802
        who, query = owner(context), ticks.query(request)
        cron_id, size, token = request.cron_id, request.page_size or _PAGE, request.page_token
        page = await self._database.search(lambda tx: self._ledger.list(tx, who, cron_id, query, size, token))
        return pb.ListTicksResponse(ticks=map(ticks.tick, page.ticks), next_page_token=page.next_token)

    async def SearchCrons(  # noqa: N802
        self, request: pb.SearchCronsRequest, context: Context
    ) -> pb.SearchCronsResponse:
        who, query, part = owner(context), convert.query(request), window(request)
        names = selection(pb.Cron, request.select)
        page = await self._database.search(lambda tx: self._crons.search(tx, who, query, part))
        answer = pb.SearchCronsResponse(total=page.total, next_offset=following(part, page))
        convert.fill(answer, page.items)
        if names:
            selected(answer.crons, names)
        return answer

    async def CountCrons(self, request: pb.CountCronsRequest, context: Context) -> pb.CountCronsResponse:  # noqa: N802
        who, query = owner(context), convert.query(request)
        return pb.CountCronsResponse(count=await self._database.search(lambda tx: self._crons.count(tx, who, query)))

    async def _rehearse(self, operation: Operation[Cron]) -> Cron:
        """Does it whole, and takes it back before it is committed."""

        def rehearsal(tx: Transaction) -> Cron:
            raise _Rehearsed(operation(tx))

        try:
            return await self._database.write(rehearsal)
        except _Rehearsed as rehearsed:
            return rehearsed.cron
