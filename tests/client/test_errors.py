from __future__ import annotations

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from google.rpc import code_pb2, error_details_pb2

import cronlane
from client.facts import status
from client.stored_service import StoredService
from cronlane.errors import CronlaneError, FieldViolation, from_rpc_error


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("INVALID_ARGUMENT", cronlane.InvalidRequest),
        ("OUT_OF_RANGE", cronlane.InvalidRequest),
        ("UNAUTHENTICATED", cronlane.Unauthenticated),
        ("PERMISSION_DENIED", cronlane.PermissionDenied),
        ("NOT_FOUND", cronlane.NotFound),
        ("ALREADY_EXISTS", cronlane.AlreadyExists),
        ("FAILED_PRECONDITION", cronlane.Conflict),
        ("ABORTED", cronlane.Conflict),
        ("RESOURCE_EXHAUSTED", cronlane.Overloaded),
        ("UNAVAILABLE", cronlane.Unavailable),
        ("CANCELLED", cronlane.Unavailable),
        ("DEADLINE_EXCEEDED", cronlane.Timeout),
        ("UNIMPLEMENTED", cronlane.Unimplemented),
        ("INTERNAL", cronlane.Internal),
        ("UNKNOWN", cronlane.Internal),
    ],
)
async def test_every_status_has_its_exception(
    client: cronlane.CronlaneClient, service: StoredService, code: str, kind: type[CronlaneError]
) -> None:
    service.fail["GetThread"] = status(code_pb2.Code.Value(code), "a sentence", "A_REASON")
    with pytest.raises(CronlaneError, match="a sentence") as caught:
        await client.threads.get("t")
    assert type(caught.value) is kind
    assert caught.value.code is grpc.StatusCode[code]
    assert (caught.value.reason, caught.value.metadata) == ("A_REASON", {"a": "b"})
    assert isinstance(caught.value.__cause__, grpc.RpcError)


async def test_the_details_of_a_status_become_attributes(
    client: cronlane.CronlaneClient, service: StoredService
) -> None:
    violation = error_details_pb2.BadRequest.FieldViolation(field="config.x", description="is wrong")
    service.fail["GetThread"] = status(
        code_pb2.INVALID_ARGUMENT,
        "no",
        "INVALID_FIELD",
        error_details_pb2.BadRequest(field_violations=[violation]),
        error_details_pb2.RetryInfo(retry_delay=Duration(seconds=1, nanos=500_000_000)),
    )
    with pytest.raises(cronlane.InvalidRequest) as caught:
        await client.threads.get("t")
    assert caught.value.fields == (FieldViolation("config.x", "is wrong"),)
    assert caught.value.retry_after == 1.5


class Failed(grpc.RpcError):
    def __init__(self, code: grpc.StatusCode, details: str | None, *trailing: tuple[str, bytes]) -> None:
        self._code, self._details, self._trailing = code, details, trailing

    def code(self) -> grpc.StatusCode:
        return self._code

    def details(self) -> str | None:
        return self._details

    def trailing_metadata(self) -> tuple[tuple[str, bytes], ...] | None:
        return self._trailing or None


def test_details_that_cannot_be_read_leave_code_and_text() -> None:
    error = from_rpc_error(Failed(grpc.StatusCode.NOT_FOUND, "gone", ("grpc-status-details-bin", b"\xff\xff")))
    assert (type(error), str(error), error.reason) == (cronlane.NotFound, "gone", "")


def test_without_a_text_the_code_is_the_text() -> None:
    assert str(from_rpc_error(Failed(grpc.StatusCode.INTERNAL, None))) == "INTERNAL"


def test_the_limit_of_a_message_is_told_apart_from_overload() -> None:
    error = from_rpc_error(Failed(grpc.StatusCode.RESOURCE_EXHAUSTED, "CLIENT: Sent message larger than max (5 vs. 4)"))
    assert isinstance(error, cronlane.TooLarge)
    assert isinstance(error, cronlane.InvalidRequest)
