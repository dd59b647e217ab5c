"""Webhooks over real sockets and a real outbox; only the time between tries is not waited for."""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from datetime import timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from builders import NOON, FakeClock
from cronlane_service.domain import signatures
from cronlane_service.domain.ports import Topic
from cronlane_service.domain.webhooks import Hosts, Webhook
from cronlane_service.runner import sender
from cronlane_service.runner.deliverer import Deliverer
from cronlane_service.runner.sender import Sender
from cronlane_service.store import SqlDatabase
from cronlane_service.usecases.webhooks import Webhooks
from receiver import Receiver

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@pytest.fixture
def note(database: SqlDatabase) -> Callable[..., None]:
    """Puts a call into the outbox, as the end of a run does."""

    def note(url: str, run_id: str = "run-1") -> None:
        def insert(tx: Any) -> None:
            tx.webhooks.insert(Webhook(run_id, "", url, '{"run_id":"' + run_id + '"}', NOON, NOON))
            tx.notify(Topic.WEBHOOKS)

        database.submit(insert).result(10)

    return note


@pytest.fixture
async def deliverer(
    request: pytest.FixtureRequest, database: SqlDatabase, clock: FakeClock
) -> AsyncIterator[Deliverer]:
    """Not started: a test calls `tick`. The parameter: which hosts may be called."""
    hosts = getattr(request, "param", Hosts.ANY)
    async with aclosing(Sender(clock, hosts, SECRET)) as calling:
        yield Deliverer(database, Webhooks(clock), calling, clock)


async def test_the_body_goes_out_signed_and_the_row_is_gone(
    database: SqlDatabase, deliverer: Deliverer, note: Callable[..., None]
) -> None:
    with Receiver() as receiver, capture_logs() as logs:
        note(receiver.url)
        await deliverer.tick()
        await deliverer.idle(10)
        (received,) = receiver.received
    assert received.path == "/hook?token=secret"
    assert received.json == {"run_id": "run-1", "webhook_sent_at": "2026-11-22T12:00:00.000000+00:00"}
    assert received.headers["host"] == f"127.0.0.1:{receiver.port}"
    assert received.headers["content-type"] == "application/json"
    signed = signatures.headers(signatures.key(SECRET), "run-1", received.body, NOON)
    assert {name: received.headers[name] for name in signed} == signed
    assert await database.read(lambda tx: tx.webhooks.next_due()) is None
    assert [(entry["event"], entry["run_id"]) for entry in logs] == [("webhook_delivered", "run-1")]
    assert "secret" not in str(logs)


async def test_a_5xx_answer_is_tried_again_with_the_same_id(
    deliverer: Deliverer, note: Callable[..., None], clock: FakeClock
) -> None:
    with Receiver(500, 503) as receiver, capture_logs() as logs:
        note(receiver.url)
        for pause in (0, 1, 2.4):
            clock.advance(seconds=pause)
            await deliverer.tick()
            await deliverer.idle(10)
        assert [received.headers["webhook-id"] for received in receiver.received] == ["run-1"] * 3
    assert [entry["event"] for entry in logs] == [
        "webhook_not_delivered",
        "webhook_not_delivered",
        "webhook_delivered",
    ]


async def test_it_is_dropped_when_it_was_tried_often_enough(
    database: SqlDatabase, deliverer: Deliverer, note: Callable[..., None], clock: FakeClock
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/"
    with capture_logs() as logs:
        note(url)
        for _ in range(3):
            await deliverer.tick()
            await deliverer.idle(10)
            clock.advance(seconds=10)
    assert [entry["event"] for entry in logs] == ["webhook_not_delivered"] * 2 + ["webhook_dropped"]
    assert "ConnectError" in logs[0]["problem"]
    assert await database.read(lambda tx: tx.webhooks.next_due()) is None


@pytest.mark.parametrize("status", [301, 307, 400, 404, 410])
async def test_who_does_not_want_it_is_not_asked_again_and_redirects_lead_nowhere(
    database: SqlDatabase, deliverer: Deliverer, note: Callable[..., None], status: int
) -> None:
    with Receiver(status) as receiver, capture_logs() as logs:
        note(receiver.url)
        await deliverer.tick()
        await deliverer.idle(10)
        assert len(receiver.received) == 1
    assert [(entry["event"], entry["problem"]) for entry in logs] == [("webhook_refused", f"answered {status}")]
    assert await database.read(lambda tx: tx.webhooks.next_due()) is None


@pytest.mark.parametrize("deliverer", [Hosts.PRIVATE], indirect=True)
@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "2130706433", "0x7f.1"])
async def test_what_a_name_means_is_looked_up_and_checked_when_it_is_called(
    deliverer: Deliverer, note: Callable[..., None], host: str
) -> None:
    with Receiver() as receiver, capture_logs() as logs:
        note(f"http://{host}:{receiver.port}/")
        await deliverer.tick()
        await deliverer.idle(10)
        assert receiver.received == []
    assert [entry["event"] for entry in logs] == ["webhook_refused"]
    assert logs[0]["problem"] == "host blocked: loopback IP range"


