"""What happened in runs, in the database."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import peewee

from cronlane_service.domain.events import RunEvent
from cronlane_service.domain.models import Thread
from cronlane_service.domain.runs import Run
from cronlane_service.store.connection import Connection
from cronlane_service.store.instants import stored
from cronlane_service.store.run_tables import RecordingTable, RunTable
from cronlane_service.store.run_tables import RunEventTable as Table
from cronlane_service.store.statements import Bind, Statement, insert

_RUNS = 50
"""How many runs are looked at together when what has expired is deleted."""

_INSERT = insert(Table)
_RECORD = insert(RecordingTable, ignore_taken=True)
_KEEP = Statement(
    lambda _: RecordingTable.update({RecordingTable.until: Bind("until")}).where(
        RecordingTable.run_id == Bind("run_id")
    )
)
_LAST = Statement(
    lambda _: Table.select(Table.seq).where(Table.thread_id == Bind("thread_id")).order_by(Table.seq.desc()).limit(1)
)
_OF_RUN = Statement(
    lambda _: (
        Table.select(Table.event, Table.data, Table.run_id, Table.seq)
        .where(Table.run_id == Bind("run_id"), Table.seq > Bind("after"))
        .order_by(Table.seq)
        .limit(Bind("limit"))
    )
)
_OF_THREAD = Statement(
    lambda _: (
        Table.select(Table.event, Table.data, Table.run_id, Table.seq)
        .where(Table.thread_id == Bind("thread_id"), Table.seq > Bind("after"), Table.owner == Bind("owner"))
        .order_by(Table.seq)
        .limit(Bind("limit"))
    )
)
# Ended while no worker had it, or deleted.
_OVER = RunTable.run_id.is_null() | (RunTable.ended_at < Bind("now"))
_EXPIRED = Statement(
    lambda _: (
        RecordingTable.select(RecordingTable.run_id)
        .join(RunTable, peewee.JOIN.LEFT_OUTER, on=(RunTable.run_id == RecordingTable.run_id))
        .where((RecordingTable.until < Bind("now")) | (RecordingTable.until.is_null() & _OVER))
        .limit(_RUNS)
    )
)


def _oldest() -> peewee.ModelSelect[Table]:
    events = Table.alias()
    query = events.select(events.seq).where(events.run_id == Bind("run_id"))
    return query.order_by(events.seq).limit(Bind("limit"))


_DELETE = Statement(lambda _: Table.delete().where(Table.run_id == Bind("run"), Table.seq.in_(_oldest())))
_FORGET = Statement(lambda _: RecordingTable.delete().where(RecordingTable.run_id == Bind("run_id")))


class Events:
    """Implements EventStore."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def append(self, run: Run, events: Sequence[RunEvent], now: datetime) -> None:
        self._append(run.run_id, run.thread_id, run.owner, events, now)

    def append_apart(self, thread: Thread, events: Sequence[RunEvent], now: datetime, until: datetime) -> None:
        """Kept under the thread's id, which is no run's."""
        self._append(thread.thread_id, thread.thread_id, thread.owner, events, now)
        self.keep_until(thread.thread_id, until)

    def _append(self, run_id: str, thread_id: str, owner: str, events: Sequence[RunEvent], now: datetime) -> None:
        """An event's seq is the time in microseconds, moved on where the thread has had one as late."""
        first = max(stored(now), self.last(thread_id) + 1)
        rows = [(run_id, seq, thread_id, owner, event.event, event.data) for seq, event in enumerate(events, first)]
        self._connection.put_each(_RECORD, [(run_id, None)])
        self._connection.put_each(_INSERT, rows)

    def last(self, thread_id: str) -> int:
        row = self._connection.first(_LAST, thread_id=thread_id)
        return 0 if row is None else int(row[0])

    def of_run(self, run_id: str, after: int, limit: int) -> Sequence[RunEvent]:
        rows = self._connection.rows(_OF_RUN, run_id=run_id, after=after, limit=limit)
        return [RunEvent(*row) for row in rows]

    def of_thread(self, owner: str, thread_id: str, after: int, limit: int) -> Sequence[RunEvent]:
        rows = self._connection.rows(_OF_THREAD, owner=owner, thread_id=thread_id, after=after, limit=limit)
        return [RunEvent(*row) for row in rows]

    def keep_until(self, run_id: str, until: datetime) -> None:
        self._connection.put(_KEEP, run_id=run_id, until=stored(until))

    def delete_expired(self, now: datetime, limit: int) -> int:
        gone = 0
        for (run_id,) in self._connection.rows(_EXPIRED, now=stored(now)):
            gone += self._connection.change(_DELETE, run=run_id, run_id=run_id, limit=limit - gone)
            if gone >= limit:
                break
            gone += self._connection.change(_FORGET, run_id=run_id)
        return gone
