"""JSON text into messages, strictly: a field takes only what its type says."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from json.decoder import scanstring  # type: ignore[attr-defined]
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from google.protobuf.timestamp_pb2 import Timestamp

from cronlane import _json
from cronlane._fields import NULLABLE, Kind, kind, settable, words
from cronlane.errors import InvalidRequest
from cronlane.v1.common_pb2 import Json

_INTEGER = re.compile(r"-?(0|[1-9][0-9]*)")
_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_Filler = Callable[[Message, str], None]
_LONGEST_SPAN = 315_576_000_000  # seconds, by google.protobuf.Duration


class NotAnObject(InvalidRequest):
    """The text is not JSON, or not an object."""


@dataclass(frozen=True, slots=True)
class Members:
    """The members of a JSON object by name, as they were written: those that filled a field, and the others."""

    taken: dict[str, str]
    left: dict[str, str]


def decode(text: str, message: Message, *, ignore: Collection[str] = (), clears: Collection[str] = ()) -> Members:
    """Fills a message from a JSON object.

    Members named in ``ignore`` fill nothing; ``null`` leaves a field named in ``clears`` unset. Raises InvalidRequest.
    """
    try:
        found = _json.members(text)
    except ValueError as error:
        raise NotAnObject(str(error)) from None
    fillers = _fillers(message.DESCRIPTOR)
    taken: dict[str, str] = {}
    left: dict[str, str] = {}
    try:
        for name, member in found.items():
            if name not in fillers or name in ignore:
                left[name] = member
                continue
            taken[name] = member
            fill, nullable = fillers[name]
            if member != "null" or not (nullable or name in clears):
                fill(message, member)
    except ValueError as error:
        raise InvalidRequest.of(name, str(error)) from None
    return Members(taken, left)


def assign(message: Message, field: FieldDescriptor, text: str) -> None:
    """Gives one field the value that a JSON text writes. Raises InvalidRequest naming the field."""
    try:
        _filler(field)(message, text)
    except ValueError as error:
        raise InvalidRequest.of(field.name, str(error)) from None


@cache
def _fillers(message: Any) -> Mapping[str, tuple[_Filler, bool]]:
    """By name what fills a field, and whether null leaves it as it is: found once, so that no request need ask."""
    return {name: (_filler(field), field.full_name in NULLABLE) for name, field in settable(message).items()}


@cache
def _filler(field: FieldDescriptor) -> _Filler:
    name = field.name
    if kind(field) is Kind.MAP:
        return lambda message, text: getattr(message, name).update(_named(field, text))
    if field.is_repeated:
        return lambda message, text: getattr(message, name).extend(_several(field, text))
    read = _READERS[kind(field)]
    if field.message_type is not None:
        return lambda message, text: getattr(message, name).CopyFrom(read(field, text))
    return lambda message, text: setattr(message, name, read(field, text))


def _several(field: FieldDescriptor, text: str) -> list[Any]:
    """A list, or one value in the place of a list of one."""
    texts = _json.elements(text) if text.startswith("[") else [text]
    return [_READERS[kind(field)](field, each) for each in texts]


def _named(field: FieldDescriptor, text: str) -> dict[str, str]:
    if not text.startswith("{"):
        raise ValueError("must be an object")
    return {name: _string(field, each) for name, each in _json.members(text).items()}


def _object(field: FieldDescriptor, text: str) -> Message:
    if not text.startswith("{"):
        raise ValueError("must be an object")
    assert field.message_type is not None
    message: Message = GetMessageClass(field.message_type)()
    try:
        decode(text, message)
    except InvalidRequest as error:
        [wrong] = error.fields
        raise InvalidRequest.of(f"{field.name}.{wrong.field}", wrong.description) from None
    return message


def _json_text(_: FieldDescriptor, text: str) -> Json:
    if text == "null":
        raise ValueError("must not be null")
    return Json(text=text)


def _string(_: FieldDescriptor, text: str) -> str:
    if not text.startswith('"'):
        raise ValueError("must be a string")
    value: str = scanstring(text, 1, True)[0]
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ValueError("must not hold half a surrogate pair") from None
    return value


def _word(field: FieldDescriptor, text: str) -> int:
    known = words(field.enum_type)
    value = scanstring(text, 1, True)[0] if text.startswith('"') else ""
    if value not in known:
        raise ValueError(f"must be one of {', '.join(known)}")
    return known[value]


def _boolean(_: FieldDescriptor, text: str) -> bool:
    if text not in ("true", "false"):
        raise ValueError("must be true or false")
    return text == "true"


def _integer(field: FieldDescriptor, text: str) -> int:
    if not _INTEGER.fullmatch(text):
        raise ValueError("must be an integer")
    bits = 64 if field.type == FieldDescriptor.TYPE_INT64 else 32
    if len(text) > 20 or not -(2 ** (bits - 1)) <= int(text) < 2 ** (bits - 1):
        raise ValueError(f"must be an integer of {bits} bits")
    return int(text)


def _number(_: FieldDescriptor, text: str) -> float:
    if not _NUMBER.fullmatch(text):
        raise ValueError("must be a number")
    return float(text)


def _time(field: FieldDescriptor, text: str) -> Timestamp:
    written = _string(field, text)
    try:
        instant = datetime.fromisoformat(written)
        instant = instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("must be an ISO 8601 date and time") from None
    time = Timestamp()
    time.FromDatetime(instant)
    return time


def _span(_: FieldDescriptor, text: str) -> Duration:
    if not _NUMBER.fullmatch(text):
        raise ValueError("must be a number of seconds")
    seconds = Decimal(text)
    if seconds.copy_abs() > _LONGEST_SPAN:  # abs() would overflow
        raise ValueError("is too long")
    nanos = int(seconds * 10**9)
    whole = int(seconds)
    return Duration(seconds=whole, nanos=nanos - whole * 10**9)


_READERS: Mapping[Kind, Callable[[FieldDescriptor, str], Any]] = {
    Kind.JSON: _json_text,
    Kind.OBJECT: _object,
    Kind.TIME: _time,
    Kind.SPAN: _span,
    Kind.WORD: _word,
    Kind.STRING: _string,
    Kind.BOOLEAN: _boolean,
    Kind.INTEGER: _integer,
    Kind.NUMBER: _number,
}
