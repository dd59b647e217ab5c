"""How instants are stored: whole microseconds since the epoch, in UTC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import overload

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


@overload
def stored(instant: datetime) -> int: ...
@overload
def stored(instant: None) -> None: ...
@lru_cache(maxsize=8192)  # rows have instants in common, with each other and each within itself
def stored(instant: datetime | None) -> int | None:
    """The column's value. Raises TypeError for a datetime without a zone."""
    return None if instant is None else (instant - _EPOCH) // MICROSECOND


@overload
def loaded(column: int) -> datetime: ...
@overload
def loaded(column: None) -> None: ...
@lru_cache(maxsize=8192)
def loaded(column: int | None) -> datetime | None:
    """The instant a column's value stands for."""
    return None if column is None else _EPOCH + timedelta(microseconds=column)
