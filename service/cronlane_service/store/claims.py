"""The statements by which workers take up runs and keep them."""

from __future__ import annotations

import peewee

from cronlane_service.store.engine import Engine
from cronlane_service.store.statements import Bind, Statement
from cronlane_service.store.tables import PENDING, RUNNING
from cronlane_service.store.tables import RunTable as Table

_Other = Table.alias()


def _available(run: peewee.ModelAlias[Table] | type[Table]) -> peewee.Node:
    return (run.status == PENDING) & (run.available_at.is_null() | (run.available_at <= Bind("now")))


def _claimable(engine: Engine) -> peewee.ModelSelect[Table]:
    """Pending runs whose turn it is, and running ones whose worker is gone; oldest first."""
    same_thread = _Other.thread_id == Table.thread_id
    before = peewee.Tuple(_Other.created_at, _Other.run_id) < peewee.Tuple(Table.created_at, Table.run_id)
    under_way = _Other.select(peewee.SQL("1")).where(same_thread, _Other.status == RUNNING)
    ahead = _Other.select(peewee.SQL("1")).where(same_thread, _available(_Other), before)
    its_turn = _available(Table) & ~peewee.fn.EXISTS(under_way) & ~peewee.fn.EXISTS(ahead)
    lease_ended = (Table.status == RUNNING) & (Table.lease_until <= Bind("now"))
    active = (Table.status == PENDING) | (Table.status == RUNNING)  # said once more, for the index
    query = Table.select(Table.run_id).where(active, its_turn | lease_ended)
    return engine.claimed(query.order_by(Table.created_at, Table.run_id).limit(Bind("limit")))


CLAIM = Statement(
    lambda engine: (
        Table.update(
            {
                Table.status: RUNNING,
                Table.attempt: Table.attempt + 1,
                Table.worker: Bind("worker"),
                Table.lease_until: Bind("lease_until"),
                Table.started_at: Bind("now"),
                Table.updated_at: Bind("now"),
            }
        )
        .where(Table.run_id.in_(_claimable(engine)))
        .returning(Table)
    )
)
RENEW = Statement(
    lambda _: Table.update({Table.lease_until: Bind("lease_until")}).where(
        Table.run_id == Bind("id"),
        Table.attempt == Bind("attempt"),
        Table.worker == Bind("worker"),
        Table.status == RUNNING,
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
