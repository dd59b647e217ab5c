"""Timestamps and Durations, in microseconds, to aware datetimes and spans, and back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from cronlane_service.domain.errors import InvalidField

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NANOS = 1_000_000_000


def instant(message: Message, field: str) -> datetime | None:
    """What a Timestamp field says, to the microsecond; None when it is absent."""
    if not message.HasField(field):
        return None
    return moment(field, getattr(message, field))


def moment(field: str, sent: Timestamp) -> datetime:
    """The same of the field's value."""
    try:
        if not 0 <= sent.nanos < _NANOS:
            raise OverflowError
        return _EPOCH + timedelta(seconds=sent.seconds, microseconds=sent.nanos // 1000)
    except OverflowError:
        raise InvalidField(field, "must be a time from 0001-01-01T00:00:00Z to 9999-12-31T23:59:59Z") from None


@lru_cache(maxsize=8192)
def timestamp(instant: datetime | None) -> Any:
    """As the constructor of a message takes it; that of a Timestamp of its own costs three times as much."""
    if instant is None:
        return None
    since = instant - _EPOCH
    return {"seconds": since.days * 86400 + since.seconds, "nanos": since.microseconds * 1000}


def span(message: Message, field: str) -> timedelta:
    """What a Duration field says, to the microsecond; 0 when it is absent."""
    sent: Duration = getattr(message, field)
    try:
        if abs(sent.nanos) >= _NANOS or sent.seconds * sent.nanos < 0:
            raise OverflowError
        return timedelta(seconds=sent.seconds, microseconds=sent.nanos / 1000)
    except OverflowError:
        raise InvalidField(field, "is not a duration that can be kept") from None
