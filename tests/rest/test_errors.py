"""What the service refuses, as HTTP."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from google.protobuf.duration_pb2 import Duration
from google.rpc import code_pb2, error_details_pb2

from client.facts import status
from client.serving_stored import serving
from client.stored_service import StoredService
from cronlane._channel import open_channel
from cronlane.rest.app import build_app


@pytest.mark.parametrize(
    ("code", "reason", "expected"),
    [
        (code_pb2.INVALID_ARGUMENT, "INVALID_FIELD", 422),
        (code_pb2.INVALID_ARGUMENT, "CONTEXT_AND_CONFIGURABLE", 400),
        (code_pb2.INVALID_ARGUMENT, "", 422),
        (code_pb2.OUT_OF_RANGE, "", 422),
        (code_pb2.FAILED_PRECONDITION, "EMPTY_UPDATE", 400),
        (code_pb2.FAILED_PRECONDITION, "THREAD_HAS_NO_GRAPH", 400),
        (code_pb2.FAILED_PRECONDITION, "THREAD_BUSY", 409),
        (code_pb2.ALREADY_EXISTS, "ALREADY_EXISTS", 409),
        (code_pb2.ALREADY_EXISTS, "REQUEST_ID_REUSED", 409),
        (code_pb2.ABORTED, "ETAG_MISMATCH", 409),
        (code_pb2.NOT_FOUND, "NOT_FOUND", 404),
        (code_pb2.NOT_FOUND, "GRAPH_NOT_LOADED", 404),
        (code_pb2.NOT_FOUND, "SOMETHING_NEW", 404),
        (code_pb2.UNAUTHENTICATED, "", 401),
        (code_pb2.PERMISSION_DENIED, "", 403),
        (code_pb2.RESOURCE_EXHAUSTED, "OVERLOADED", 429),
        (code_pb2.UNAVAILABLE, "STORE_UNAVAILABLE", 503),
    ],
)
async def test_an_error_of_the_service_has_its_status_and_text(
    http: httpx.AsyncClient, service: StoredService, code: int, reason: str, expected: int
) -> None:
    service.fail["GetThread"] = status(code, "a sentence - with 'é' in it", reason)
    answer = await http.get("/threads/t")
    assert (answer.status_code, answer.json()) == (expected, {"detail": "a sentence - with 'é' in it"})
    assert ("retry-after" in answer.headers) == (expected in (429, 503))


@pytest.mark.parametrize(
    ("code", "expected", "detail"),
    [
        (code_pb2.UNAVAILABLE, 503, "Service Unavailable"),
        (code_pb2.DEADLINE_EXCEEDED, 504, "Gateway Timeout"),
        (code_pb2.UNIMPLEMENTED, 501, "Not Implemented"),
        (code_pb2.INTERNAL, 500, "Internal Server Error"),
        (code_pb2.UNKNOWN, 500, "Internal Server Error"),
        (code_pb2.DATA_LOSS, 500, "Internal Server Error"),
    ],
)
async def test_a_failure_tells_nothing_of_the_inside(
    http: httpx.AsyncClient, service: StoredService, code: int, expected: int, detail: str
) -> None:
    service.fail["GetThread"] = status(code, "Traceback: /etc/secret 10.0.0.7")
    answer = await http.get("/threads/t")
    assert (answer.status_code, answer.json()) == (expected, {"detail": detail})
    service.fail["GetThread"] = status(code_pb2.INTERNAL, "Traceback: /etc/secret", "INTERNAL")
    assert (await http.get("/threads/t")).json() == {"detail": "Internal Server Error"}


async def test_when_to_try_again_is_told_in_whole_seconds(http: httpx.AsyncClient, service: StoredService) -> None:
    delay = error_details_pb2.RetryInfo(retry_delay=Duration(seconds=2, nanos=1000))
    service.fail["GetThread"] = status(code_pb2.RESOURCE_EXHAUSTED, "too much", "OVERLOADED", delay)
    assert (await http.get("/threads/t")).headers["retry-after"] == "3"


async def test_a_missing_schedule_is_named(http: httpx.AsyncClient) -> None:
    answer = await http.post("/runs/crons", json={"assistant_id": "agent"})
    assert (answer.status_code, answer.json()) == (422, {"detail": "schedule: is required"})


class Broken:
    """A channel with a fault in it."""

    def unary_unary(self, *_: Any, **__: Any) -> Any:
        def call(*_: Any, **__: Any) -> Any:
            raise RuntimeError("something of the inside")

        return call

    unary_stream = unary_unary


async def test_a_fault_of_the_shim_is_500_with_nothing_of_the_inside_and_goes_on_to_the_log() -> None:
    channel: Any = Broken()
    app = build_app(channel, version="1", max_body=10_000)
    for raises in (False, True):
        transport = httpx.ASGITransport(app, raise_app_exceptions=raises)
        async with httpx.AsyncClient(transport=transport, base_url="http://x") as http:
            if raises:
                with pytest.raises(RuntimeError, match="something of the inside"):
                    await http.get("/threads/t")
            else:
                answer = await http.get("/threads/t")
                assert (answer.status_code, answer.json()) == (500, {"detail": "Internal Server Error"})


async def test_a_message_too_large_for_the_service_is_413(service: StoredService) -> None:
    async with serving(service, max_message=1000) as address, open_channel(address) as channel:
        transport = httpx.ASGITransport(build_app(channel, version="1", max_body=10_000))
        async with httpx.AsyncClient(transport=transport, base_url="http://x") as http:
            answer = await http.post("/threads", json={"metadata": {"x": "x" * 2000}})
    assert answer.status_code == 413


async def test_a_service_that_is_not_there_is_503(service: StoredService) -> None:
    async with serving(service) as address:
        pass
    async with open_channel(address) as channel:
        transport = httpx.ASGITransport(build_app(channel, version="1", max_body=10_000))
        async with httpx.AsyncClient(transport=transport, base_url="http://x") as http:
            answer = await http.get("/threads/t")
    assert (answer.status_code, answer.json()) == (503, {"detail": "Service Unavailable"})
