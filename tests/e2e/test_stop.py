"""SIGTERM: what is under way ends or is handed back, nothing is lost, and nothing holds the process."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic

import grpc
import httpx
import pytest
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import HealthStub
from langgraph_sdk import get_sync_client
from langgraph_sdk.client import SyncLangGraphClient

from gate import Gate
from ledger import Ledger
from official import QUESTION, YEARLY
from serving import GRAPHS, Served, wait_until

STOPS = [signal.SIGTERM, signal.SIGINT]


@pytest.fixture
def start(serve: Callable[..., Served]) -> Callable[..., Served]:
    """A server with the graphs of this folder, and a grace period in seconds."""
    return lambda grace: serve("--config", str(GRAPHS), CRONLANE_GRACE=str(grace))


@contextmanager
def health(server: Served) -> Iterator[Callable[[], int]]:
    with grpc.insecure_channel(server.grpc) as channel:
        stub = HealthStub(channel)
        yield lambda: stub.Check(HealthCheckRequest(), timeout=5).status


def begun(client: SyncLangGraphClient, graph: str, gate: Gate) -> tuple[str, str]:
    """A run that has come to the gate."""
    thread_id = client.threads.create()["thread_id"]
    run = client.runs.create(thread_id, graph, input={**QUESTION, "port": gate.port})
    return thread_id, run["run_id"]


def attempts(server: Served, run_id: str) -> tuple[str, int]:
    [row] = Ledger(server.database).rows("SELECT status, attempt FROM runs WHERE run_id = ?", run_id)
    return row


@pytest.mark.parametrize("number", STOPS, ids=lambda number: number.name)
def test_an_idle_server_stops_at_once_with_exit_code_0(number: signal.Signals, serve: Callable[..., Served]) -> None:
    server = serve()
    with httpx.Client(base_url=server.url) as idle:  # a connection that is kept open holds nothing up
        idle.get("/ok").raise_for_status()
        began = monotonic()
        assert server.stop(number) == 0
        assert monotonic() - began < 8


@pytest.mark.parametrize("number", STOPS, ids=lambda number: number.name)
def test_a_run_under_way_ends_within_the_grace(
    number: signal.Signals, start: Callable[..., Served], gate: Gate
) -> None:
    server = start(grace=20)
    with get_sync_client(url=server.url) as client, health(server) as status:
        thread_id, run_id = begun(client, "waiting", gate)
        visitor = gate.arrival()
        assert status() == HealthCheckResponse.SERVING
        server.send(number)
        wait_until(lambda: status() == HealthCheckResponse.NOT_SERVING, description="health says that it drains")
        pending = client.runs.create(client.threads.create()["thread_id"], "agent", input=QUESTION)
        visitor.close()
    assert server.gone() == 0
    assert attempts(server, run_id) == ("success", 1)
    assert attempts(server, pending["run_id"]) == ("pending", 0)  # taken, and kept for the next server
    with get_sync_client(url=start(grace=20).url) as client:
        thread = client.threads.get(thread_id)
        assert (thread["status"], thread["values"]["messages"][-1]["content"]) == ("idle", "went through")
        assert len(client.runs.join(pending["thread_id"], pending["run_id"])["messages"]) == 2


@pytest.mark.parametrize("graph", ["waiting", "blocking"])
def test_a_run_that_does_not_end_is_handed_back_and_runs_again(
    graph: str, start: Callable[..., Served], gate: Gate
) -> None:
    server = start(grace=0.2)
    with get_sync_client(url=server.url) as client:
        thread_id, run_id = begun(client, graph, gate)
        gate.arrival()
    began = monotonic()
    assert server.stop() == 0
    assert monotonic() - began < 10
    assert attempts(server, run_id) == ("pending", 1)
    again = start(grace=0.2)
    gate.arrival().close()
    with get_sync_client(url=again.url) as client:
        messages = client.runs.join(thread_id, run_id)["messages"]
    assert [message["type"] for message in messages] == ["human", "ai"]
    assert attempts(again, run_id) == ("success", 2)
    assert again.stop() == 0


def test_who_waits_for_a_run_is_not_told_that_it_ended(start: Callable[..., Served], gate: Gate) -> None:
    server = start(grace=0.2)
    with get_sync_client(url=server.url) as client:
        thread_id, run_id = begun(client, "waiting", gate)
    gate.arrival()
    with httpx.Client(base_url=server.url, timeout=30) as http:
        path = f"/threads/{thread_id}/runs/{run_id}/join"
        with http.stream("GET", path) as joined:
            assert joined.status_code == 200
            server.send()
            with pytest.raises(httpx.RemoteProtocolError):
                joined.read()
    assert server.gone() == 0


def test_a_server_that_starts_again_knows_everything(serve: Callable[..., Served]) -> None:
    server = serve()
    with get_sync_client(url=server.url) as client:
        thread = client.threads.create(metadata={"a": 1})
        values = client.runs.wait(thread["thread_id"], "agent", input=QUESTION)
        client.crons.create_for_thread(thread["thread_id"], "agent", schedule=YEARLY, input={"z": 1, "a": 1.0})
        client.crons.create("agent", schedule="@daily", timezone="Asia/Tokyo", enabled=False)
        before = everything(client, thread["thread_id"])
    assert server.stop() == 0
    with get_sync_client(url=serve().url) as client:
        assert everything(client, thread["thread_id"]) == before
        assert client.threads.get(thread["thread_id"])["values"] == values
        assert len(client.runs.wait(thread["thread_id"], "agent", input=QUESTION)["messages"]) == 4


def everything(client: SyncLangGraphClient, thread_id: str) -> list[object]:
    return [
        client.threads.search(),
        client.crons.search(),
        client.assistants.search(),
        client.runs.list(thread_id),
        client.threads.get_state(thread_id),
    ]
