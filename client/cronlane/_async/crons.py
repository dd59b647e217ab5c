"""Crons: stored schedules that create runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Unpack

from google.protobuf.field_mask_pb2 import FieldMask

from cronlane._channel import AsyncConnection
from cronlane._convert import Object, Objects, body, fill, plain
from cronlane._crons import cron_to_create, cron_to_update
from cronlane._options import CronChanges, CronOptions, StatelessCronOptions, check_names
from cronlane._shapes import check_select
from cronlane.v1 import crons_pb2
from cronlane.v1.crons_pb2_grpc import CronServiceStub


class CronsClient:
    """Creates, finds, changes and deletes crons.

    A cron is a dict ``{cron_id, assistant_id, thread_id, user_id, schedule, timezone, end_time, enabled,
    on_run_completed, next_run_date, metadata, payload, created_at, updated_at}``; times are ISO 8601 strings in UTC,
    ``end_time`` as it was sent, ``next_run_date`` None when no tick will come.
    """

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def create_for_thread(
        self,
        thread_id: str,
        assistant_id: str,
        *,
        schedule: str,
        timeout: float | None = None,
        **options: Unpack[CronOptions],
    ) -> Object:
        """A new cron whose runs go to one thread, one at each instant that ``schedule`` names.

        ``assistant_id`` is a UUID or a graph's name; ``schedule`` has five fields, or a sixth for seconds at the end,
        and is local time in the option ``timezone``; ``options`` are those of `CronOptions`. Raises NotFound for an
        unknown assistant or thread, InvalidRequest. Source: CronService.CreateCron.
        """
        check_names(CronOptions, options)
        text = body({"assistant_id": assistant_id, "schedule": schedule, **options})
        return await self._create(text, thread_id, timeout)

    async def create(
        self, assistant_id: str, *, schedule: str, timeout: float | None = None, **options: Unpack[StatelessCronOptions]
    ) -> Object:
        """A new stateless cron: each of its runs gets a new thread.

        The option ``on_run_completed`` says what becomes of that thread when the run has ended, "delete" (default) or
        "keep". Otherwise as `create_for_thread`. Source: CronService.CreateCron.
        """
        check_names(StatelessCronOptions, options)
        text = body({"assistant_id": assistant_id, "schedule": schedule, **options})
        return await self._create(text, None, timeout)

    async def _create(self, text: str, thread_id: str | None, timeout: float | None) -> Object:
        cron = cron_to_create(text)
        if thread_id is not None:
            cron.thread_id = thread_id
        stub = self._connection.stub(CronServiceStub)
        request = crons_pb2.CreateCronRequest(cron=cron)
        return plain(await self._connection.call(stub.CreateCron, request, timeout))

    async def get(self, cron_id: str, *, timeout: float | None = None) -> Object:
        """The cron with this UUID. Raises NotFound, InvalidRequest. Source: CronService.GetCron."""
        stub = self._connection.stub(CronServiceStub)
        request = fill(crons_pb2.GetCronRequest(), cron_id=cron_id)
        return plain(await self._connection.call(stub.GetCron, request, timeout))

    async def update(self, cron_id: str, *, timeout: float | None = None, **changes: Unpack[CronChanges]) -> Object:
        """The cron with these values in the place of its own; ``changes`` are those of `CronChanges`.

        ``metadata`` is merged at the top level; ``end_time=None`` removes the end. Raises NotFound, InvalidRequest,
        Conflict with nothing to change. Source: CronService.UpdateCron.
        """
        check_names(CronChanges, changes)
        cron, paths = cron_to_update(body(changes, nullable={"end_time"}))
        cron.cron_id = cron_id
        stub = self._connection.stub(CronServiceStub)
        request = crons_pb2.UpdateCronRequest(cron=cron, update_mask=FieldMask(paths=paths))
        return plain(await self._connection.call(stub.UpdateCron, request, timeout))

    async def delete(self, cron_id: str, *, timeout: float | None = None) -> None:
        """Deletes a cron; a run of it under way goes on. Raises NotFound. Source: CronService.DeleteCron."""
        stub = self._connection.stub(CronServiceStub)
        request = fill(crons_pb2.DeleteCronRequest(), cron_id=cron_id)
        await self._connection.call(stub.DeleteCron, request, timeout)

    async def search(
        self,
        *,
        assistant_id: str | None = None,
        thread_id: str | None = None,
        enabled: bool | None = None,
        metadata: Mapping[str, Any] | None = None,
        limit: int = 10,
        offset: int = 0,
        sort_by: str | None = None,
        sort_order: str | None = None,
        select: Sequence[str] | None = None,
        timeout: float | None = None,
    ) -> Objects:
        """The crons for which all of these hold, newest first; ``limit`` 1 to 1000.

        ``assistant_id`` is a UUID or a graph's name, ``metadata`` is matched by containment, ``select`` names the
        members to answer. Raises InvalidRequest. Source: CronService.SearchCrons.
        """
        check_select(crons_pb2.Cron.DESCRIPTOR, select or ())
        stub = self._connection.stub(CronServiceStub)
        request = fill(
            crons_pb2.SearchCronsRequest(),
            assistant_id=assistant_id,
            thread_id=thread_id,
            enabled=enabled,
            metadata=metadata or None,
            limit=limit,
            offset=offset,
            sort_by=sort_by,
            sort_order=sort_order,
        )
        reply = await self._connection.call(stub.SearchCrons, request, timeout)
        return [plain(each, select or ()) for each in reply.crons]

    async def count(
        self,
        *,
        assistant_id: str | None = None,
        thread_id: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        timeout: float | None = None,
    ) -> int:
        """How many crons a search would find. Source: CronService.CountCrons."""
        stub = self._connection.stub(CronServiceStub)
        request = fill(
            crons_pb2.CountCronsRequest(),
            assistant_id=assistant_id,
            thread_id=thread_id,
            metadata=metadata or None,
        )
        reply = await self._connection.call(stub.CountCrons, request, timeout)
        return int(reply.count)
