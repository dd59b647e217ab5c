"""Requests about threads, where the platform's JSON is more than the fields of a message."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message

from cronlane import _json
from cronlane._decode import assign, decode
from cronlane._encode import field_text
from cronlane._fields import fields
from cronlane.errors import InvalidRequest
from cronlane.v1.thread_states_pb2 import Checkpoint, GetThreadHistoryRequest, GetThreadStateRequest
from cronlane.v1.threads_pb2 import CreateThreadRequest, PruneThreadsRequest, Thread, ThreadTtl

_OF_THE_PATH = ("thread_id",)
_LONGEST = 10**9  # minutes
_TTL = ThreadTtl.DESCRIPTOR.fields_by_name


def thread_to_create(text: str) -> CreateThreadRequest:
    request = CreateThreadRequest()
    _fill_ttl(request, decode(text, request).left)
    return request


def thread_to_update(text: str) -> tuple[Thread, list[str]]:
    """The new values and the names of the fields to change."""
    thread = Thread()
    found = decode(text, thread)
    return thread, [*found.taken, *_fill_ttl(thread, found.left)]


def _fill_ttl(message: CreateThreadRequest | Thread, members: Any) -> list[str]:
    """From a number of minutes, or ``{ttl, strategy}``."""
    text = members.get("ttl")
    if text is None:
        return []
    parts = _json.members(text) if text.startswith("{") else {"ttl": text}
    message.ttl.SetInParent()
    if "ttl" in parts:
        message.ttl.duration.CopyFrom(_minutes(parts["ttl"]))
    if "strategy" in parts:
        try:
            assign(message.ttl, _TTL["strategy"], parts["strategy"])
        except InvalidRequest as error:
            raise InvalidRequest.of("ttl.strategy", error.fields[0].description) from None
    return ["ttl"]


def _minutes(text: str) -> Duration:
    number = json.loads(text, parse_int=Decimal, parse_float=Decimal)
    if not isinstance(number, Decimal) or abs(number) > _LONGEST:
        raise InvalidRequest.of("ttl", "must be a number of minutes, or an object with one as ttl")
    microseconds = int(number * 60_000_000)
    duration = Duration()
    duration.FromMicroseconds(microseconds)
    return duration


def prune_request(text: str) -> PruneThreadsRequest:
    request = PruneThreadsRequest()
    if "thread_ids" not in decode(text, request).taken:
        raise InvalidRequest.of("thread_ids", "is required")
    return request


def state_request(text: str) -> GetThreadStateRequest:
    """A state at a checkpoint, which may be that of a subgraph."""
    request = GetThreadStateRequest()
    decode(text, request, ignore=(*_OF_THE_PATH, "checkpoint_id"))
    if not request.HasField("checkpoint"):
        raise InvalidRequest.of("checkpoint", "is required")
    return request


def history_request(text: str) -> GetThreadHistoryRequest:
    """``before`` is an id, a checkpoint, or a config with one as ``configurable``."""
    request = GetThreadHistoryRequest()
    left = decode(text, request, ignore=(*_OF_THE_PATH, "before")).left
    before = left.get("before")
    if before is not None and before.startswith("{"):
        parts = _json.members(before)
        inner = parts.get("configurable", "")
        before = (_json.members(inner) if inner.startswith("{") else parts).get("checkpoint_id", "null")
    if before is not None and (before != "null" or left["before"] == "null"):
        assign(request, fields(request)["before"], before)
    return request


def checkpoint_text(checkpoint: Checkpoint) -> str:
    """Without a map of the graphs around, where there are none."""
    return _json.join(
        {
            name: field_text(checkpoint, field)
            for name, field in fields(checkpoint).items()
            if name != "checkpoint_map" or checkpoint.HasField("checkpoint_map")
        }
    )


def here_text(message: Any) -> str:
    return checkpoint_text(message.checkpoint) if message.HasField("checkpoint") else "null"


def parent_text(message: Any) -> str:
    return checkpoint_text(message.parent_checkpoint) if message.HasField("parent_checkpoint") else "null"


def id_text(message: Any) -> str:
    return _json.dump(message.checkpoint.checkpoint_id)


def extracted_text(thread: Message) -> str | None:
    return field_text(thread, fields(thread)["extracted"]) if thread.HasField("extracted") else None
