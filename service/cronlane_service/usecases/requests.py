"""Requests that carry an id of the caller's making: sent twice, done once."""

from __future__ import annotations

import hashlib
from datetime import datetime

from cronlane_service.domain import ids
from cronlane_service.domain.ports import Transaction


class Request:
    """One such request."""

    def __init__(self, tx: Transaction, owner: str, request_id: str, *asked: object) -> None:
        self._tx, self._owner, self._id, self._asked = tx, owner, ids.parse("request", request_id), asked

    def done(self) -> str | None:
        """The id of what it made before. Raises RequestIdReused when that was another request."""
        return self._tx.requests.seen(self._owner, self._id, self._fingerprint())

    def record(self, resource_id: str, now: datetime) -> None:
        self._tx.requests.insert(self._owner, self._id, self._fingerprint(), resource_id, now)

    def _fingerprint(self) -> str:
        return hashlib.sha256(repr(self._asked).encode("utf-8", "surrogatepass")).hexdigest()
