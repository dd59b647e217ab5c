"""What the descriptors say of a field, and the few words in which the platform's JSON differs from them."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, auto
from functools import cache
from typing import Any

from google.api import field_behavior_pb2
from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor
from google.protobuf.message import Message

# Fields that a JSON client cannot set by a member of that name: the path names the thread, the others are gRPC's own.
_NOT_MEMBERS: Mapping[str, frozenset[str]] = {
    "cronlane.v1.Cron": frozenset({"thread_id", "etag", "extra"}),
    "cronlane.v1.Thread": frozenset({"thread_id", "etag"}),
    "cronlane.v1.Assistant": frozenset({"etag"}),
}
# Fields for which null is accepted, and means what leaving them out means.
NULLABLE = frozenset(
    {
        "cronlane.v1.RunSpec.input",
        "cronlane.v1.RunSpec.command",
        "cronlane.v1.RunSpec.checkpoint_id",
        "cronlane.v1.RunSpec.on_completion",
        "cronlane.v1.RunSpec.on_disconnect",
        "cronlane.v1.Cron.multitask_strategy",
        "cronlane.v1.CreateAssistantRequest.description",
        "cronlane.v1.UpdateThreadStateRequest.values",
        "cronlane.v1.StateUpdate.values",
        "cronlane.v1.StateUpdate.command",
        "cronlane.v1.Checkpoint.thread_id",
        "cronlane.v1.Checkpoint.checkpoint_ns",
        "cronlane.v1.Checkpoint.checkpoint_id",
        "cronlane.v1.Checkpoint.checkpoint_map",
        "cronlane.v1.PutItemRequest.index",
        "cronlane.v1.PutItemRequest.ttl",
        "cronlane.v1.SearchItemsRequest.namespace_prefix",
        "cronlane.v1.SearchItemsRequest.filter",
        "cronlane.v1.SearchItemsRequest.query",
        "cronlane.v1.SearchItemsRequest.refresh_ttl",
    }
)
# Objects that JSON clients send as members.
_SENT = frozenset(
    {
        "cronlane.v1.Every",
        "cronlane.v1.DstPolicy",
        "cronlane.v1.Checkpoint",
        "cronlane.v1.Superstep",
        "cronlane.v1.StateUpdate",
    }
)
# Lists that a query writes as one word with dots.
DOTTED = frozenset({"cronlane.v1.GetItemRequest.namespace"})
# Numbers of levels, for which JSON clients may also say true (-1 here: all of them) and false (0: none).
LEVELS = frozenset({"cronlane.v1.GetGraphRequest.xray"})
# Times that are written without a fraction.
WHOLE_SECONDS = frozenset({"cronlane.v1.Cron.next_run_date"})
# Enums whose words have dashes where their names have underscores.
_DASHED = frozenset({"cronlane.v1.StreamMode"})


class Kind(Enum):
    """How a field is written in JSON."""

    JSON = auto()
    TIME = auto()
    SPAN = auto()
    OBJECT = auto()
    MAP = auto()  # of strings, by name
    WORD = auto()
    STRING = auto()
    BOOLEAN = auto()
    INTEGER = auto()
    NUMBER = auto()


_MESSAGES = {
    "cronlane.v1.Json": Kind.JSON,
    "google.protobuf.Timestamp": Kind.TIME,
    "google.protobuf.Duration": Kind.SPAN,
}
_SCALARS = {
    FieldDescriptor.TYPE_ENUM: Kind.WORD,
    FieldDescriptor.TYPE_STRING: Kind.STRING,
    FieldDescriptor.TYPE_BOOL: Kind.BOOLEAN,
    FieldDescriptor.TYPE_INT32: Kind.INTEGER,
    FieldDescriptor.TYPE_INT64: Kind.INTEGER,
    FieldDescriptor.TYPE_DOUBLE: Kind.NUMBER,
}


def fields(message: Message) -> Mapping[str, FieldDescriptor]:
    """By name, in their order."""
    return _by_name(message.DESCRIPTOR)


@cache
def _by_name(message: Any) -> Mapping[str, FieldDescriptor]:
    return {field.name: field for field in message.fields}


@cache
def kind(field: FieldDescriptor) -> Kind:
    if field.message_type is not None:
        if field.message_type.GetOptions().map_entry:
            return Kind.MAP
        return _MESSAGES.get(field.message_type.full_name, Kind.OBJECT)
    return _SCALARS[field.type]


@cache
def words(enum: EnumDescriptor) -> Mapping[str, int]:
    """The words of an enum and their numbers: names without the prefix, in lower case, without the unspecified one."""
    prefix = len(enum.values_by_number[0].name) - len("UNSPECIFIED")
    found = {value.name[prefix:].lower(): value.number for value in enum.values if value.number}
    return {word.replace("_", "-"): n for word, n in found.items()} if enum.full_name in _DASHED else found


@cache
def settable(message: Descriptor) -> Mapping[str, FieldDescriptor]:
    """The fields that a JSON object can fill, by name."""
    without = _NOT_MEMBERS.get(message.full_name, frozenset())
    return {
        field.name: field
        for field in message.fields
        if field.name not in without and _can_be_sent(field) and not _made_by_the_service(field)
    }


def _can_be_sent(field: FieldDescriptor) -> bool:
    return kind(field) is not Kind.OBJECT or (field.message_type is not None and field.message_type.full_name in _SENT)


def _made_by_the_service(field: FieldDescriptor) -> bool:
    return bool({field_behavior_pb2.OUTPUT_ONLY, field_behavior_pb2.IDENTIFIER} & _behavior(field))


def required_field(field: FieldDescriptor) -> bool:
    return field_behavior_pb2.REQUIRED in _behavior(field)


def _behavior(field: FieldDescriptor) -> set[int]:
    return set(field.GetOptions().Extensions[field_behavior_pb2.field_behavior])
