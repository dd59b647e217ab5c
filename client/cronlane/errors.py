"""What a call to the service can end with.

CronlaneError
├── InvalidRequest    a field of the request is wrong: `fields` names it
│   └── TooLarge      the request or the reply is larger than the limit
├── Unauthenticated   the service does not know who is calling
├── PermissionDenied  the caller may not do that
├── NotFound          no such thread, cron, run or assistant
├── AlreadyExists     the id is taken
├── Conflict          the resource is not in a state for that: busy, changed since it was read, nothing to change
├── Overloaded        too much is waiting; try again after `retry_after`
├── Unavailable       the service or its database cannot be reached; try again after `retry_after`
├── Timeout           no answer within the call's timeout
├── Unimplemented     the service does not know the call
├── Internal          the service failed
└── RunFailed         the call worked, the run it waited for failed
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import grpc
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2, status_pb2


@dataclass(frozen=True, slots=True)
class FieldViolation:
    """A field of the request, as a path with dots, and what is wrong with it."""

    field: str
    description: str


class CronlaneError(Exception):
    """Base of everything that goes wrong; ``str()`` is a sentence for people.

    ``code`` is the gRPC status (None: the request was not sent), ``reason`` the constant by which programs tell
    errors apart, ``metadata`` its facts, ``retry_after`` seconds.
    """

    def __init__(
        self,
        message: str,
        *,
        code: grpc.StatusCode | None = None,
        reason: str = "",
        metadata: Mapping[str, str] | None = None,
        fields: Sequence[FieldViolation] = (),
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.code, self.reason, self.metadata = code, reason, dict(metadata or {})
        self.fields, self.retry_after = tuple(fields), retry_after


class InvalidRequest(CronlaneError):
    """A field of the request is wrong."""

    @classmethod
    def of(cls, field: str, problem: str) -> InvalidRequest:
        """Found before anything was sent."""
        return cls(f"{field}: {problem}", reason="INVALID_FIELD", fields=[FieldViolation(field, problem)])


class TooLarge(InvalidRequest):
    """The request or the reply is larger than the limit."""


class Unauthenticated(CronlaneError):
    """The service does not know who is calling."""


class PermissionDenied(CronlaneError):
    """The caller may not do that."""


class NotFound(CronlaneError):
    """No such thread, cron, run or assistant."""


class AlreadyExists(CronlaneError):
    """The id is taken."""


class Conflict(CronlaneError):
    """The resource is not in a state for that; ``reason`` says which: THREAD_BUSY, ETAG_MISMATCH, EMPTY_UPDATE, …"""


class Overloaded(CronlaneError):
    """Too much is waiting."""


class Unavailable(CronlaneError):
    """The service or its database cannot be reached."""


class Timeout(CronlaneError):
    """No answer within the call's timeout."""


class Unimplemented(CronlaneError):
    """The service does not know the call."""


class Internal(CronlaneError):
    """The service failed."""


class RunFailed(CronlaneError):
    """The run that was waited for failed: ``error`` is the exception's class in the graph, ``detail`` its text."""

    def __init__(self, error: str, detail: str) -> None:
        super().__init__(f"{error}: {detail}", reason="RUN_FAILED")
        self.error, self.detail = error, detail


_BY_CODE: Mapping[grpc.StatusCode, type[CronlaneError]] = {
    grpc.StatusCode.INVALID_ARGUMENT: InvalidRequest,
    grpc.StatusCode.OUT_OF_RANGE: InvalidRequest,
    grpc.StatusCode.UNAUTHENTICATED: Unauthenticated,
    grpc.StatusCode.PERMISSION_DENIED: PermissionDenied,
    grpc.StatusCode.NOT_FOUND: NotFound,
    grpc.StatusCode.ALREADY_EXISTS: AlreadyExists,
    grpc.StatusCode.FAILED_PRECONDITION: Conflict,
    grpc.StatusCode.ABORTED: Conflict,
    grpc.StatusCode.RESOURCE_EXHAUSTED: Overloaded,
    grpc.StatusCode.UNAVAILABLE: Unavailable,
    grpc.StatusCode.CANCELLED: Unavailable,
    grpc.StatusCode.DEADLINE_EXCEEDED: Timeout,
    grpc.StatusCode.UNIMPLEMENTED: Unimplemented,
}


def from_rpc_error(error: grpc.RpcError) -> CronlaneError:
    """The exception that says what a failed call's status and its details say."""
    code: grpc.StatusCode = error.code()
    message: str = error.details() or code.name
    status = _status(error)
    info, fields, retry_after = error_details_pb2.ErrorInfo(), [], None
    for detail in status.details:
        violations, delay = error_details_pb2.BadRequest(), error_details_pb2.RetryInfo()
        if detail.Unpack(violations):
            fields += [FieldViolation(each.field, each.description) for each in violations.field_violations]
        elif detail.Unpack(delay):
            retry_after = delay.retry_delay.ToTimedelta().total_seconds()
        else:
            detail.Unpack(info)
    return _kind(code, message)(
        message, code=code, reason=info.reason, metadata=info.metadata, fields=fields, retry_after=retry_after
    )


def _kind(code: grpc.StatusCode, message: str) -> type[CronlaneError]:
    # gRPC itself says this, without details: "Received message larger than max (5 vs. 4)".
    if code is grpc.StatusCode.RESOURCE_EXHAUSTED and "larger than max" in message:
        return TooLarge
    return _BY_CODE.get(code, Internal)


def _status(error: grpc.RpcError) -> status_pb2.Status:
    trailing: Any = error.trailing_metadata() or ()  # pairs; `iter`, as a mapping it would be asked for keys
    details = dict(iter(trailing)).get("grpc-status-details-bin", b"")
    try:
        return status_pb2.Status.FromString(details)
    except DecodeError:  # details of somebody in between; code and message stand
        return status_pb2.Status()
