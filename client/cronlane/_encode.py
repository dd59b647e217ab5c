"""Messages into JSON text, every field present in the order of the descriptor."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from operator import attrgetter
from typing import Any, TypeAlias, cast

from google.protobuf import json_format
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from cronlane import _json
from cronlane._fields import WHOLE_SECONDS, Kind, kind, words

Text: TypeAlias = "Callable[[Any], str]"
"""Writes a value, or a field of the message that it is given."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def object_text(message: Message) -> str:
    """The object of a message as its descriptor has it."""
    return _object(message)


def field_text(message: Message, field: FieldDescriptor) -> str:
    """What a field holds: null when it is absent, a list when it is repeated."""
    return writer(field)(message)


@cache
def writer(field: FieldDescriptor) -> Text:
    """Writes this field of a message. Found once for each field, so that a message is written with no questions."""
    name, value, write = field.name, attrgetter(field.name), _WRITERS[kind(field)](field)
    if field.is_repeated:
        return lambda message: _json.listed([write(each) for each in value(message)])
    if field.has_presence:
        return lambda message: write(value(message)) if message.HasField(name) else "null"
    return lambda message: write(value(message))


@cache
def _members(message: Descriptor) -> tuple[tuple[str, Text], ...]:
    """The beginning of each member, and what writes the rest of it."""
    return tuple((f"{_json.quoted(field.name)}:", writer(field)) for field in message.fields)


def _object(message: Message) -> str:
    members = _members(cast(Descriptor, message.DESCRIPTOR))
    return "{" + ",".join([begin + write(message) for begin, write in members]) + "}"


def _json_text(value: Any) -> str:
    form = value.WhichOneof("kind")
    if form == "text":
        return str(value.text)
    return "null" if form is None else json_format.MessageToJson(value.value, indent=None)


def _seconds(value: Any) -> str:
    return f'"{(_EPOCH + timedelta(0, value.seconds)).isoformat()}"'


def _microseconds(value: Any) -> str:
    instant = _EPOCH + timedelta(0, value.seconds, value.nanos // 1000)
    return f'"{instant.isoformat(timespec="microseconds")}"'


def _span(value: Any) -> str:
    if not value.nanos:
        return str(value.seconds)
    return f"{value.seconds + Decimal(value.nanos) / 10**9:f}".rstrip("0")


def _word(field: FieldDescriptor) -> Text:
    """null: the unspecified one, and those of a newer service."""
    assert field.enum_type is not None
    texts = {number: _json.quoted(word) for word, number in words(field.enum_type).items()}
    return lambda number: texts.get(number, "null")


def _boolean(value: bool) -> str:
    return "true" if value else "false"


_WRITERS: Mapping[Kind, Callable[[FieldDescriptor], Text]] = {
    Kind.JSON: lambda _: _json_text,
    Kind.TIME: lambda field: _seconds if field.full_name in WHOLE_SECONDS else _microseconds,
    Kind.SPAN: lambda _: _span,
    Kind.WORD: _word,
    Kind.OBJECT: lambda _: _object,
    Kind.STRING: lambda _: _json.quoted,
    Kind.BOOLEAN: lambda _: _boolean,
    Kind.INTEGER: lambda _: str,
    Kind.NUMBER: lambda _: _json.dump,
}
