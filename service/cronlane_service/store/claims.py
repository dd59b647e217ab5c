"""The statements by which workers take up runs and keep them."""

from __future__ import annotations

import peewee

from cronlane_service.store.engine import Engine
from cronlane_service.store.run_tables import PENDING, RUNNING
from cronlane_service.store.run_tables import RunTable as Table
from cronlane_service.store.statements import Bind, Statement, one_more
from cronlane_service.store.tables import ThreadTable

_Other = Table.alias()


def _available(run: peewee.ModelAlias[Table] | type[Table]) -> peewee.Node:
    return (run.status == PENDING) & (run.available_at.is_null() | (run.available_at <= Bind("now")))


def _active(run: peewee.ModelAlias[Table] | type[Table]) -> peewee.Node:
    return (run.status == PENDING) | (run.status == RUNNING)


def _loaded(engine: Engine) -> peewee.Node:
    return engine.among(Table.graph_id, Bind("graphs"))


def _claimable(engine: Engine, *more: peewee.Node) -> peewee.ModelSelect[Table]:
    """Pending runs whose turn it is, and running ones whose worker is gone; of the graphs that are loaded.

    Whose turn it is does not depend on what is loaded: behind a run of another graph, those of its thread wait.
    """
    same_thread = _Other.thread_id == Table.thread_id
    before = peewee.Tuple(_Other.created_at, _Other.run_id) < peewee.Tuple(Table.created_at, Table.run_id)
    under_way = _Other.select(peewee.SQL("1")).where(same_thread, _Other.status == RUNNING)
    ahead = _Other.select(peewee.SQL("1")).where(same_thread, _available(_Other), before)
    of_cron = _Other.select(peewee.SQL("1")).where(_Other.cron_id == Table.cron_id, _active(_Other), before)
    its_turn = (
        _available(Table)
        & ~peewee.fn.EXISTS(under_way)
        & ~peewee.fn.EXISTS(ahead)
        & (~Table.queued | ~peewee.fn.EXISTS(of_cron))
    )
    lease_ended = (Table.status == RUNNING) & (Table.lease_until <= Bind("now"))
    wanted = (_active(Table), _loaded(engine), its_turn | lease_ended, *more)  # active: for the index
    return Table.select(Table.run_id).where(*wanted)


def _first_claimable(engine: Engine) -> peewee.ModelSelect[Table]:
    """Oldest first."""
    return _claimable(engine).order_by(Table.created_at, Table.run_id).limit(Bind("limit"))


def _claiming(run_ids: peewee.ModelSelect[Table]) -> peewee.Query:
    lease = {
        Table.status: RUNNING,
        # That of a run whose worker was lost has its number already, which keeps the lost one from writing.
        Table.attempt: peewee.Case(
            None, [((Table.status == RUNNING) & Table.worker.is_null(), Table.attempt)], one_more(Table.attempt)
        ),
        Table.worker: Bind("worker"),
        Table.lease_until: Bind("lease_until"),
        Table.started_at: Bind("now"),
        Table.updated_at: Bind("now"),
    }
    return Table.update(lease).where(Table.run_id.in_(run_ids)).returning(Table)


CLAIM = Statement(lambda engine: _claiming(_first_claimable(engine)))
# Where several servers claim: first the runs that nobody else is at are locked, with their threads. What was committed
# while that statement went on it did not see; so whether they can be claimed is asked once more, under the locks.
FREE = Statement(
    lambda engine: engine.claimed(
        _first_claimable(engine).join(ThreadTable, on=(ThreadTable.thread_id == Table.thread_id)), ThreadTable, Table
    )
)
CLAIM_FREE = Statement(lambda engine: _claiming(_claimable(engine, engine.among(Table.run_id, Bind("ids")))))
LEFT = Statement(lambda engine: _claimable(engine).limit(1))
STRANDED = Statement(
    lambda engine: (
        Table.select(Table.graph_id)
        .distinct()
        .where(
            Table.status == PENDING,
            _available(Table),
            Table.created_at <= Bind("since"),
            peewee.NodeList((peewee.SQL("NOT"), _loaded(engine))),
        )
    )
)

_LOST = (Table.status == RUNNING) & (Table.lease_until <= Bind("now")) & Table.worker.is_null(False)
LOST = Statement(lambda _: Table.select().where(_LOST))
# Where several servers look: as above.
LOST_FREE = Statement(
    lambda engine: engine.claimed(
        Table.select(Table.run_id).join(ThreadTable, on=(ThreadTable.thread_id == Table.thread_id)).where(_LOST),
        ThreadTable,
        Table,
    )
)
LOST_STILL = Statement(lambda engine: Table.select().where(engine.among(Table.run_id, Bind("ids")), _LOST))

RENEW = Statement(
    lambda engine: Table.update({Table.lease_until: Bind("lease_until")}).where(
        Table.run_id.in_(
            # One that somebody else is changing gets its next renewal: a lease never waits.
            engine.claimed(
                _Other.select(_Other.run_id).where(
                    _Other.run_id == Bind("id"),
                    _Other.attempt == Bind("attempt"),
                    _Other.worker == Bind("worker"),
                    _Other.status == RUNNING,
                ),
                _Other,
            )
        )
    )
)
RELEASE = Statement(lambda _: Table.update({Table.lease_until: Bind("lease_until")}).where(Table.status == RUNNING))
HELD = Statement(
    lambda _: Table.select(Table.run_id, Table.attempt, Table.cancel).where(
        Table.status == RUNNING, Table.worker == Bind("worker")
    )
)
NEXT_DELAYED = Statement(
    lambda _: Table.select(peewee.fn.min(Table.available_at)).where(
        Table.status == PENDING, Table.available_at > Bind("now")
    )
)
NEXT_LEASE_END = Statement(
    lambda _: Table.select(peewee.fn.min(Table.lease_until)).where(
        Table.status == RUNNING, Table.lease_until > Bind("now")
    )
)
