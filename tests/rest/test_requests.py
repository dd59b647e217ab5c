"""What comes over HTTP reaches the service unaltered, or is answered 4xx."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import pytest

from client.facts import ASSISTANT
from client.stored_service import StoredService
from cronlane.v1.common_pb2 import MultitaskStrategy
from rest.conftest import MAX_BODY

CRON = {"assistant_id": "agent", "schedule": "* * * * *"}
LITERALS = '{ "b":1.0,"a":1 , "n":[9007199254740993,1e400,-0.0,1E+2],"s":"\\u00e9\\ud800\\/","":{"a":1,"a":2}}'


async def test_json_of_the_caller_is_stored_and_answered_to_the_letter(
    http: httpx.AsyncClient, service: StoredService
) -> None:
    body = f'{{"assistant_id":"agent","schedule":"* * * * *","input":{LITERALS},"metadata":{LITERALS}}}'
    answer = await http.post("/runs/crons", content=body)
    assert answer.status_code == 200
    assert service.seen[-1].cron.input.text == LITERALS
    assert f'"metadata":{LITERALS}' in answer.text
    assert f'"input":{LITERALS}' in answer.text
    run = await http.post("/threads/x/runs", content=f'{{"assistant_id":"agent","input":{LITERALS}}}')
    assert f'"kwargs":{{"input":{LITERALS}}}' in run.text


@pytest.mark.parametrize(
    "body",
    [
        *[b"", b"{", b"nope", b'{"a":NaN}', b'{"a":1,}', b'{"a" 1}', b'{"a":1}x', b"[]", b"1", b"null", b'"x"'],
        *[b"\xff\xfe", b'{"a":\x01}', b'{"a":"\x01"}', b"[" * 100_000, b'{"a":' * 100_000],
    ],
)
async def test_a_body_that_is_no_json_object_is_422(http: httpx.AsyncClient, body: bytes) -> None:
    answer = await http.post("/threads", content=body)
    assert (answer.status_code, answer.json()) == (422, {"detail": "Invalid JSON in request body"})


async def test_the_content_type_does_not_matter(http: httpx.AsyncClient, service: StoredService) -> None:
    answer = await http.post("/threads", content=b'\xef\xbb\xbf {"metadata":{}} ', headers={"content-type": "x/y"})
    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("field", "value", "problem"),
    [
        ("schedule", 5, "must be a string"),
        ("schedule", None, "must be a string"),
        ("schedule", "\ud800", "must not hold half a surrogate pair"),
        ("enabled", "true", "must be true or false"),
        ("enabled", 1, "must be true or false"),
        ("timezone", None, "must be a string"),
        ("end_time", None, "must be a string"),
        ("end_time", "soon", "must be an ISO 8601 date and time"),
        ("end_time", "0001-01-01T00:00:00+14:00", "must be an ISO 8601 date and time"),
        ("end_time", 5, "must be a string"),
        ("on_run_completed", "burn", "must be one of delete, keep"),
        ("on_run_completed", "unspecified", "must be one of delete, keep"),
        ("on_run_completed", ["keep"], "must be one of delete, keep"),
        ("stream_mode", ["values", "values2"], "must be one of values, messages, updates, events, tasks, "),
        ("stream_mode", {}, "must be one of values, messages"),
        ("interrupt_before", [1], "must be a string"),
        ("metadata", None, "must not be null"),
        ("input", None, "must not be null"),
    ],
)
async def test_a_wrong_field_is_422_and_named(http: httpx.AsyncClient, field: str, value: Any, problem: str) -> None:
    answer = await http.post("/runs/crons", content=json.dumps({**CRON, field: value}))
    assert answer.status_code == 422
    assert answer.json()["detail"].startswith(f"{field}: {problem}")


@pytest.mark.parametrize("limit", ["5", 5.0, True, 2**31, None, [5]])
async def test_a_number_is_an_integer_of_32_bits(http: httpx.AsyncClient, limit: Any) -> None:
    answer = await http.post("/threads/search", json={"limit": limit})
    assert answer.status_code == 422
    assert answer.json()["detail"].startswith("limit: must be an integer")


@pytest.mark.parametrize(("seconds", "nanos"), [("2", (2, 0)), ("1.5", (1, 500_000_000)), ("-1e-1", (0, -100_000_000))])
async def test_a_span_is_a_number_of_seconds(
    http: httpx.AsyncClient, service: StoredService, seconds: str, nanos: tuple[int, int]
) -> None:
    await http.post("/runs", content=f'{{"assistant_id":"agent","after_seconds":{seconds}}}')
    span = service.seen[-1].run.after_seconds
    assert (span.seconds, span.nanos) == nanos


@pytest.mark.parametrize("seconds", ["1e400", "1e999999999", '"2"', "true", "null"])
async def test_what_is_no_span_is_refused(http: httpx.AsyncClient, seconds: str) -> None:
    answer = await http.post("/runs", content=f'{{"assistant_id":"agent","after_seconds":{seconds}}}')
    assert answer.status_code == 422
    assert answer.json()["detail"].startswith("after_seconds: ")


async def test_null_stands_for_nothing_where_the_platform_allows_it(
    http: httpx.AsyncClient, service: StoredService
) -> None:
    assert (await http.post("/runs", json={"assistant_id": "agent", "input": None, "command": None})).status_code == 200
    assert not service.seen[-1].run.HasField("input")
    assert not service.seen[-1].run.HasField("command")


@pytest.mark.parametrize("field", ["on_completion", "on_disconnect", "checkpoint_id"])
@pytest.mark.parametrize("path", ["/runs", "/threads/x/runs"])
async def test_null_for_what_a_run_need_not_say_is_as_if_it_were_not_said(
    http: httpx.AsyncClient, service: StoredService, path: str, field: str
) -> None:
    assert (await http.post(path, json={"assistant_id": "agent", field: None})).status_code == 200
    said = service.seen[-1].run
    assert (await http.post(path, json={"assistant_id": "agent"})).status_code == 200
    assert said == service.seen[-1].run


async def test_null_for_the_strategy_of_a_cron_is_as_if_it_were_not_said(
    http: httpx.AsyncClient, service: StoredService
) -> None:
    cron = (await http.post("/runs/crons", json={**CRON, "multitask_strategy": None})).json()
    assert service.seen[-1].cron.multitask_strategy == MultitaskStrategy.MULTITASK_STRATEGY_UNSPECIFIED
    changed = {"multitask_strategy": None, "schedule": "1 * * * *"}
    assert (await http.patch(f"/runs/crons/{cron['cron_id']}", json=changed)).status_code == 200
    assert "multitask_strategy" not in service.seen[-1].update_mask.paths


async def test_unknown_members_are_ignored_for_threads_and_runs(
    http: httpx.AsyncClient, service: StoredService
) -> None:
    assert (await http.post("/threads", json={"what": 1, "values": None, "ttl": {"ttl": 1}})).status_code == 200
    run = {"assistant_id": "agent", "checkpoint_during": True, "thread_id": "other", "on_disconnect": "cancel"}
    assert (await http.post("/runs?thread_id=other", json=run)).status_code == 200
    assert not service.seen[-1].HasField("thread_id")


async def test_unknown_members_of_a_new_cron_are_kept_in_its_payload(
    http: httpx.AsyncClient, service: StoredService
) -> None:
    unknown = {"checkpoint_during": True, "thread_id": "mine", "cron_id": "mine", "extra": {"x": 1}, "etag": "e"}
    body = {**CRON, **unknown, "\ud800": None}
    cron = (await http.post("/runs/crons", content=json.dumps(body))).json()
    sent = service.seen[-1].cron
    assert not sent.HasField("thread_id")
    assert (sent.cron_id, sent.etag) == ("", "")
    assert cron["thread_id"] is None
    payload = cron["payload"]
    assert payload.pop("config") == {"configurable": {"cron_id": cron["cron_id"]}}
    assert payload == {**body, "assistant_id": ASSISTANT}


async def test_an_update_drops_what_it_does_not_know_or_may_not_change(
    http: httpx.AsyncClient, service: StoredService
) -> None:
    cron = (await http.post("/runs/crons", json=CRON)).json()
    path = f"/runs/crons/{cron['cron_id']}"
    never = {"thread_id": "x", "cron_id": "y", "assistant_id": "z", "multitask_strategy": "reject", "foo": 1, "etag": 2}
    assert (await http.patch(path, json=never)).json() == {"detail": "Request body cannot be empty"}
    assert (await http.patch(path, json={})).status_code == 400
    answer = await http.patch(path, json={**never, "schedule": "1 * * * *", "stream_mode": "values"})
    assert service.seen[-1].update_mask.paths == ["schedule", "stream_mode", "extra"]
    assert service.seen[-1].cron.cron_id == cron["cron_id"]
    assert answer.json()["payload"]["stream_mode"] == "values"
    assert answer.json()["assistant_id"] == ASSISTANT


async def test_an_etag_and_a_request_id_can_be_sent_in_the_query(
    http: httpx.AsyncClient, service: StoredService
) -> None:
    cron = (await http.post("/runs/crons?request_id=r&validate_only=1&update_mask=x", json=CRON)).json()
    assert (service.seen[-1].request_id, service.seen[-1].validate_only) == ("r", True)
    await http.delete(f"/runs/crons/{cron['cron_id']}?etag=e")
    assert service.seen[-1].etag == "e"


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ("limit=x", "limit: must be an integer"),
        ("limit=", "limit: must be an integer"),
        ("limit=1.0", "limit: must be an integer"),
        ("status=never", "status: must be one of pending, running"),
        ("select=nope", "select: 'nope' is none of run_id"),
        ("select=[1]", "select: must be a string"),
        ("select=[", "select: "),
    ],
)
async def test_a_query_is_read_strictly(http: httpx.AsyncClient, query: str, problem: str) -> None:
    answer = await http.get(f"/threads/t/runs?{query}")
    assert answer.status_code == 422
    assert answer.json()["detail"].startswith(problem)


@pytest.mark.parametrize("query", ["select=run_id&select=status", 'select=["run_id","status"]'])
async def test_a_selection_is_repeated_or_a_json_list(http: httpx.AsyncClient, query: str) -> None:
    await http.post("/runs", json={"assistant_id": "agent"})
    assert [list(each) for each in (await http.get(f"/threads/t/runs?limit=0&{query}")).json()] == [
        ["run_id", "status"]
    ]


@pytest.mark.parametrize(("wait", "status"), [("1", 200), ("true", 200), ("0", 202), ("false", 202), ("yes", 422)])
async def test_a_truth_value_in_a_query_has_four_spellings(http: httpx.AsyncClient, wait: str, status: int) -> None:
    run = (await http.post("/runs", json={"assistant_id": "agent"})).json()
    answer = await http.post(f"/threads/t/runs/{run['run_id']}/cancel?wait={wait}", content=b"ignored")
    assert answer.status_code == status
    assert ("content-location" in answer.headers) == (status == 200)


async def test_a_body_over_the_limit_is_413(http: httpx.AsyncClient, service: StoredService) -> None:
    fits = '{"metadata":{"x":"' + "x" * (MAX_BODY - 21) + '"}}'
    assert (await http.post("/threads", content=fits)).status_code == 200
    answer = await http.post("/threads", content=fits + " ")
    assert (answer.status_code, answer.json()) == (413, {"detail": f"Request body is larger than {MAX_BODY} bytes"})

    async def endless() -> Any:
        for _ in range(3):
            yield b"x" * MAX_BODY

    assert (await http.post("/threads", content=endless())).status_code == 413
    assert len(service.seen) == 1


async def test_whoever_waits_for_leave_to_send_too_much_is_refused_before_it_is_sent(url: str) -> None:
    host, port = url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    head = f"POST /threads HTTP/1.1\r\nhost: x\r\ncontent-length: {MAX_BODY + 1}\r\nexpect: 100-continue\r\n\r\n"
    writer.write(head.encode())
    assert (await reader.readline()).startswith(b"HTTP/1.1 413")
    writer.close()
    await writer.wait_closed()


async def test_who_is_calling_is_passed_on(http: httpx.AsyncClient, service: StoredService) -> None:
    await http.get("/assistants/a", headers={"x-api-key": "secret", "authorization": "Bearer b", "x-other": "o"})
    assert (service.metadata["x-api-key"], service.metadata["authorization"]) == ("secret", "Bearer b")
    assert "x-other" not in service.metadata


@pytest.mark.parametrize("name", ["%00", "%ED%A0%80", "%FF", "a%20b", "%E2%82%AC", "x" * 5000])
async def test_no_name_in_a_path_breaks_the_server(http: httpx.AsyncClient, name: str) -> None:
    assert (await http.get(f"/threads/{name}")).status_code == 404
