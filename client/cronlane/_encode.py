"""Messages into JSON text, every field present in the order of the descriptor."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache, lru_cache
from json.encoder import encode_basestring_ascii
from typing import Any, NamedTuple, TypeAlias

from google.protobuf import json_format
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from cronlane import _json
from cronlane._fields import WHOLE_SECONDS, Kind, kind, words

Text: TypeAlias = "Callable[[Any], str]"
"""Writes the value of a field."""
Values: TypeAlias = "Mapping[FieldDescriptor, Any]"
"""Of a message: those of the fields that have one."""

_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - what is counted from it is in UTC


class Written(NamedTuple):
    """How a field is written: what writes its value, and its text where it has none."""

    write: Text
    blank: str


def object_text(message: Message) -> str:
    """The object of a message as its descriptor has it."""
    return _object(message)


def field_text(message: Message, field: FieldDescriptor) -> str:
    """What a field holds: null when it is absent, a list when it is repeated."""
    return value_text(values(message), field)


def value_text(found: Values, field: FieldDescriptor) -> str:
    """The same, of a message's values."""
    write, blank = written(field)
    return write(found[field]) if field in found else blank


def values(message: Message) -> Values:
    """To list them is quicker than to ask for a few of them by name."""
    return dict(message.ListFields())


@cache
def written(field: FieldDescriptor) -> Written:
    """Found once for each field, so that a message is written with no questions."""
    write = _WRITERS[kind(field)](field)
    if field.is_repeated:
        return Written(lambda several: _json.listed([write(each) for each in several]), "[]")
    return Written(write, "null" if field.has_presence else write(field.default_value))


@cache
def _members(message: Any) -> tuple[tuple[str, FieldDescriptor, Text, str], ...]:
    """The beginning of each member, what writes the rest of it, and the whole of it where there is no value."""
    found = [(f"{_json.quoted(field.name)}:", field, *written(field)) for field in message.fields]
    return tuple((begin, field, write, begin + blank) for begin, field, write, blank in found)


def _object(message: Message) -> str:
    members, found = _members(message.DESCRIPTOR), values(message)
    texts = [begin + write(found[field]) if field in found else blank for begin, field, write, blank in members]
    return "{" + ",".join(texts) + "}"


def _json_text(value: Any) -> str:
    return value.text or _other_text(value)


def _other_text(value: Any) -> str:
    form = value.WhichOneof("kind")
    if form == "text":
        return ""
    return "null" if form is None else json_format.MessageToJson(value.value, indent=None)


@lru_cache(maxsize=4096)  # the same instants are shown again and again
def _second(seconds: int) -> str:
    return (_EPOCH + timedelta(0, seconds)).isoformat()


def _seconds(value: Any) -> str:
    return f'"{_second(value.seconds)}+00:00"'


def _microseconds(value: Any) -> str:
    return f'"{_second(value.seconds)}.{value.nanos // 1000:06d}+00:00"'


def _span(value: Any) -> str:
    if not value.nanos:
        return str(value.seconds)
    return f"{value.seconds + Decimal(value.nanos) / 10**9:f}".rstrip("0")


class _Words(dict[int, str]):
    """null: the unspecified one, and those of a newer service."""

    def __missing__(self, number: int) -> str:
        return "null"


def _word(field: FieldDescriptor) -> Text:
    assert field.enum_type is not None
    return _Words({number: _json.quoted(word) for word, number in words(field.enum_type).items()}).__getitem__


_BOOLEANS = {True: "true", False: "false"}

_WRITERS: Mapping[Kind, Callable[[FieldDescriptor], Text]] = {
    Kind.JSON: lambda _: _json_text,
    Kind.TIME: lambda field: _seconds if field.full_name in WHOLE_SECONDS else _microseconds,
    Kind.SPAN: lambda _: _span,
    Kind.WORD: _word,
    Kind.OBJECT: lambda _: _object,
    Kind.STRING: lambda _: encode_basestring_ascii,
    Kind.BOOLEAN: lambda _: _BOOLEANS.__getitem__,
    Kind.INTEGER: lambda _: str,
    Kind.NUMBER: lambda _: _json.dump,
}
