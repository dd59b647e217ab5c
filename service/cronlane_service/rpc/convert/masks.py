"""Which fields an update changes."""

from __future__ import annotations

from typing import TypeVar

from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.message import Message

from cronlane_service.domain.errors import InvalidField

M = TypeVar("M", bound=Message)


def changes(resource: M, mask: FieldMask, never: frozenset[str]) -> tuple[frozenset[str], M]:
    """The fields to be changed, and a copy of the resource that has only these.

    They are those of the mask, or with none those that are set, of which ``never`` are no wish to change anything: a
    resource that was read and is sent back carries them.
    """
    fields = resource.DESCRIPTOR.fields_by_name
    for path in mask.paths:
        if path not in fields:
            raise InvalidField("update_mask", f"{path} is not one of {', '.join(fields)}")
    present = frozenset(field.name for field, _ in resource.ListFields())
    named = frozenset(mask.paths) or present - never
    wanted = type(resource)()
    wanted.CopyFrom(resource)
    for name in present - named:
        wanted.ClearField(name)
    return named, wanted
