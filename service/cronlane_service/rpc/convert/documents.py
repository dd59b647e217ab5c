"""The Json message and the text it stands for."""

from __future__ import annotations

import math
from typing import Any

from google.protobuf.message import Message
from google.protobuf.struct_pb2 import Value

from cronlane.v1.common_pb2 import Json
from cronlane_service.domain import jsontext
from cronlane_service.domain.errors import InvalidField

_EXACT = 2**53
"""Up to here a double holds every whole number."""


def text(message: Message, field: str) -> str | None:
    """The text of a Json field, None when it is absent. What it must be, its use case checks."""
    return said(field, getattr(message, field)) if message.HasField(field) else None


def said(field: str, document: Json) -> str:
    """The same of the field's value."""
    if sent := document.text:
        return sent
    if document.WhichOneof("kind") != "value":
        raise InvalidField(field, "must have a text that is not empty, or a value")
    return jsontext.dump(_plain(document.value, field))


Inner: Any = dict
"""A message within another one, as the constructor of that takes it; one of its own costs twice as much."""


def document(text: str | None) -> Any:
    """A Json with this text; None when there is none."""
    return None if text is None else Inner(text=text)


def _plain(value: Value, field: str) -> Any:
    match value.WhichOneof("kind"):
        case "null_value":
            return None
        case "number_value":
            return _number(value.number_value, field)
        case "string_value":
            return value.string_value
        case "bool_value":
            return value.bool_value
        case "list_value":
            return [_plain(item, field) for item in value.list_value.values]
        case "struct_value":
            # A map of protobuf has no order of its own: equal requests must come to equal texts.
            members = sorted(value.struct_value.fields.items())
            return {name: _plain(member, field) for name, member in members}
        case _:
            raise InvalidField(field, "holds a value of no kind")


def _number(number: float, field: str) -> int | float:
    if not math.isfinite(number):
        raise InvalidField(field, "NaN and Infinity are not JSON")
    return int(number) if number.is_integer() and abs(number) <= _EXACT else number
