# Written by client/generate_sync.py from cronlane/_async; not to be edited.
"""Crons: stored schedules that create runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Unpack

from google.protobuf.field_mask_pb2 import FieldMask

from cronlane._channel import SyncConnection
from cronlane._convert import Object, Objects, body, fill, plain
from cronlane._crons import CLEARED, cron_to_create, cron_to_update
from cronlane._options import CronChanges, CronOptions, PreviewOptions, StatelessCronOptions, check_names
from cronlane._shapes import check_select
from cronlane.v1 import crons_pb2
from cronlane.v1.crons_pb2_grpc import CronServiceStub


class SyncCronsClient:
    """Creates, finds, changes and deletes crons.

    A cron is a dict ``{cron_id, assistant_id, thread_id, user_id, schedule, timezone, end_time, enabled,
    on_run_completed, next_run_date, metadata, payload, created_at, updated_at}``; times are ISO 8601 strings in UTC,
    ``end_time`` as it was sent, ``next_run_date`` None when no tick will come. What cronlane adds to it (policies,
    counters, ``note``, ``paused_at`` and so on) is in ``payload`` as far as it was asked for, and all of it there when
    it is selected.
    """

    def __init__(self, connection: SyncConnection) -> None:
        self._connection = connection

    def create_for_thread(
        self,
        thread_id: str,
        assistant_id: str,
        *,
        schedule: str | None = None,
        timeout: float | None = None,
        **options: Unpack[CronOptions],
    ) -> Object:
        """A new cron whose runs go to one thread, one at each instant that ``schedule`` names.

        ``assistant_id`` is a UUID or a graph's name; ``schedule`` has five fields, or a sixth for seconds at the end,
        and is local time in the option ``timezone``; instead of it the options ``at`` or ``every`` can say when. All
        are in `CronOptions`. Raises NotFound for an unknown assistant or thread, InvalidRequest. Source:
        CronService.CreateCron.
        """
        check_names(CronOptions, options)
        text = body({"assistant_id": assistant_id, "schedule": schedule, **options})
        return self._create(text, thread_id, timeout)

    def create(
        self,
        assistant_id: str,
        *,
        schedule: str | None = None,
        timeout: float | None = None,
        **options: Unpack[StatelessCronOptions],
    ) -> Object:
        """A new stateless cron: each of its runs gets a new thread.

        The option ``on_run_completed`` says what becomes of that thread when the run has ended, "delete" (default) or
        "keep". Otherwise as `create_for_thread`. Source: CronService.CreateCron.
        """
        check_names(StatelessCronOptions, options)
        text = body({"assistant_id": assistant_id, "schedule": schedule, **options})
        return self._create(text, None, timeout)

    def _create(self, text: str, thread_id: str | None, timeout: float | None) -> Object:
        cron = cron_to_create(text)
        if thread_id is not None:
            cron.thread_id = thread_id
        stub = self._connection.stub(CronServiceStub)
        request = crons_pb2.CreateCronRequest(cron=cron)
        return plain(self._connection.call(stub.CreateCron, request, timeout))

    def preview(
        self, schedule: str | None = None, *, timeout: float | None = None, **options: Unpack[PreviewOptions]
    ) -> Object:
        """When a schedule will come: ``{schedule, description, instants}``; no cron is needed.

        ``instants`` are ISO 8601 strings in UTC, ``options`` those of `PreviewOptions`. Raises InvalidRequest. Source:
        CronService.PreviewSchedule.
        """
        check_names(PreviewOptions, options)
        stub = self._connection.stub(CronServiceStub)
        request = fill(crons_pb2.PreviewScheduleRequest(), schedule=schedule, **options)
        return plain(self._connection.call(stub.PreviewSchedule, request, timeout))

    def get(self, cron_id: str, *, select: Sequence[str] | None = None, timeout: float | None = None) -> Object:
        """The cron with this UUID; ``select`` names the members to answer, such as ``counters``.

        Raises NotFound, InvalidRequest. Source: CronService.GetCron.
        """
        check_select(crons_pb2.Cron.DESCRIPTOR, select or ())
        stub = self._connection.stub(CronServiceStub)
        request = fill(crons_pb2.GetCronRequest(), cron_id=cron_id)
        return plain(self._connection.call(stub.GetCron, request, timeout), select or ())

    def update(self, cron_id: str, *, timeout: float | None = None, **changes: Unpack[CronChanges]) -> Object:
        """The cron with these values in the place of its own; ``changes`` are those of `CronChanges`.

        ``metadata`` is merged at the top level; None removes the end and other bounds. Raises NotFound, InvalidRequest,
        Conflict with nothing to change. Source: CronService.UpdateCron.
        """
        check_names(CronChanges, changes)
        cron, paths = cron_to_update(body(changes, nullable=CLEARED))
        cron.cron_id = cron_id
        stub = self._connection.stub(CronServiceStub)
        request = crons_pb2.UpdateCronRequest(cron=cron, update_mask=FieldMask(paths=paths))
        return plain(self._connection.call(stub.UpdateCron, request, timeout))

    def delete(self, cron_id: str, *, timeout: float | None = None) -> None:
        """Deletes a cron; a run of it under way goes on. Raises NotFound. Source: CronService.DeleteCron."""
        stub = self._connection.stub(CronServiceStub)
        request = fill(crons_pb2.DeleteCronRequest(), cron_id=cron_id)
        self._connection.call(stub.DeleteCron, request, timeout)

    def pause(self, cron_id: str, *, note: str | None = None, timeout: float | None = None) -> Object:
        """Stops its ticks until it is resumed; ``note`` says why. Raises NotFound. Source: CronService.PauseCron."""
        stub = self._connection.stub(CronServiceStub)
        request = fill(crons_pb2.PauseCronRequest(), cron_id=cron_id, note=note)
        return plain(self._connection.call(stub.PauseCron, request, timeout))

    def resume(self, cron_id: str, *, note: str | None = None, timeout: float | None = None) -> Object:
        """Lets it go on from now; what it missed is not run. Raises NotFound. Source: CronService.ResumeCron."""
        stub = self._connection.stub(CronServiceStub)
        request = fill(crons_pb2.ResumeCronRequest(), cron_id=cron_id, note=note)
        return plain(self._connection.call(stub.ResumeCron, request, timeout))

    def trigger(self, cron_id: str, *, request_id: str | None = None, timeout: float | None = None) -> Object:
        """One run of it now, outside its schedule; the same ``request_id``, a UUID, makes no second one.

        Raises NotFound, Conflict on a busy thread that rejects it. Source: CronService.TriggerCron.
        """
        stub = self._connection.stub(CronServiceStub)
        request = fill(crons_pb2.TriggerCronRequest(), cron_id=cron_id, request_id=request_id)
        return plain(self._connection.call(stub.TriggerCron, request, timeout))

    def backfill(
        self,
        cron_id: str,
        *,
        start_time: datetime,
        end_time: datetime,
        request_id: str | None = None,
        timeout: float | None = None,
    ) -> Object:
        """A run for each tick of a past time that was not run: ``{ticks, already_run}``.

        At most 1000 ticks, both ends included, without zone in UTC; the same ``request_id``, a UUID, makes nothing
        twice. Raises NotFound, InvalidRequest. Source: CronService.BackfillCron.
        """
        stub = self._connection.stub(CronServiceStub)
        request = fill(
            crons_pb2.BackfillCronRequest(),
            cron_id=cron_id,
            start_time=start_time,
            end_time=end_time,
            request_id=request_id,
        )
        return plain(self._connection.call(stub.BackfillCron, request, timeout))

    def ticks(
        self,
        cron_id: str,
        *,
        page_size: int = 100,
        page_token: str | None = None,
        outcome: str | None = None,
        start_time: datetime | None = None,
        end_time: datetime | None = None,
        timeout: float | None = None,
    ) -> Object:
        """One page of its ledger, oldest first: ``{ticks, next_page_token}``; the token is "" on the last.

        A tick is ``{cron_id, scheduled_for, decided_at, outcome, reason, run_id, count}``; ``outcome`` is fired,
        missed, skipped_busy, skipped_overlap, triggered or error. Raises NotFound, InvalidRequest. Source:
        CronService.ListTicks.
        """
        stub = self._connection.stub(CronServiceStub)
        request = fill(
            crons_pb2.ListTicksRequest(),
            cron_id=cron_id,
            page_size=page_size,
            page_token=page_token,
            outcome=outcome,
            start_time=start_time,
            end_time=end_time,
        )
        return plain(self._connection.call(stub.ListTicks, request, timeout))

    def search(
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
        reply = self._connection.call(stub.SearchCrons, request, timeout)
        return [plain(each, select or ()) for each in reply.crons]

    def count(
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
        reply = self._connection.call(stub.CountCrons, request, timeout)
        return int(reply.count)
