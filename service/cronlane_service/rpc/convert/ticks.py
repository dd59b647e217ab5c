"""Rows of the ledger."""

from __future__ import annotations

from cronlane.v1 import crons_pb2 as pb
from cronlane_service.domain import models
from cronlane_service.domain.queries import TickQuery
from cronlane_service.rpc.convert import words
from cronlane_service.rpc.convert.instants import instant, timestamp


def tick(tick: models.Tick) -> pb.Tick:
    return pb.Tick(
        cron_id=tick.cron_id,
        scheduled_for=timestamp(tick.scheduled_for),
        decided_at=timestamp(tick.decided_at),
        outcome=words.TICK_OUTCOME.number(tick.outcome),
        reason=tick.reason,
        run_id=tick.run_id,
        count=tick.count,
    )


def query(request: pb.ListTicksRequest) -> TickQuery:
    return TickQuery(
        outcome=words.TICK_OUTCOME.word("outcome", request.outcome),
        start=instant(request, "start_time"),
        end=instant(request, "end_time"),
    )
