"""Crons in the database."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import peewee

from cronlane_service.domain.models import Cron, CronProgress
from cronlane_service.domain.queries import CronQuery, Page, Window
from cronlane_service.domain.runs import RunStatus
from cronlane_service.store import cron_rows, cron_search, labels, locks
from cronlane_service.store.connection import Connection
from cronlane_service.store.engine import Engine
from cronlane_service.store.instants import stored
from cronlane_service.store.reading import LAST_STORED, nearest
from cronlane_service.store.statements import Bind, Insert, Rows, Statement, assignments, columns, one_more
from cronlane_service.store.tables import CronTable as Table

_COLUMNS = columns(Table)
SCHEDULED = Table.enabled & Table.due_at.is_null(False)
_COUNTED = (
    Table.last_outcome,
    Table.fired,
    Table.missed,
    Table.skipped,
    Table.failed,
    Table.failures_in_a_row,
)

_INSERT = Insert(Table)
_SAVE = Statement(
    lambda _: Table.update(
        {field: value for field, value in assignments(Table).items() if field not in set(_COUNTED)}
    ).where(Table.cron_id == Bind("cron_id"))
)
_GET = Statement(lambda _: Table.select().where(Table.cron_id == Bind("id"), Table.owner == Bind("owner")))
_LABELLED = Statement(lambda _: Table.select(Table.metadata, Table.created_at).where(Table.cron_id == Bind("id")))


def _deleting(column: peewee.Field, *conditions: peewee.Node) -> Statement:
    """Answers what says which of them had labels."""
    return Statement(
        lambda _: Table.delete().where(column == Bind("value"), *conditions).returning(Table.cron_id, Table.metadata),
    )


_DELETE = _deleting(Table.cron_id, Table.owner == Bind("owner"))
_DELETE_OF_THREAD = _deleting(Table.thread_id)
_DELETE_OF_ASSISTANT = _deleting(Table.assistant_id)
_DUE_FIRST = (
    Table.select()
    .where(SCHEDULED, Table.due_at <= Bind("now"))
    .order_by(Table.due_at, Table.cron_id)
    .limit(Bind("limit"))
)
_DUE = Statement(lambda _: _DUE_FIRST)
_DUE_FREE = Statement(lambda engine: engine.claimed(_DUE_FIRST, Table))
# By an instant beyond the calendar; on SQLite, where every text is greater than every number, also by a text.
NEVER_DUE = Statement(lambda _: Table.select().where(SCHEDULED, Table.due_at > LAST_STORED).limit(Bind("limit")))
_FOUND = Statement(
    lambda engine: Table.select().where(engine.among(Table.cron_id, Bind("ids"))).order_by(Table.due_at, Table.cron_id)
)
_NEXT_DUE = Statement(lambda _: Table.select(peewee.fn.min(Table.due_at)).where(SCHEDULED))
_ADVANCED = (Table.cron_id, Table.next_run_date, Table.due_at, Table.fired, Table.missed, Table.skipped)
ADVANCE = Rows(
    _ADVANCED,
    lambda rows, given: (
        Table.update(
            {
                Table.next_run_date: given[1],
                Table.due_at: given[2],
                **{field: field + more for field, more in zip(_ADVANCED[3:], given[3:], strict=True)},
            }
        )
        .from_(rows)
        .where(Table.cron_id == given[0])
    ),
)
_DISABLE = Statement(
    lambda _: Table.update(
        {
            Table.enabled: False,
            Table.next_run_date: None,
            Table.due_at: None,
            Table.disabled_reason: Bind("reason"),
            Table.paused_at: Bind("now"),
            Table.updated_at: Bind("now"),
        }
    ).where(Table.cron_id == Bind("id"))
)
_RUN_SUCCEEDED = Statement(
    lambda _: Table.update({Table.last_outcome: Bind("outcome"), Table.failures_in_a_row: 0}).where(
        Table.cron_id == Bind("id")
    )
)
_RUN_FAILED = Statement(
    lambda _: Table.update(
        {
            Table.last_outcome: Bind("outcome"),
            Table.failed: one_more(Table.failed),
            Table.failures_in_a_row: one_more(Table.failures_in_a_row),
        }
    ).where(Table.cron_id == Bind("id"))
)
_RUN_STOPPED = Statement(
    lambda _: Table.update({Table.last_outcome: Bind("outcome")}).where(Table.cron_id == Bind("id"))
)
_FORGIVE = Statement(lambda _: Table.update({Table.failures_in_a_row: 0}).where(Table.cron_id == Bind("id")))
_PAUSE_FAILING = Statement(
    lambda _: Table.update(
        {
            Table.enabled: False,
            Table.disabled_reason: Bind("reason"),
            Table.paused_at: Bind("now"),
            Table.updated_at: Bind("now"),
        }
    ).where(Table.cron_id == Bind("id"), Table.enabled, Table.failures_in_a_row >= Table.pause_after_failures)
)


def _zoned(engine: Engine) -> peewee.ModelSelect[Table]:
    zoned = Table.select().where(SCHEDULED, engine.among(Table.timezone, Bind("zones")), Table.cron_id > Bind("after"))
    return zoned.order_by(Table.cron_id).limit(Bind("limit"))


_ZONED = Statement(_zoned)
_ZONED_LOCKED = Statement(lambda engine: engine.locked(_zoned(engine)))


class Crons:
    """Implements CronStore."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def insert(self, cron: Cron) -> None:
        self._connection.put_row(_INSERT, cron_rows.row(cron))
        labels.insert(self._connection, cron)

    def get(self, owner: str, cron_id: str) -> Cron | None:
        self._connection.lock(locks.CRON, id=cron_id)
        row = self._connection.first(_GET, id=cron_id, owner=owner)
        return None if row is None else cron_rows.shown(row)

    def save(self, cron: Cron) -> None:
        labelled = self._connection.first(_LABELLED, id=cron.cron_id)
        self._connection.put(_SAVE, **dict(zip(_COLUMNS, cron_rows.row(cron), strict=True)))
        if labelled not in (None, (cron.metadata, stored(cron.created_at))):
            labels.delete(self._connection, cron.cron_id)
            labels.insert(self._connection, cron)

    def delete(self, owner: str, cron_id: str) -> bool:
        gone = self._connection.first(_DELETE, value=cron_id, owner=owner)
        if gone is not None and gone[1] != "{}":
            labels.delete(self._connection, cron_id)
        return gone is not None

    def delete_of_thread(self, thread_id: str) -> int:
        return self._delete_many(_DELETE_OF_THREAD, thread_id)

    def delete_of_assistant(self, assistant_id: str) -> int:
        return self._delete_many(_DELETE_OF_ASSISTANT, assistant_id)

    def _delete_many(self, deleting: Statement, value: str) -> int:
        gone = self._connection.rows(deleting, value=value)
        labels.delete_many(self._connection, [cron_id for cron_id, metadata in gone if metadata != "{}"])
        return len(gone)

    def search(self, owner: str, query: CronQuery, window: Window) -> Page[Cron]:
        return cron_search.page(self._connection, owner, query, window)

    def count(self, owner: str, query: CronQuery) -> int:
        return cron_search.count(self._connection, owner, query)

    def due(self, now: datetime, limit: int) -> Sequence[Cron]:
        shares = self._connection.shares
        rows = self._connection.rows(_DUE_FREE if shares else _DUE, now=stored(now), limit=limit)
        if len(rows) < limit:
            rows += self._connection.rows(NEVER_DUE, limit=limit)
        crons = [cron_rows.cron(row) for row in rows if isinstance(row[0], str)]
        return self._undisturbed(crons) if shares else crons

    def find(self, cron_ids: Sequence[str]) -> Sequence[Cron]:
        rows = self._connection.rows(_FOUND, ids=self._connection.engine.several(cron_ids)) if cron_ids else []
        crons = [cron_rows.cron(row) for row in rows]
        return self._undisturbed(crons) if self._connection.shares else crons

    def _undisturbed(self, crons: Sequence[Cron]) -> Sequence[Cron]:
        """Without those on threads that other servers are changing: who holds crons waits for no thread."""
        ids = self._connection.engine.several([cron.thread_id for cron in crons if cron.thread_id is not None])
        if not ids:
            return crons
        there = self._connection.rows(locks.THREADS_THERE, ids=ids)
        disturbed = set(there) - set(self._connection.rows(locks.THREADS_FREE, ids=ids))
        return [cron for cron in crons if (cron.thread_id,) not in disturbed]

    def next_due(self) -> datetime | None:
        [(instant,)] = self._connection.rows(_NEXT_DUE)
        return nearest(instant)

    def advance(self, progress: Sequence[CronProgress]) -> None:
        rows = [
            (each.cron_id, stored(each.next_run_date), stored(each.due_at), each.fired, each.missed, each.skipped)
            for each in progress
        ]
        self._connection.put_rows(ADVANCE, rows)

    def run_ended(self, cron_id: str, outcome: RunStatus) -> None:
        failed = outcome in (RunStatus.ERROR, RunStatus.TIMEOUT)
        counting = _RUN_FAILED if failed else _RUN_SUCCEEDED if outcome is RunStatus.SUCCESS else _RUN_STOPPED
        self._connection.put(counting, id=cron_id, outcome=outcome.value)

    def pause_failing(self, cron_id: str, reason: str, now: datetime) -> bool:
        return self._connection.change(_PAUSE_FAILING, id=cron_id, reason=reason, now=stored(now)) == 1

    def forgive(self, cron_id: str) -> None:
        self._connection.put(_FORGIVE, id=cron_id)

    def zoned(self, zones: Sequence[str], after: str, limit: int) -> Sequence[Cron]:
        zoned = _ZONED_LOCKED if self._connection.shares else _ZONED
        values = {"zones": self._connection.engine.several(zones), "after": after, "limit": limit}
        return [cron_rows.cron(row) for row in self._connection.rows(zoned, **values)]

    def disable(self, cron_id: str, reason: str, now: datetime) -> None:
        self._connection.put(_DISABLE, id=cron_id, reason=reason, now=stored(now))
