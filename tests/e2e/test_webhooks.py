"""Webhooks: what a real receiver is sent by a real server, through 500s, kills and failures."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from langgraph_sdk import get_sync_client
from langgraph_sdk.client import SyncLangGraphClient
from langgraph_sdk.errors import UnprocessableEntityError

from gate import Gate
from official import QUESTION, RUN
from receiver import Received, Receiver
from serving import GRAPHS, Served, wait_until

ANY = {"CRONLANE_WEBHOOK_HOSTS": "any"}  # the receiver is on this machine
MORE = {"run_started_at", "run_ended_at", "webhook_sent_at", "values"}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    server = Served(tmp_path_factory.mktemp("webhooks"), "--config", str(GRAPHS), **ANY)
    yield server
    assert server.stop() == 0, server.log.read_text()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


def only(receiver: Receiver) -> Received:
    (received,) = receiver.wait()
    return received


def test_a_stateless_run_that_is_deleted_sends_its_values(client: SyncLangGraphClient, receiver: Receiver) -> None:
    run = client.runs.create(None, "agent", input=QUESTION, webhook=receiver.url)
    assert run["kwargs"]["webhook"] == receiver.url
    received = only(receiver)
    body = received.json
    assert set(body) == RUN | MORE
    assert (body["run_id"], body["status"]) == (run["run_id"], "success")
    assert [message["type"] for message in body["values"]["messages"]] == ["human", "ai"]
    assert body["created_at"] <= body["run_started_at"] <= body["run_ended_at"] <= body["webhook_sent_at"]
    assert body["kwargs"] == run["kwargs"]
    assert (received.path, received.headers["webhook-id"]) == ("/hook?token=secret", run["run_id"])


def test_a_run_on_a_thread_sends_what_the_api_shows(client: SyncLangGraphClient, receiver: Receiver) -> None:
    thread_id = client.threads.create()["thread_id"]
    values = client.runs.wait(thread_id, "agent", input=QUESTION, webhook=receiver.url)
    body = only(receiver).json
    assert body["values"] == values
    shown = client.runs.get(thread_id, body["run_id"])
    assert {name: body[name] for name in shown} == shown


def test_a_run_that_fails_sends_its_error(client: SyncLangGraphClient, receiver: Receiver) -> None:
    client.runs.create(None, "raising", input={"text": "no luck"}, webhook=receiver.url)
    body = only(receiver).json
    assert (body["status"], body["error"]) == ("error", {"error": "ValueError", "message": "no luck"})
    assert body["values"]["text"] == "no luck"


def test_a_cancelled_run_says_so(client: SyncLangGraphClient, receiver: Receiver, gate: Gate) -> None:
    thread_id = client.threads.create()["thread_id"]
    runs = [client.runs.create(thread_id, "waiting", input={"port": gate.port}, webhook=receiver.url) for _ in range(2)]
    wait_until(lambda: client.runs.get(thread_id, runs[0]["run_id"])["status"] == "running", description="it runs")
    for run in reversed(runs):
        client.runs.cancel(thread_id, run["run_id"], wait=True)
    bodies = {received.json["run_id"]: received.json for received in receiver.wait(2)}
    assert set(bodies) == {run["run_id"] for run in runs}
    for body in bodies.values():
        assert (body["status"], body["error"]["error"]) == ("interrupted", "UserInterrupt")


def test_two_500s_and_then_it_is_taken(served: Served, client: SyncLangGraphClient) -> None:
    with Receiver(500, 502) as receiver:
        run = client.runs.create(None, "agent", input=QUESTION, webhook=receiver.url)
        tried = receiver.wait(3)
        assert {received.headers["webhook-id"] for received in tried} == {run["run_id"]}
        assert 0.8 < tried[1].at - tried[0].at < 2
        assert 2.2 < tried[2].at - tried[1].at < 4
        sent = [received.json.pop("webhook_sent_at") for received in tried]
        assert sent == sorted(set(sent))
        wait_until(lambda: "webhook_delivered" in served.log.read_text(), description="it is done")
        log = served.log.read_text()
    assert "What time is it?" not in log
    assert "token=secret" not in log


def test_a_crons_runs_name_their_cron(client: SyncLangGraphClient, receiver: Receiver) -> None:
    cron = client.crons.create("agent", schedule="* * * * * *", input=QUESTION, webhook=receiver.url)
    assert cron["payload"]["webhook"] == receiver.url
    bodies = [received.json for received in receiver.wait(2)]
    client.crons.delete(cron["cron_id"])
    assert {body["kwargs"]["config"]["configurable"]["cron_id"] for body in bodies} == {cron["cron_id"]}
    assert len({body["run_id"] for body in bodies}) == len(bodies)
    assert all(body["values"]["messages"] for body in bodies)


def test_a_crons_webhook_can_be_changed(client: SyncLangGraphClient) -> None:
    cron = client.crons.create("agent", schedule="0 0 1 1 *", webhook="https://example.com/one")
    changed = client.crons.update(cron["cron_id"], webhook="https://example.com/two")
    assert changed["payload"]["webhook"] == "https://example.com/two"
    with pytest.raises(UnprocessableEntityError, match="Invalid webhook hostname ''"):
        client.crons.update(cron["cron_id"], webhook="nowhere")
    assert client.crons.search(limit=1000)[0]["payload"]["webhook"] == "https://example.com/two"
    client.crons.delete(cron["cron_id"])


def test_a_kill_before_somebody_has_answered_loses_nothing(serve: Callable[..., Served]) -> None:
    with Receiver() as receiver:
        receiver.hold()
        server = serve("--config", str(GRAPHS), **ANY)
        with get_sync_client(url=server.url) as client:
            run = client.runs.create(None, "agent", input=QUESTION, webhook=receiver.url)
        receiver.wait(1)
        server.kill()
        receiver.free()
        again = serve("--config", str(GRAPHS), **ANY)
        first, second = receiver.wait(2)
        assert first.headers["webhook-id"] == second.headers["webhook-id"] == run["run_id"]
        assert first.json["values"] == second.json["values"]
        wait_until(lambda: "webhook_delivered" in again.log.read_text(), description="it is done")
        assert again.stop() == 0
        assert len(receiver.received) == 2


def test_this_machine_is_not_called_unless_it_is_allowed(serve: Callable[..., Served], receiver: Receiver) -> None:
    server = serve("--config", str(GRAPHS))
    with get_sync_client(url=server.url) as client:
        with pytest.raises(UnprocessableEntityError, match="Webhook host blocked: loopback"):
            client.runs.create(None, "agent", input=QUESTION, webhook=receiver.url)
        client.runs.wait(None, "agent", input=QUESTION, webhook=f"http://2130706433:{receiver.port}/")
        wait_until(lambda: "webhook_refused" in server.log.read_text(), description="it was looked up and refused")
    assert receiver.received == []


def test_a_secret_signs_what_is_sent(serve: Callable[..., Served], receiver: Receiver) -> None:
    server = serve("--config", str(GRAPHS), **ANY, CRONLANE_WEBHOOK_SECRET="whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    with get_sync_client(url=server.url) as client:
        client.runs.create(None, "agent", input=QUESTION, webhook=receiver.url)
    headers = only(receiver).headers
    assert headers["webhook-signature"].startswith("v1,")
    assert headers["webhook-timestamp"].isdigit()
