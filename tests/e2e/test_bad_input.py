"""What callers get wrong, over REST and gRPC: named, with the right status, and nothing is written."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import grpc
import httpx
import pytest
from google.rpc import error_details_pb2, status_pb2

from cronlane.v1.crons_pb2 import CreateCronRequest, Cron, SearchCronsRequest, UpdateCronRequest
from cronlane.v1.crons_pb2_grpc import CronServiceStub
from cronlane.v1.runs_pb2 import CreateRunRequest, RunSpec
from cronlane.v1.runs_pb2_grpc import RunServiceStub
from cronlane.v1.threads_pb2 import CreateThreadRequest, GetThreadRequest
from cronlane.v1.threads_pb2_grpc import ThreadServiceStub
from ledger import Ledger
from official import NOBODY, YEARLY
from serving import Served

TABLES = ("threads", "crons", "runs", "ticks")
BAD_REQUEST, MISSING, WRONG = 400, 404, 422


@pytest.fixture
def http(served: Served) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=served.url) as http:
        yield http


@pytest.fixture
def channel(served: Served) -> Iterator[grpc.Channel]:
    with grpc.insecure_channel(served.grpc) as channel:
        yield channel


@pytest.fixture(autouse=True)
def _nothing_is_written(served: Served) -> Iterator[None]:
    ledger = Ledger(served.database)
    before = [ledger.rows(f"SELECT * FROM {table}") for table in TABLES]
    yield
    assert [ledger.rows(f"SELECT * FROM {table}") for table in TABLES] == before
    assert httpx.get(f"{served.url}/ok").json()["ok"] is True
    assert served.process.poll() is None


def cron(**changes: Any) -> dict[str, Any]:
    return {name: value for name, value in {"assistant_id": "agent", "schedule": YEARLY, **changes}.items() if value}


CRONS: dict[str, tuple[dict[str, Any], int, str]] = {
    "no schedule": (cron(schedule=None), WRONG, "schedule"),
    "no assistant": (cron(assistant_id=None), WRONG, "assistant_id"),
    "malformed schedule": (cron(schedule="often"), WRONG, "Invalid cron schedule: 'often'. Reason: "),
    "four fields": (cron(schedule="* * * *"), WRONG, "Invalid cron schedule: '* * * *'"),
    "schedule out of range": (cron(schedule="61 * * * *"), WRONG, "Invalid cron schedule: '61 * * * *'"),
    "schedule that is random": (cron(schedule="R * * * *"), WRONG, "schedule"),
    "schedule that is too long": (cron(schedule="0," * 200 + "0 * * * *"), WRONG, "schedule"),
    "schedule of a wrong type": (cron(schedule=5), WRONG, "schedule"),
    "schedule that never comes": (cron(schedule="0 0 30 2 *"), WRONG, "schedule"),
    "unknown zone": (cron(timezone="Mars/Olympus"), WRONG, "Invalid timezone: 'Mars/Olympus'"),
    "zone in lower case": (cron(timezone="utc"), WRONG, "Invalid timezone: 'utc'"),
    "end time that is no time": (cron(end_time="soon"), WRONG, "end_time"),
    "enabled of a wrong type": (cron(enabled="yes"), WRONG, "enabled"),
    "input that is a number": (cron(input=5), WRONG, "input"),
    "metadata that is a list": (cron(metadata=[1]), WRONG, "metadata"),
    "config that is a text": (cron(config="x"), WRONG, "config"),
    "strategy that does not exist": (cron(multitask_strategy="hope"), WRONG, "multitask_strategy"),
    "completion that does not exist": (cron(on_run_completed="burn"), WRONG, "on_run_completed"),
    "mode that does not exist": (cron(stream_mode="loud"), WRONG, "stream_mode"),
    "webhook": (cron(webhook="http:///nowhere"), WRONG, "webhook"),
    "context and configurable": (
        cron(context={"a": 1}, config={"configurable": {"b": 1}}),
        BAD_REQUEST,
        "Cannot specify both configurable and context",
    ),
    "unknown assistant": (cron(assistant_id=NOBODY), MISSING, f"Assistant '{NOBODY}' not found"),
    "unknown graph": (cron(assistant_id="nosuchgraph"), MISSING, "nosuchgraph"),
}


@pytest.mark.parametrize("mistake", CRONS)
def test_a_cron_that_cannot_be_made_over_rest(mistake: str, http: httpx.Client) -> None:
    body, status, text = CRONS[mistake]
    check(http.post("/runs/crons", json=body), status, text)


def check(reply: httpx.Response, status: int, text: str) -> None:
    assert reply.status_code == status, reply.text
    assert set(reply.json()) == {"detail"}
    assert text in reply.json()["detail"]


@pytest.mark.parametrize("path", ["/threads", "/runs", "/runs/wait", "/runs/crons", "/runs/crons/search"])
@pytest.mark.parametrize("body", ["", "{", "[1]", "5", '{"a": NaN}', '{"a": 1} x', "\xff", "[" * 100_000])
def test_a_body_that_is_no_json_object(path: str, body: str, http: httpx.Client) -> None:
    check(http.post(path, content=body.encode("latin-1")), WRONG, "JSON")


@pytest.mark.parametrize(
    ("verb", "path", "text"),
    [
        ("GET", "/threads/me", "Invalid thread ID: must be a UUID"),
        ("DELETE", "/threads/me", "Invalid thread ID: must be a UUID"),
        ("GET", "/threads/me/state", "Invalid thread ID: must be a UUID"),
        ("GET", f"/threads/{NOBODY}/runs/mine", "Invalid run ID: must be a UUID"),
        ("GET", "/threads/me/runs", "Invalid thread ID: must be a UUID"),
        ("DELETE", "/runs/crons/mine", "Invalid cron ID: must be a UUID"),
        ("GET", "/assistants/agent", "Invalid assistant ID: must be a UUID"),
        ("GET", f"/threads/{NOBODY}/runs?limit=many", "limit"),
        ("GET", f"/threads/{NOBODY}/runs?status=tired", "status"),
    ],
)
def test_an_id_or_a_query_that_is_malformed(verb: str, path: str, text: str, http: httpx.Client) -> None:
    check(http.request(verb, path), WRONG, text)


@pytest.mark.parametrize(
    ("verb", "path", "body", "text"),
    [
        ("GET", f"/threads/{NOBODY}", None, f"Thread with ID {NOBODY} not found"),
        ("GET", f"/threads/{NOBODY}/state", None, f"Thread with ID {NOBODY} not found"),
        ("GET", f"/threads/{NOBODY}/runs", None, f"Thread with ID {NOBODY} not found"),
        ("POST", f"/threads/{NOBODY}/runs", {"assistant_id": "agent"}, "Thread or assistant not found"),
        ("POST", f"/threads/{NOBODY}/runs/crons", cron(), f"Thread with ID '{NOBODY}' not found"),
        ("POST", f"/threads/{NOBODY}/runs/{NOBODY}/cancel", None, "No runs found to cancel"),
        ("PATCH", f"/runs/crons/{NOBODY}", {"enabled": False}, f"Cron '{NOBODY}' not found"),
        ("GET", f"/runs/crons/{NOBODY}", None, "not found"),
        ("GET", f"/assistants/{NOBODY}", None, "not found"),
        ("GET", "/nowhere", None, "Not Found"),
    ],
)
def test_what_is_not_there_is_not_found(
    verb: str, path: str, body: dict[str, Any] | None, text: str, http: httpx.Client
) -> None:
    check(http.request(verb, path, json=body), MISSING, text)


def test_a_method_that_a_path_does_not_have(http: httpx.Client) -> None:
    reply = http.get("/threads")
    check(reply, 405, "Method Not Allowed")
    assert reply.headers["allow"] == "POST"


def violations(refused: pytest.ExceptionInfo[grpc.RpcError]) -> list[str]:
    """The fields that the rich details name; there is one ErrorInfo beside them."""
    packed = dict(refused.value.trailing_metadata())["grpc-status-details-bin"]
    details = status_pb2.Status.FromString(packed).details
    info, bad = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
    assert [detail.Unpack(info) for detail in details].count(True) == 1
    assert info.domain == "cronlane"
    for detail in details:
        detail.Unpack(bad)
    return [violation.field for violation in bad.field_violations]


CRON = {"assistant_id": "agent", "schedule": YEARLY}
FIELDS: dict[str, tuple[dict[str, Any], str]] = {
    "no schedule": ({"schedule": ""}, "schedule"),
    "malformed schedule": ({"schedule": "often"}, "schedule"),
    "schedule that never comes": ({"schedule": "0 0 30 2 *"}, "schedule"),
    "no assistant": ({"assistant_id": ""}, "assistant_id"),
    "malformed thread": ({"thread_id": "me"}, "thread_id"),
    "unknown zone": ({"timezone": "Mars/Olympus"}, "timezone"),
    "input that is no JSON": ({"input": {"text": "{"}}, "input"),
    "metadata that is no object": ({"metadata": {"text": "[]"}}, "metadata"),
    "input without a kind": ({"input": {}}, "input"),
    "strategy out of range": ({"multitask_strategy": 99}, "multitask_strategy"),
    "webhook": ({"webhook": "http:///nowhere"}, "webhook"),
}


@pytest.mark.parametrize("mistake", FIELDS)
def test_a_cron_that_cannot_be_made_over_grpc(mistake: str, channel: grpc.Channel) -> None:
    changes, field = FIELDS[mistake]
    with pytest.raises(grpc.RpcError) as refused:
        CronServiceStub(channel).CreateCron(CreateCronRequest(cron=Cron(**{**CRON, **changes})), timeout=10)
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert violations(refused) == [field]


def test_what_is_not_there_is_not_found_over_grpc(channel: grpc.Channel) -> None:
    crons, threads, runs = CronServiceStub(channel), ThreadServiceStub(channel), RunServiceStub(channel)
    calls = (
        lambda: crons.CreateCron(CreateCronRequest(cron=Cron(assistant_id="nosuchgraph", schedule=YEARLY)), timeout=10),
        lambda: crons.CreateCron(CreateCronRequest(cron=Cron(**CRON, thread_id=NOBODY)), timeout=10),
        lambda: threads.GetThread(GetThreadRequest(thread_id=NOBODY), timeout=10),
        lambda: runs.CreateRun(CreateRunRequest(thread_id=NOBODY, run=RunSpec(assistant_id="agent")), timeout=10),
    )
    for call in calls:
        with pytest.raises(grpc.RpcError) as refused:
            call()
        assert refused.value.code() is grpc.StatusCode.NOT_FOUND
        assert violations(refused) == []


def test_bounds_and_masks_over_grpc(channel: grpc.Channel) -> None:
    crons = CronServiceStub(channel)
    with pytest.raises(grpc.RpcError) as refused:
        crons.SearchCrons(SearchCronsRequest(limit=1001), timeout=10)
    assert violations(refused) == ["limit"]
    with pytest.raises(grpc.RpcError) as refused:
        crons.UpdateCron(UpdateCronRequest(cron=Cron(cron_id="mine")), timeout=10)
    assert violations(refused) == ["cron_id"]
    with pytest.raises(grpc.RpcError) as refused:
        ThreadServiceStub(channel).CreateThread(CreateThreadRequest(thread_id="me"), timeout=10)
    assert violations(refused) == ["thread_id"]


def test_validate_only_checks_and_writes_nothing(channel: grpc.Channel) -> None:
    request = CreateCronRequest(cron=Cron(**CRON), validate_only=True)
    assert CronServiceStub(channel).CreateCron(request, timeout=10).schedule == YEARLY


def test_json_nested_without_end_is_refused_and_does_no_harm(http: httpx.Client, channel: grpc.Channel) -> None:
    deep = "[" * 50_000 + "]" * 50_000
    check(http.post("/threads", content=f'{{"metadata": {{"a": {deep}}}}}'), WRONG, "JSON")
    with pytest.raises(grpc.RpcError) as refused:
        CronServiceStub(channel).CreateCron(CreateCronRequest(cron=Cron(**CRON, input={"text": deep})), timeout=10)
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
