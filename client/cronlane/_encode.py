"""Messages into JSON text, every field present in the order of the descriptor."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC
from decimal import Decimal
from typing import Any

from google.protobuf import json_format
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from cronlane import _json
from cronlane._fields import WHOLE_SECONDS, Kind, fields, kind, word


def object_text(message: Message) -> str:
    """The object of a message as its descriptor has it."""
    return _json.join({name: field_text(message, field) for name, field in fields(message).items()})


def field_text(message: Message, field: FieldDescriptor) -> str:
    """What a field holds: null when it is absent, a list when it is repeated."""
    value = getattr(message, field.name)
    if field.is_repeated:
        return _json.listed(_WRITERS[kind(field)](field, each) for each in value)
    if field.has_presence and not message.HasField(field.name):
        return "null"
    return _WRITERS[kind(field)](field, value)


def _json_text(_: FieldDescriptor, value: Any) -> str:
    form = value.WhichOneof("kind")
    if form is None:
        return "null"
    return str(value.text) if form == "text" else json_format.MessageToJson(value.value, indent=None)


def _time(field: FieldDescriptor, value: Any) -> str:
    instant = value.ToDatetime(tzinfo=UTC)
    return _json.dump(instant.isoformat(timespec="seconds" if field.full_name in WHOLE_SECONDS else "microseconds"))


def _span(_: FieldDescriptor, value: Any) -> str:
    if not value.nanos:
        return str(value.seconds)
    return f"{value.seconds + Decimal(value.nanos) / 10**9:f}".rstrip("0")


def _word(field: FieldDescriptor, value: Any) -> str:
    return _json.dump(word(field.enum_type, value))


def _object(_: FieldDescriptor, value: Any) -> str:
    return object_text(value)


def _plain(_: FieldDescriptor, value: Any) -> str:
    return _json.dump(value)


_WRITERS: Mapping[Kind, Callable[[FieldDescriptor, Any], str]] = {
    Kind.JSON: _json_text,
    Kind.TIME: _time,
    Kind.SPAN: _span,
    Kind.WORD: _word,
    Kind.OBJECT: _object,
    Kind.STRING: _plain,
    Kind.BOOLEAN: _plain,
    Kind.INTEGER: _plain,
    Kind.NUMBER: _plain,
}
