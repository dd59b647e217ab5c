"""Ticks in the database."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

import peewee

from cronlane_service.domain.errors import AlreadyExists
from cronlane_service.domain.models import Tick, TickOutcome
from cronlane_service.domain.queries import TickQuery
from cronlane_service.domain.runs import RunError, RunStatus
from cronlane_service.store import search
from cronlane_service.store.connection import Connection
from cronlane_service.store.instants import loaded, stored
from cronlane_service.store.reading import Reader, nearest, number
from cronlane_service.store.statements import Bind, Row, Statement, Statements, insert_rows
from cronlane_service.store.tables import TickTable as Table

_DECIDED = (
    Table.cron_id,
    Table.scheduled_for,
    Table.owner,
    Table.decided_at,
    Table.outcome,
    Table.reason,
    Table.run_id,
    Table.count,
)
INSERT = insert_rows(Table, _DECIDED)
_EXISTS = Statement(
    lambda _: Table.select(Table.cron_id).where(
        Table.cron_id == Bind("cron_id"), Table.scheduled_for == Bind("scheduled_for")
    )
)
_OF_CRON = Statement(
    lambda _: Table.select(*_DECIDED).where(Table.cron_id == Bind("cron_id")).order_by(Table.scheduled_for)
)
_BETWEEN = Statement(
    lambda _: Table.select(Table.scheduled_for).where(
        Table.cron_id == Bind("cron_id"), Table.scheduled_for >= Bind("first"), Table.scheduled_for <= Bind("last")
    )
)
_LATEST = Statement(
    lambda _: Table.select(peewee.fn.max(Table.scheduled_for)).where(
        Table.cron_id == Bind("cron_id"), Table.outcome != TickOutcome.TRIGGERED.value
    )
)
_DELETE = Statement(
    lambda _: Table.delete().where(Table.cron_id == Bind("cron_id"), Table.scheduled_for == Bind("scheduled_for"))
)
_OLD = Statement(
    lambda _: (
        Table.select(Table.cron_id, Table.scheduled_for)
        .where(Table.decided_at < Bind("before"))
        .order_by(Table.decided_at)
        .limit(Bind("limit"))
    )
)
_RECORD = Statement(
    lambda _: Table.update(
        {Table.run_status: Bind("status"), Table.run_error: Bind("error"), Table.run_error_message: Bind("message")}
    ).where(Table.run_id == Bind("run_id"))
)
_FILTERS: search.Filters = {
    "cron_id": lambda _: Table.cron_id == Bind("cron_id"),
    "owner": lambda _: Table.owner == Bind("owner"),
    "outcome": lambda _: Table.outcome == Bind("outcome"),
    "start": lambda _: Table.scheduled_for >= Bind("start"),
    "end": lambda _: Table.scheduled_for <= Bind("end"),
}
_FOUND = search.each(_FILTERS)
_LIST: Statements[search.Names] = Statements(
    lambda engine, names: (
        Table.select(*_DECIDED).where(*_FOUND(engine, names)).order_by(Table.scheduled_for).limit(Bind("limit"))
    )
)


class Ticks:
    """Implements TickStore."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def insert_many(self, ticks: Sequence[Tick]) -> None:
        self._connection.settle()  # so that what fails from here on are the ticks
        try:
            with self._connection.savepoint():
                self._connection.put_rows(INSERT, [row(tick) for tick in ticks])
        except peewee.IntegrityError:
            tick = next(filter(self._exists, ticks), ticks[0])
            raise AlreadyExists("tick", f"{tick.cron_id} at {tick.scheduled_for.isoformat()}") from None

    def _exists(self, tick: Tick) -> bool:
        key = {"cron_id": tick.cron_id, "scheduled_for": stored(tick.scheduled_for)}
        return self._connection.first(_EXISTS, **key) is not None

    def of_cron(self, cron_id: str) -> Sequence[Tick]:
        return [_READER.value(row) for row in self._connection.rows(_OF_CRON, cron_id=cron_id)]

    def list(self, owner: str, cron_id: str, query: TickQuery, limit: int) -> Sequence[Tick]:
        values = search.given(
            cron_id=cron_id,
            owner=owner,
            outcome=query.outcome and query.outcome.value,
            start=stored(query.start),
            end=stored(query.end),
        )
        rows = self._connection.rows(_LIST.of(tuple(values)), **values, limit=limit)
        return [_READER.value(row) for row in rows]

    def decided(self, cron_id: str, first: datetime, last: datetime) -> Collection[datetime]:
        rows = self._connection.rows(_BETWEEN, cron_id=cron_id, first=stored(first), last=stored(last))
        return {loaded(instant) for (instant,) in rows if isinstance(instant, int)}

    def latest(self, cron_id: str) -> datetime | None:
        [(instant,)] = self._connection.rows(_LATEST, cron_id=cron_id)
        return nearest(instant)

    def delete(self, cron_id: str, instants: Sequence[datetime]) -> int:
        return self._connection.change_each(_DELETE, [(cron_id, stored(instant)) for instant in instants])

    def delete_before(self, decided_before: datetime, limit: int) -> int:
        old = self._connection.rows(_OLD, before=stored(decided_before), limit=limit)
        return self._connection.change_each(_DELETE, old)

    def record(self, run_id: str, status: RunStatus, error: RunError | None) -> None:
        self._connection.put(
            _RECORD,
            run_id=run_id,
            status=status.value,
            error=error and error.error,
            message=error and error.message,
        )


def row(tick: Tick) -> Row:
    return (
        tick.cron_id,
        stored(tick.scheduled_for),
        tick.owner,
        stored(tick.decided_at),
        str(tick.outcome),
        tick.reason,
        tick.run_id,
        tick.count,
    )


def _tick(row: Row) -> Tick:
    cron_id, scheduled_for, owner, decided_at, outcome, reason, run_id, count = row
    return Tick(cron_id, loaded(scheduled_for), owner, loaded(decided_at), TickOutcome(outcome), reason, run_id, count)


_READER = Reader(
    _DECIDED,
    _tick,
    {
        **dict.fromkeys(("scheduled_for", "decided_at"), (loaded, 0)),
        "outcome": (TickOutcome, TickOutcome.ERROR.value),
        "count": (number, 1),
    },
)
