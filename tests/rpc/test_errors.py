"""Every error of the domain as a status."""

from __future__ import annotations

from datetime import timedelta

import pytest
from google.rpc import code_pb2, error_details_pb2, status_pb2

from cronlane_service.domain import errors as domain
from cronlane_service.rpc import errors
from cronlane_service.rpc.endings import ServerStopping

KINDS = [
    (domain.InvalidField("config.tags", "must be a list"), "INVALID_ARGUMENT", "INVALID_FIELD"),
    (domain.NotFound("thread", "t1"), "NOT_FOUND", "NOT_FOUND"),
    (domain.AlreadyExists("thread", "t1"), "ALREADY_EXISTS", "ALREADY_EXISTS"),
    (domain.ThreadBusy("t1"), "FAILED_PRECONDITION", "THREAD_BUSY"),
    (domain.SystemAssistant("a1", "g"), "FAILED_PRECONDITION", "SYSTEM_ASSISTANT"),
    (domain.EmptyUpdate(), "FAILED_PRECONDITION", "EMPTY_UPDATE"),
    (domain.ContextAndConfigurable(), "INVALID_ARGUMENT", "CONTEXT_AND_CONFIGURABLE"),
    (domain.EtagMismatch("cron", "c1", '"2"'), "ABORTED", "ETAG_MISMATCH"),
    (domain.RequestIdReused("r1"), "ALREADY_EXISTS", "REQUEST_ID_REUSED"),
    (domain.ThreadHasNoGraph("t1"), "FAILED_PRECONDITION", "THREAD_HAS_NO_GRAPH"),
    (domain.InvalidStateUpdate("no"), "INVALID_ARGUMENT", "INVALID_STATE_UPDATE"),
    (domain.GraphNotLoaded("g", ["a"]), "NOT_FOUND", "GRAPH_NOT_LOADED"),
    (domain.UnknownCommand("run.fly"), "UNIMPLEMENTED", "UNKNOWN_COMMAND"),
    (domain.Overloaded(7, timedelta(seconds=2)), "RESOURCE_EXHAUSTED", "OVERLOADED"),
    (domain.StoreUnavailable("disk full"), "UNAVAILABLE", "STORE_UNAVAILABLE"),
    (ServerStopping(), "UNAVAILABLE", "SERVER_STOPPING"),
]


def details(status: status_pb2.Status, kind: type) -> list:
    found = []
    for detail in status.details:
        if detail.Is(kind.DESCRIPTOR):
            unpacked = kind()
            detail.Unpack(unpacked)
            found.append(unpacked)
    return found


@pytest.mark.parametrize(("error", "code", "reason"), KINDS, ids=[reason for _, _, reason in KINDS])
def test_an_error_has_its_code_its_sentence_and_exactly_one_reason(
    error: domain.DomainError, code: str, reason: str
) -> None:
    status = errors.status(error)
    (info,) = details(status, error_details_pb2.ErrorInfo)
    assert (code_pb2.Code.Name(status.code), info.reason, info.domain) == (code, reason, "cronlane")
    assert status.message == str(error)
    assert errors.known(error)


def test_every_error_of_the_domain_is_covered() -> None:
    assert set(domain.DomainError.__subclasses__()) == {type(error) for error, _, _ in KINDS}


def test_what_an_error_is_about_comes_with_it() -> None:
    def facts(error: domain.DomainError) -> dict[str, str]:
        return dict(details(errors.status(error), error_details_pb2.ErrorInfo)[0].metadata)

    assert facts(domain.InvalidField("limit", "is too large")) == {"field": "limit"}
    assert facts(domain.NotFound("run", "r1")) == {"kind": "run", "name": "r1"}
    assert facts(domain.EtagMismatch("cron", "c1", '"2"')) == {"kind": "cron", "name": "c1", "etag": '"2"'}
    assert facts(domain.ThreadBusy("t1")) == {"thread_id": "t1"}


def test_a_wrong_field_is_named_as_a_violation() -> None:
    (bad,) = details(errors.status(domain.InvalidField("limit", "is too large")), error_details_pb2.BadRequest)
    assert [(one.field, one.description) for one in bad.field_violations] == [("limit", "is too large")]


def test_both_context_and_configurable_are_named_as_violations() -> None:
    (bad,) = details(errors.status(domain.ContextAndConfigurable()), error_details_pb2.BadRequest)
    assert [one.field for one in bad.field_violations] == ["context", "config.configurable"]


@pytest.mark.parametrize(
    ("error", "seconds"),
    [
        (domain.Overloaded(7, timedelta(seconds=2)), 2),
        (domain.StoreUnavailable("locked", timedelta(milliseconds=500)), 0.5),
        (ServerStopping(), 1),
    ],
)
def test_what_passes_says_when_to_try_again(error: domain.DomainError, seconds: float) -> None:
    (retry,) = details(errors.status(error), error_details_pb2.RetryInfo)
    assert retry.retry_delay.ToTimedelta().total_seconds() == seconds


@pytest.mark.parametrize("error", [RuntimeError("the password is hunter2"), domain.DomainError("not in the tree")])
def test_a_fault_of_the_service_says_nothing_of_its_inside(error: Exception) -> None:
    status = errors.status(error)
    (info,) = details(status, error_details_pb2.ErrorInfo)
    assert (status.code, info.reason) == (code_pb2.INTERNAL, "INTERNAL")
    assert str(error) not in str(status)
    assert not errors.known(error)


@pytest.mark.parametrize("letter", ["x", "é", "\ud800", "\n", "🕰"])
def test_a_status_stays_small_enough_for_a_header_whatever_was_sent(letter: str) -> None:
    long = letter * 100_000
    for error in (
        domain.NotFound("thread", long),
        domain.InvalidField(long, long),
        domain.EtagMismatch("c", long, long),
    ):
        status = errors.status(error)
        percent_encoded = 3 * len(status.message.encode())
        assert percent_encoded + len(status.SerializeToString()) * 4 / 3 < 7500
