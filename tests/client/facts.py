"""Values and statuses that tests of the client side share."""

from __future__ import annotations

from google.protobuf import timestamp_pb2
from google.protobuf.message import Message
from google.rpc import code_pb2, error_details_pb2, status_pb2

from cronlane.v1 import common_pb2

ASSISTANT = "fe096781-5601-53d2-b2f6-0d3403f7e9ca"
NOW = timestamp_pb2.Timestamp(seconds=1_795_364_885, nanos=972_293_000)


def json(text: str) -> common_pb2.Json:
    return common_pb2.Json(text=text)


def status(code: int, message: str, reason: str = "", *details: Message) -> status_pb2.Status:
    packed = status_pb2.Status(code=code, message=message)
    if reason:
        packed.details.add().Pack(error_details_pb2.ErrorInfo(reason=reason, domain="cronlane", metadata={"a": "b"}))
    for detail in details:
        packed.details.add().Pack(detail)
    return packed


def missing(kind: str, name: str) -> status_pb2.Status:
    return status(code_pb2.NOT_FOUND, f"{kind} with ID {name} not found", "NOT_FOUND")
