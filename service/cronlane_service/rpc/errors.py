"""What went wrong, as a google.rpc.Status: the one place that decides codes, reasons and details."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.rpc import code_pb2, error_details_pb2, status_pb2

from cronlane_service.domain import errors
from cronlane_service.domain.errors import DomainError
from cronlane_service.rpc.endings import ServerStopping

DOMAIN = "cronlane"
STOPPING_RETRY = timedelta(seconds=1)

# A status travels in HTTP/2 headers, message and details both, and clients accept 8 KiB of these.
_LONGEST_MESSAGE = 1000
_LONGEST_PROBLEM = 500
_LONGEST_FACT = 200

_INTERNAL = "The server failed to carry out the call; its log says why."


@dataclass(frozen=True, slots=True)
class _Meaning:
    """What a kind of error is on the wire; ``facts`` reads its attributes."""

    code: code_pb2.Code.ValueType
    reason: str
    facts: Callable[[Any], Mapping[str, str]] = lambda error: {}


def _named(error: errors.NotFound | errors.AlreadyExists | errors.EtagMismatch) -> Mapping[str, str]:
    return {"kind": error.kind, "name": error.name}


_MEANINGS: Mapping[type[DomainError], _Meaning] = {
    errors.InvalidField: _Meaning(code_pb2.INVALID_ARGUMENT, "INVALID_FIELD", lambda error: {"field": error.field}),
    errors.NotFound: _Meaning(code_pb2.NOT_FOUND, "NOT_FOUND", _named),
    errors.AlreadyExists: _Meaning(code_pb2.ALREADY_EXISTS, "ALREADY_EXISTS", _named),
    errors.ThreadBusy: _Meaning(
        code_pb2.FAILED_PRECONDITION, "THREAD_BUSY", lambda error: {"thread_id": error.thread_id}
    ),
    errors.SystemAssistant: _Meaning(
        code_pb2.FAILED_PRECONDITION,
        "SYSTEM_ASSISTANT",
        lambda error: {"assistant_id": error.assistant_id, "graph_id": error.graph_id},
    ),
    errors.EmptyUpdate: _Meaning(code_pb2.FAILED_PRECONDITION, "EMPTY_UPDATE"),
    errors.ContextAndConfigurable: _Meaning(code_pb2.INVALID_ARGUMENT, "CONTEXT_AND_CONFIGURABLE"),
    errors.EtagMismatch: _Meaning(
        code_pb2.ABORTED, "ETAG_MISMATCH", lambda error: {**_named(error), "etag": error.current}
    ),
    errors.RequestIdReused: _Meaning(
        code_pb2.ALREADY_EXISTS, "REQUEST_ID_REUSED", lambda error: {"request_id": error.request_id}
    ),
    errors.ThreadHasNoGraph: _Meaning(
        code_pb2.FAILED_PRECONDITION, "THREAD_HAS_NO_GRAPH", lambda error: {"thread_id": error.thread_id}
    ),
    errors.InvalidStateUpdate: _Meaning(code_pb2.INVALID_ARGUMENT, "INVALID_STATE_UPDATE"),
    errors.GraphNotLoaded: _Meaning(code_pb2.NOT_FOUND, "GRAPH_NOT_LOADED", lambda error: {"graph_id": error.graph_id}),
    errors.UnknownCommand: _Meaning(code_pb2.UNIMPLEMENTED, "UNKNOWN_COMMAND", lambda error: {"method": error.method}),
    errors.Overloaded: _Meaning(
        code_pb2.RESOURCE_EXHAUSTED, "OVERLOADED", lambda error: {"waiting": str(error.waiting)}
    ),
    errors.StoreUnavailable: _Meaning(code_pb2.UNAVAILABLE, "STORE_UNAVAILABLE"),
    ServerStopping: _Meaning(code_pb2.UNAVAILABLE, "SERVER_STOPPING"),
}


def known(error: Exception) -> bool:
    """Whether it is the service's own no, and not a fault of the service."""
    return type(error) in _MEANINGS


def status(error: Exception) -> status_pb2.Status:
    """A status with exactly one ErrorInfo; INTERNAL, and nothing of its text, for what is a fault of ours."""
    meaning = _MEANINGS.get(type(error)) if isinstance(error, DomainError) else None
    if meaning is None:
        return _packed(code_pb2.INTERNAL, _INTERNAL, error_details_pb2.ErrorInfo(reason="INTERNAL", domain=DOMAIN))
    facts = {name: _clipped(fact, _LONGEST_FACT) for name, fact in meaning.facts(error).items()}
    info = error_details_pb2.ErrorInfo(reason=meaning.reason, domain=DOMAIN, metadata=facts)
    return _packed(meaning.code, _clipped(str(error), _LONGEST_MESSAGE), info, *_bad_request(error), *_retry(error))


def _packed(code: code_pb2.Code.ValueType, message: str, *details: Message) -> status_pb2.Status:
    packed = status_pb2.Status(code=code, message=message)
    for detail in details:
        packed.details.add().Pack(detail)
    return packed


def _bad_request(error: Exception) -> list[error_details_pb2.BadRequest]:
    if isinstance(error, errors.InvalidField):
        wrong = [(error.field, error.problem)]
    elif isinstance(error, errors.ContextAndConfigurable):
        wrong = [("context", "excludes config.configurable"), ("config.configurable", "excludes context")]
    else:
        return []
    violations = [
        error_details_pb2.BadRequest.FieldViolation(
            field=_clipped(field, _LONGEST_FACT), description=_clipped(problem, _LONGEST_PROBLEM)
        )
        for field, problem in wrong
    ]
    return [error_details_pb2.BadRequest(field_violations=violations)]


def _retry(error: Exception) -> list[error_details_pb2.RetryInfo]:
    if isinstance(error, errors.Overloaded | errors.StoreUnavailable):
        after = error.retry_after
    elif isinstance(error, ServerStopping):
        after = STOPPING_RETRY
    else:
        return []
    delay = Duration()
    delay.FromTimedelta(after)
    return [error_details_pb2.RetryInfo(retry_delay=delay)]


def _clipped(text: str, longest: int) -> str:
    """At most so many bytes of UTF-8; what callers sent may be long, and need not even be Unicode."""
    sent = text.encode("utf-8", "replace")
    if len(sent) <= longest:
        return sent.decode("utf-8")
    return sent[: longest - 3].decode("utf-8", "ignore") + "…"
