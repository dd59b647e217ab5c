"""Runs in the database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from datetime import datetime

from cronlane_service.domain.queries import RunQuery, Window
from cronlane_service.domain.runs import CancelAction, Run, RunStatus
from cronlane_service.store import claims, locks, search
from cronlane_service.store.connection import Connection
from cronlane_service.store.instants import stored
from cronlane_service.store.reading import nearest
from cronlane_service.store.run_rows import READER, row
from cronlane_service.store.run_tables import PENDING, RUNNING
from cronlane_service.store.run_tables import RunTable as Table
from cronlane_service.store.statements import Bind, Statement, Statements, assignments, columns, insert_rows

_COLUMNS = columns(Table)
_ACTIVE = (Table.status == PENDING) | (Table.status == RUNNING)

INSERT = insert_rows(Table)
_FIND = Statement(lambda _: Table.select().where(Table.run_id == Bind("id")))
_SAVE = Statement(lambda _: Table.update(assignments(Table)).where(Table.run_id == Bind("run_id")))
_END = Statement(
    lambda _: Table.update(assignments(Table)).where(
        Table.run_id == Bind("run_id"), Table.attempt == Bind("attempt"), Table.status == RUNNING
    )
)
_DELETE = Statement(lambda _: Table.delete().where(Table.run_id == Bind("id")))
_ACTIVE_OF_THREADS = Statement(
    lambda engine: (
        Table.select()
        .where(engine.among(Table.thread_id, Bind("ids")), _ACTIVE)
        .order_by(Table.created_at, Table.run_id)
    )
)
_CRONS_AT_WORK = Statement(
    lambda engine: Table.select(Table.cron_id).distinct().where(engine.among(Table.cron_id, Bind("ids")), _ACTIVE)
)
_DELETE_OF_THREAD = Statement(lambda _: Table.delete().where(Table.thread_id == Bind("thread_id"), ~Table.hidden))
_HIDDEN = Statement(
    lambda _: (
        Table.select(Table.run_id)
        .where(Table.hidden, Table.ended_at < Bind("before"))
        .order_by(Table.ended_at)
        .limit(Bind("limit"))
    )
)
_FILTERS: search.Filters = {
    "thread_id": lambda _: (Table.thread_id == Bind("thread_id")) & ~Table.hidden,
    "owner": lambda _: Table.owner == Bind("owner"),
    "status": lambda _: Table.status == Bind("status"),
}
_FOUND = search.each(_FILTERS)
_SEARCH = search.Search(Table, _FOUND, READER.values)
_ACTIVE_OF_OWNER: Statements[search.Names] = Statements(
    lambda engine, names: Table.select().where(*_FOUND(engine, names), _ACTIVE).order_by(Table.created_at, Table.run_id)
)


class Runs:
    """Implements RunStore."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def insert_many(self, runs: Sequence[Run]) -> None:
        self._connection.put_rows(INSERT, [row(run) for run in runs])

    def get(self, owner: str, thread_id: str, run_id: str, *, hidden: bool = False) -> Run | None:
        run = self.find(run_id)
        if run is None or (run.owner, run.thread_id) != (owner, thread_id) or (run.hidden and not hidden):
            return None
        return run

    def find(self, run_id: str) -> Run | None:
        self._connection.lock(locks.THREAD_OF_RUN, id=run_id)
        row = self._connection.first(_FIND, id=run_id)
        return None if row is None else READER.value(row)

    def list(self, owner: str, thread_id: str, query: RunQuery, window: Window) -> Sequence[Run]:
        values = search.given(thread_id=thread_id, owner=owner, status=query.status and query.status.value)
        return _SEARCH.items(self._connection, values, window)

    def active(self, thread_ids: Sequence[str]) -> Sequence[Run]:
        ids = self._connection.engine.several(thread_ids)
        self._connection.lock(locks.THREADS, ids=ids)
        return [READER.value(row) for row in self._connection.rows(_ACTIVE_OF_THREADS, ids=ids)]

    def active_of_owner(self, owner: str, status: RunStatus | None) -> Sequence[Run]:
        values = search.given(owner=owner, status=status and status.value)
        return READER.values(self._connection.rows(_ACTIVE_OF_OWNER.of(tuple(values)), **values))

    def crons_at_work(self, cron_ids: Sequence[str]) -> Set[str]:
        ids = self._connection.engine.several(cron_ids)
        return {cron_id for (cron_id,) in self._connection.rows(_CRONS_AT_WORK, ids=ids)}

    def save(self, run: Run) -> None:
        self._connection.put(_SAVE, **dict(zip(_COLUMNS, row(run), strict=True)))

    def delete(self, run_id: str) -> bool:
        return self._connection.change(_DELETE, id=run_id) == 1

    def delete_of_thread(self, thread_id: str) -> Sequence[str]:
        active = [run.run_id for run in self.active([thread_id])]
        self._connection.put(_DELETE_OF_THREAD, thread_id=thread_id)
        return active

    def claim(
        self, worker: str, now: datetime, lease_until: datetime, limit: int, graphs: Sequence[str]
    ) -> Sequence[Run]:
        wanted = {"now": stored(now), "graphs": self._connection.engine.several(graphs)}
        lease = {"worker": worker, "lease_until": stored(lease_until), **wanted}
        if self._connection.engine.exclusive:
            rows = self._connection.rows(claims.CLAIM, limit=limit, **lease)
        else:
            ids = [run_id for (run_id,) in self._connection.rows(claims.FREE, limit=limit, **wanted)]
            rows = self._connection.rows(claims.CLAIM_FREE, ids=ids, **lease) if ids else []
        claimed = [READER.value(row) for row in rows]
        return sorted(claimed, key=lambda run: (run.created_at, run.run_id))

    def lost(self, now: datetime) -> Sequence[Run]:
        engine = self._connection.engine
        rows = self._connection.rows(claims.LOST if engine.exclusive else claims.LOST_FREE, now=stored(now))
        if rows and not engine.exclusive:
            ids = engine.several([run_id for (run_id,) in rows])
            rows = self._connection.rows(claims.LOST_STILL, ids=ids, now=stored(now))
        return [READER.value(row) for row in rows]

    def renew(self, worker: str, held: Mapping[str, int], lease_until: datetime) -> None:
        leases = [(stored(lease_until), run_id, attempt, worker) for run_id, attempt in held.items()]
        self._connection.put_each(claims.RENEW, leases)

    def release(self, lease_until: datetime) -> int:
        return self._connection.change(claims.RELEASE, lease_until=stored(lease_until))

    def left(self, now: datetime, graphs: Sequence[str]) -> bool:
        """Whether there is a run to be claimed that `claim` passed over."""
        if self._connection.engine.exclusive:
            return False  # it passes over none
        loaded_here = self._connection.engine.several(graphs)
        return self._connection.first(claims.LEFT, now=stored(now), graphs=loaded_here) is not None

    def stranded(self, since: datetime, now: datetime, graphs: Sequence[str]) -> Sequence[str]:
        loaded_here = self._connection.engine.several(graphs)
        rows = self._connection.rows(claims.STRANDED, since=stored(since), now=stored(now), graphs=loaded_here)
        return sorted(str(graph_id) for (graph_id,) in rows)

    def held(self, worker: str) -> Mapping[str, tuple[int, CancelAction | None]]:
        rows = self._connection.rows(claims.HELD, worker=worker)
        return {run_id: (attempt, _wish(cancel)) for run_id, attempt, cancel in rows}

    def end(self, run: Run) -> bool:
        return self._connection.change(_END, **dict(zip(_COLUMNS, row(run), strict=True))) == 1

    def next_available(self, now: datetime) -> datetime | None:
        """Strictly after now: what is available at this instant is for `claim`."""
        instants = [
            self._connection.rows(each, now=stored(now))[0][0] for each in (claims.NEXT_DELAYED, claims.NEXT_LEASE_END)
        ]
        return min(filter(None, map(nearest, instants)), default=None)

    def delete_hidden(self, ended_before: datetime, limit: int) -> int:
        rows = self._connection.rows(_HIDDEN, before=stored(ended_before), limit=limit)
        return self._connection.change_each(_DELETE, rows)


def _wish(cancel: str | None) -> CancelAction | None:
    """A word that is none stands for the wish that undoes nothing."""
    if cancel is None:
        return None
    return CancelAction(cancel) if cancel in set(CancelAction) else CancelAction.INTERRUPT
