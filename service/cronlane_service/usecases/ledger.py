"""The ledger: what became of each tick, as callers read it."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from cronlane_service.domain import ids
from cronlane_service.domain.errors import InvalidField, NotFound
from cronlane_service.domain.models import Tick
from cronlane_service.domain.ports import Transaction
from cronlane_service.domain.queries import TickQuery

MOST = 1000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class TickPage:
    """Oldest first; ``next_token`` is "" on the last page."""

    ticks: Sequence[Tick]
    next_token: str


class Ledger:
    """Reads the ticks of crons, also of those that were deleted."""

    def list(self, tx: Transaction, owner: str, cron_id: str, query: TickQuery, size: int, token: str) -> TickPage:
        """Raises NotFound for a cron that never was, or of which nothing is kept any more."""
        cron_id = ids.parse("cron", cron_id)
        if not 1 <= size <= MOST:
            raise InvalidField("page_size", f"must be from 1 to {MOST}")
        asked = _fingerprint(cron_id, query)
        wanted = replace(query, start=_instant(token, asked)) if token else query
        found = tx.ticks.list(owner, cron_id, wanted, size + 1)
        if not found and not self._known(tx, owner, cron_id):
            raise NotFound("cron", cron_id, f"Cron '{cron_id}' not found")
        return TickPage(found[:size], _token(found[size].scheduled_for, asked) if len(found) > size else "")

    @staticmethod
    def _known(tx: Transaction, owner: str, cron_id: str) -> bool:
        return tx.crons.get(owner, cron_id) is not None or bool(tx.ticks.list(owner, cron_id, TickQuery(), 1))


def _fingerprint(cron_id: str, query: TickQuery) -> str:
    return hashlib.sha256(repr((cron_id, query)).encode()).hexdigest()[:8]


def _token(instant: datetime, asked: str) -> str:
    """Names the first tick of the next page, and what was asked."""
    return base64.urlsafe_b64encode(f"{asked}{(instant - _EPOCH) // _MICROSECOND}".encode()).decode()


def _instant(token: str, asked: str) -> datetime:
    try:
        text = base64.urlsafe_b64decode(token.encode()).decode("ascii")
        if not text.startswith(asked):
            raise ValueError(text)
        return _EPOCH + int(text.removeprefix(asked)) * _MICROSECOND
    except (binascii.Error, ValueError, OverflowError):
        raise InvalidField("page_token", "is not one that was answered to this request") from None
