"""Requests over the limit."""

from __future__ import annotations

from collections.abc import Callable

import grpc
import httpx
import pytest

from cronlane.v1.common_pb2 import Json
from cronlane.v1.threads_pb2 import CreateThreadRequest
from cronlane.v1.threads_pb2_grpc import ThreadServiceStub
from serving import Served

LIMIT = 4096  # bytes


def test_a_request_over_the_limit_is_refused_and_one_within_it_is_not(serve: Callable[..., Served]) -> None:
    server = serve(CRONLANE_MAX_MESSAGE=str(LIMIT))
    small, large = {"metadata": {"a": "x" * (LIMIT // 2)}}, {"metadata": {"a": "x" * LIMIT}}
    with httpx.Client(base_url=server.url) as http:
        refused = http.post("/threads", json=large)
        assert (refused.status_code, refused.json()) == (413, {"detail": f"Request body is larger than {LIMIT} bytes"})
        assert http.post("/threads", json=small).status_code == 200
        request = CreateThreadRequest(metadata=Json(text=f'{{"a": "{"x" * LIMIT}"}}'))
        with grpc.insecure_channel(server.grpc) as channel:
            threads = ThreadServiceStub(channel)
            with pytest.raises(grpc.RpcError) as over:
                threads.CreateThread(request, timeout=10)
        assert over.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert http.post("/threads/count", json={}).json() == 1
    assert server.stop() == 0


def test_by_default_five_megabytes_are_taken(serve: Callable[..., Served]) -> None:
    server = serve()
    body = {"assistant_id": "agent", "schedule": "@yearly", "input": {"a": "x" * 5_000_000}}
    made = httpx.post(f"{server.url}/runs/crons", json=body, timeout=30)
    assert made.status_code == 200
    assert made.json()["payload"]["input"] == body["input"]
    assert server.stop() == 0
