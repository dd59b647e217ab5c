"""Webhooks in the database until they are delivered."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import peewee

from cronlane_service.domain.webhooks import Webhook
from cronlane_service.store.connection import Connection
from cronlane_service.store.instants import loaded, stored
from cronlane_service.store.reading import Reader, nearest, number
from cronlane_service.store.run_tables import WebhookTable as Table
from cronlane_service.store.statements import Bind, Row, Statement, insert, one_more

_Due = Table.alias()

_INSERT = insert(Table, ignore_taken=True)
_CLAIM = Statement(
    lambda engine: (
        Table.update({Table.attempts: one_more(Table.attempts), Table.next_attempt_at: Bind("lease_until")})
        .where(
            Table.run_id.in_(
                engine.claimed(
                    _Due.select(_Due.run_id)
                    .where(_Due.next_attempt_at <= Bind("now"))
                    .order_by(_Due.next_attempt_at, _Due.run_id)
                    .limit(Bind("limit")),
                    _Due,
                )
            )
        )
        .returning(Table)
    )
)
# The number of the attempt says whose claim it is.
_CLAIMED = (Table.run_id == Bind("id")) & (Table.attempts == Bind("attempts"))
_PUT_OFF = Statement(
    lambda _: Table.update({Table.next_attempt_at: Bind("next"), Table.last_error: Bind("problem")}).where(_CLAIMED)
)
_DELETE = Statement(lambda _: Table.delete().where(_CLAIMED))
_RELEASE = Statement(
    lambda _: Table.update({Table.next_attempt_at: Bind("now")}).where(Table.next_attempt_at > Bind("now"))
)
_NEXT = Statement(lambda _: Table.select(peewee.fn.min(Table.next_attempt_at)))


class Webhooks:
    """Implements WebhookStore."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def insert(self, webhook: Webhook) -> None:
        self._connection.put_each(_INSERT, [_row(webhook)])

    def claim(self, now: datetime, lease_until: datetime, limit: int) -> Sequence[Webhook]:
        rows = self._connection.rows(_CLAIM, now=stored(now), lease_until=stored(lease_until), limit=limit)
        return sorted(map(_READER.value, rows), key=lambda webhook: (webhook.created_at, webhook.run_id))

    def put_off(self, webhook: Webhook, until: datetime, problem: str | None) -> None:
        self._connection.put(
            _PUT_OFF, id=webhook.run_id, attempts=webhook.attempts, next=stored(until), problem=problem
        )

    def delete(self, webhook: Webhook) -> None:
        self._connection.put(_DELETE, id=webhook.run_id, attempts=webhook.attempts)

    def release(self, now: datetime) -> int:
        return self._connection.change(_RELEASE, now=stored(now))

    def next_due(self) -> datetime | None:
        [(instant,)] = self._connection.rows(_NEXT)
        return nearest(instant)


def _row(webhook: Webhook) -> Row:
    return (
        webhook.run_id,
        webhook.owner,
        webhook.url,
        webhook.body,
        webhook.attempts,
        stored(webhook.next_attempt_at),
        webhook.last_error,
        stored(webhook.created_at),
    )


def _webhook(row: Row) -> Webhook:
    run_id, owner, url, body, attempts, next_attempt_at, last_error, created_at = row
    return Webhook(run_id, owner, url, body, loaded(created_at), loaded(next_attempt_at), attempts, last_error)


_READER = Reader(
    Table,
    _webhook,
    {**dict.fromkeys(("created_at", "next_attempt_at"), (loaded, 0)), "attempts": (number, 1)},
)
