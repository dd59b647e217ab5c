"""The servicer of CronService."""

from __future__ import annotations

from google.protobuf.empty_pb2 import Empty

from cronlane.v1 import crons_pb2 as pb
from cronlane.v1.crons_pb2_grpc import CronServiceServicer
from cronlane_service.domain.models import Cron
from cronlane_service.domain.ports import Database, Operation, Transaction
from cronlane_service.rpc.auth import Context, owner
from cronlane_service.rpc.convert import crons as convert
from cronlane_service.rpc.convert.masks import changes
from cronlane_service.rpc.convert.windows import following, selected, selection, window
from cronlane_service.usecases.crons import Crons

_NEVER_UPDATED = frozenset(
    {"cron_id", "user_id", "next_run_date", "created_at", "updated_at", "etag", "disabled_reason"}
)


class _Rehearsed(Exception):
    """Undoes a write that succeeded, and carries what it made."""

    def __init__(self, cron: Cron) -> None:
        super().__init__(cron.cron_id)
        self.cron = cron


class CronServicer(CronServiceServicer):
    """Crons over gRPC."""

    def __init__(self, database: Database, crons: Crons) -> None:
        self._database, self._crons = database, crons

    async def CreateCron(self, request: pb.CreateCronRequest, context: Context) -> pb.Cron:  # noqa: N802
        who, draft = owner(context), convert.draft(request.cron)
        return await self._write(
            lambda tx: self._crons.create(tx, who, draft, request.request_id), request.validate_only
        )

    async def GetCron(self, request: pb.GetCronRequest, context: Context) -> pb.Cron:  # noqa: N802
        who = owner(context)
        return convert.cron(await self._database.read(lambda tx: self._crons.get(tx, who, request.cron_id)))

    async def UpdateCron(self, request: pb.UpdateCronRequest, context: Context) -> pb.Cron:  # noqa: N802
        who = owner(context)
        named, wanted = changes(request.cron, request.update_mask, never=_NEVER_UPDATED)
        cron_id, etag, draft = request.cron.cron_id, request.cron.etag, convert.draft(wanted)
        return await self._write(
            lambda tx: self._crons.update(tx, who, cron_id, named, draft, etag), request.validate_only
        )

    async def DeleteCron(self, request: pb.DeleteCronRequest, context: Context) -> Empty:  # noqa: N802
        who = owner(context)
        await self._database.write(lambda tx: self._crons.delete(tx, who, request.cron_id, request.etag))
        return Empty()

    async def SearchCrons(  # noqa: N802
        self, request: pb.SearchCronsRequest, context: Context
    ) -> pb.SearchCronsResponse:
        who, query, part = owner(context), convert.query(request), window(request)
        names = selection(pb.Cron, request.select)
        page = await self._database.read(lambda tx: self._crons.search(tx, who, query, part))
        return pb.SearchCronsResponse(
            crons=selected(map(convert.cron, page.items), names),
            total=page.total,
            next_offset=following(part, page),
        )

    async def CountCrons(self, request: pb.CountCronsRequest, context: Context) -> pb.CountCronsResponse:  # noqa: N802
        who, query = owner(context), convert.query(request)
        return pb.CountCronsResponse(count=await self._database.read(lambda tx: self._crons.count(tx, who, query)))

    async def _write(self, operation: Operation[Cron], validate_only: bool) -> pb.Cron:
        """Does it; only to validate, does it whole and takes it back before it is committed."""
        if not validate_only:
            return convert.cron(await self._database.write(operation))

        def rehearsal(tx: Transaction) -> Cron:
            raise _Rehearsed(operation(tx))

        try:
            return convert.cron(await self._database.write(rehearsal))
        except _Rehearsed as rehearsed:
            return convert.cron(rehearsed.cron)
