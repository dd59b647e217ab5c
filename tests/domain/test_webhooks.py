from __future__ import annotations

import json
from datetime import timedelta

import pytest

from builders import NOON
from cronlane._shapes import encode
from cronlane_service.domain import signatures, webhooks
from cronlane_service.domain.errors import InvalidField
from cronlane_service.domain.runs import MultitaskStrategy, Run, RunError, RunStatus
from cronlane_service.domain.webhooks import Hosts, Webhook
from cronlane_service.rpc.convert import runs as convert

RUN = Run(
    run_id="r",
    owner="ann",
    thread_id="t",
    assistant_id="a",
    graph_id="agent",
    created_at=NOON,
    updated_at=NOON + timedelta(seconds=3),
    status=RunStatus.SUCCESS,
    metadata='{"n": 1.0}',
    kwargs='{"input": {"big": 9007199254740993}, "webhook": "http://example.com/"}',
    multitask_strategy=MultitaskStrategy.ENQUEUE,
    started_at=NOON + timedelta(seconds=1),
    ended_at=NOON + timedelta(seconds=3),
)


def refusal(url: str, hosts: Hosts) -> str | None:
    try:
        webhooks.check(url, hosts)
    except InvalidField as error:
        return str(error) if error.field == "webhook" else f"of {error.field}"
    return None


@pytest.mark.parametrize(
    "url", ["", "foo", "/path", "//host/path", "http://", "https:///x", "http://:80/", "http:host"]
)
def test_a_url_without_a_host_is_refused(url: str) -> None:
    for hosts in Hosts:
        assert refusal(url, hosts) == ("Invalid webhook hostname ''")


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("ftp://example.com/", "Webhook host blocked: scheme 'ftp' not allowed"),
        ("file:///etc/passwd", "Webhook host blocked: scheme 'file' not allowed"),
        ("http://example.com:99999/", "webhook: is not a URL: Port out of range 0-65535"),
        ("http://[::1", "webhook: is not a URL: Invalid IPv6 URL"),
        ("http://example.com/a b", "webhook: must not hold blanks or control characters"),
        (" http://example.com/", "webhook: must not hold blanks or control characters"),
        ("http://example.com/\r\nx: y", "webhook: must not hold blanks or control characters"),
        ("http://example.com/" + "x" * 2048, "webhook: must not be longer than 2048 characters"),
    ],
)
def test_what_is_no_url_to_call_is_refused_whatever_hosts_may_be_called(url: str, problem: str) -> None:
    for hosts in Hosts:
        assert refusal(url, hosts) == problem


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("https://example.com/hook?x=1#y", {"public", "private", "any"}),
        ("HTTP://EXAMPLE.com:8080", {"public", "private", "any"}),
        ("http://user:password@93.184.216.34/", {"public", "private", "any"}),
        ("http://[2606:2800:220:1::1]/", {"public", "private", "any"}),
        ("http://10.1.2.3/", {"private", "any"}),
        ("http://192.168.0.1/", {"private", "any"}),
        ("http://[fd00::1]/", {"private", "any"}),
        ("http://100.64.0.1/", {"private", "any"}),
        ("http://localhost/", {"any"}),
        ("http://LocalHost.:80/", {"any"}),
        ("http://a.localhost/", {"any"}),
        ("http://127.0.0.1/", {"any"}),
        ("http://[::1]/", {"any"}),
        ("http://[::ffff:127.0.0.1]/", {"any"}),
        ("http://[2002:7f00:1::]/", {"any"}),
        ("http://[64:ff9b::7f00:1]/", {"any"}),
        ("http://169.254.169.254/latest", {"any"}),
        ("http://[fe80::1]/", {"any"}),
        ("http://0.0.0.0/", {"any"}),
        ("http://[::]/", {"any"}),
        ("http://224.0.0.1/", {"any"}),
        ("http://240.0.0.1/", {"any"}),
        ("http://255.255.255.255/", {"any"}),
    ],
)
def test_which_hosts_may_be_called_is_a_setting(url: str, allowed: set[str]) -> None:
    found = {hosts.value for hosts in Hosts if refusal(url, hosts) is None}
    assert found == allowed
    for hosts in set(Hosts) - {Hosts(name) for name in allowed}:
        assert (refusal(url, hosts) or "").startswith("Webhook host blocked: ")


def test_no_webhook_is_fine() -> None:
    webhooks.check(None, Hosts.PUBLIC)


@pytest.mark.parametrize("error", [None, RunError("ValueError", 'no "luck"')])
def test_the_body_is_the_rest_apis_run_key_for_key_and_how_it_ended(error: RunError | None) -> None:
    body = json.loads(webhooks.body(RUN, '{"sum": 1.50}', error))
    run = json.loads(encode(convert.run(RUN)))
    assert {name: body[name] for name in run} == run
    assert list(body)[: len(run)] == list(run)
    more = ["run_started_at", "run_ended_at", "values", *(["error"] if error else [])]
    assert list(body)[len(run) :] == more
    assert body["run_started_at"] == "2026-11-22T12:00:01.000000+00:00"
    assert body["run_ended_at"] == "2026-11-22T12:00:03.000000+00:00"
    assert body["values"] == {"sum": 1.5}
    assert body.get("error") == (error and {"error": "ValueError", "message": 'no "luck"'})


def test_json_of_the_callers_goes_into_the_body_unaltered() -> None:
    body = webhooks.body(RUN, '{"sum": 1.50}', None)
    for text in (RUN.metadata, RUN.kwargs, '{"sum": 1.50}'):
        assert text in body


def test_what_is_sent_says_when() -> None:
    webhook = Webhook("r", "", "http://example.com/", webhooks.body(RUN, None, None), NOON, NOON)
    sent = json.loads(webhooks.sent(webhook, NOON))
    assert sent["webhook_sent_at"] == "2026-11-22T12:00:00.000000+00:00"
    assert {name: part for name, part in sent.items() if name != "webhook_sent_at"} == json.loads(webhook.body)


def test_the_url_is_the_one_that_the_run_shows() -> None:
    assert webhooks.url(RUN) == "http://example.com/"


def test_a_signature_is_that_of_the_specification() -> None:
    key = signatures.key("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    at = NOON.fromtimestamp(1614265330, NOON.tzinfo)
    headers = signatures.headers(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", b'{"test": 2432232314}', at)
    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }
    assert signatures.key("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw") == key


def test_without_a_secret_nothing_is_signed() -> None:
    assert "webhook-signature" not in signatures.headers(None, "r", b"{}", NOON)


@pytest.mark.parametrize("secret", ["", "whsec_", "short", "whsec_c2hvcnQ=", "not base64!", "A" * 100])
def test_a_secret_that_is_none_is_refused(secret: str) -> None:
    with pytest.raises(ValueError, match=r"base64|bytes"):
        signatures.key(secret)