async def test_a_name_is_called_at_its_address_under_its_name(deliverer: Deliverer, note: Callable[..., None]) -> None:
    with Receiver() as receiver:
        note(f"http://user:word@localhost:{receiver.port}/")
        await deliverer.tick()
        await deliverer.idle(10)
        (received,) = receiver.received
    assert received.headers["host"] == f"localhost:{receiver.port}"
    assert received.headers["authorization"].startswith("Basic ")


async def test_a_name_that_nobody_knows_may_be_known_later(deliverer: Deliverer, note: Callable[..., None]) -> None:
    with capture_logs() as logs:
        note("http://nosuchhost.invalid/")
        await deliverer.tick()
        await deliverer.idle(20)
    assert [entry["event"] for entry in logs] == ["webhook_not_delivered"]


async def test_who_does_not_answer_in_time_is_tried_again(
    deliverer: Deliverer, note: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sender, "TIMEOUT", 0.2)
    with Receiver() as receiver, capture_logs() as logs:
        receiver.hold()
        note(receiver.url)
        await deliverer.tick()
        await deliverer.idle(10)
    assert [entry["event"] for entry in logs] == ["webhook_not_delivered"]
    assert "0.2 seconds" in logs[0]["problem"]


async def test_one_who_is_slow_holds_up_nobody_else(deliverer: Deliverer, note: Callable[..., None]) -> None:
    with Receiver() as slow, Receiver() as quick:
        slow.hold()
        for number in range(3):
            note(slow.url, f"slow-{number}")
        note(quick.url, "quick")
        await deliverer.tick()
        await asyncio.to_thread(quick.wait)


async def test_certificates_are_read_once_and_not_before_somebody_is_called(
    deliverer: Deliverer, note: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    read = []

    def create_ssl_context() -> ssl.SSLContext:
        read.append("certificates")
        return ssl.create_default_context()

    monkeypatch.setattr("cronlane_service.runner.sender.httpx.create_ssl_context", create_ssl_context)
    await deliverer.tick()
    assert read == []
    with Receiver() as receiver:
        for run_id in ("first", "second", "third"):
            note(receiver.url, run_id)
        await deliverer.tick()
        await deliverer.idle(10)
        assert len(receiver.received) == 3
    assert read == ["certificates"]


async def test_started_it_is_woken_by_writes_and_stopped_it_hands_back_what_is_under_way(
    database: SqlDatabase, clock: FakeClock, note: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cronlane_service.runner.deliverer.CLOSING", 0.1)
    running = Deliverer(database, Webhooks(clock), Sender(clock, Hosts.ANY), clock)
    await running.start()
    with Receiver() as receiver:
        note(receiver.url, "first")
        await asyncio.to_thread(receiver.wait)
        receiver.hold()
        note(receiver.url, "second")
        await asyncio.to_thread(receiver.wait, 2)
        await asyncio.wait_for(running.stop(), 10)
    (left,) = await database.write(lambda tx: tx.webhooks.claim(clock.now(), clock.advance(seconds=60), 10))
    assert left.run_id == "second", "due at once, for the next server"
    assert json.loads(left.body) == {"run_id": "second"}


async def test_a_fault_in_a_pass_does_not_end_the_deliverer(
    database: SqlDatabase, clock: FakeClock, note: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cronlane_service.runner.deliverer.RETRY", timedelta(0))
    faults = iter([True])

    class Faulty(Webhooks):
        def claim(self, *given: Any, **named: Any) -> Any:
            if next(faults, False):
                raise ZeroDivisionError
            return super().claim(*given, **named)

    running = Deliverer(database, Faulty(clock), Sender(clock, Hosts.ANY), clock)
    with Receiver() as receiver, capture_logs() as logs:
        note(receiver.url, "told")
        await running.start()
        await asyncio.to_thread(receiver.wait)
        await asyncio.wait_for(running.stop(), 10)
    assert "deliverer_pass_failed" in [entry["event"] for entry in logs]
