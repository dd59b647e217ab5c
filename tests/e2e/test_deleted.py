"""What is deleted under way: callers get their answers, nothing is left behind, and the next run is taken."""

from __future__ import annotations

import json
import signal
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from time import monotonic
from typing import Any

import httpx
import psycopg
import pytest
from langgraph_sdk import get_sync_client
from langgraph_sdk.client import SyncLangGraphClient

from gate import Gate
from official import QUESTION, YEARLY
from postgres import Databases
from serving import GRAPHS, PATIENCE, Served, wait_until

# Of what a test made; a run whose thread was its own can still be joined for an hour.
LEFT = {"runs": "WHERE NOT hidden", **dict.fromkeys(("purges", "webhooks", "threads", "crons"), "")}


class House:
    """A server on one of the engines, its database, and the official SDK."""

    def __init__(self, served: Served, url: str, client: SyncLangGraphClient) -> None:
        self.served, self.url, self.client = served, url, client

    def rows(self, query: str) -> list[Any]:
        if self.url:
            with psycopg.connect(self.url) as connection:
                return connection.execute(query.encode()).fetchall()
        with closing(sqlite3.connect(f"file:{self.served.database}?mode=ro", uri=True)) as connection:
            return connection.execute(query).fetchall()

    def thread(self) -> str:
        return self.client.threads.create()["thread_id"]

    def run(self, thread_id: str, gate: Gate, assistant: str = "waiting", **options: Any) -> str:
        given = {**QUESTION, "port": gate.port}
        run = self.client.runs.create(
            thread_id, assistant, input=given, multitask_strategy="enqueue", stream_resumable=True, **options
        )
        return run["run_id"]

    def assistant(self) -> str:
        return self.client.assistants.create("waiting")["assistant_id"]

    def wait_until_empty(self) -> None:
        """Nothing of what a test made is left, but the ledger."""
        for table, condition in LEFT.items():
            query = f"SELECT * FROM {table} {condition}"
            wait_until(lambda query=query: not self.rows(query), description=f"nothing is left of {query}")

    def check_goes_on(self) -> None:
        """The next run is taken and ends, and nothing went wrong meanwhile."""
        values = self.client.runs.wait(None, "agent", input=QUESTION)
        assert isinstance(values, dict)
        assert len(values["messages"]) == 2
        self.wait_until_empty()
        log = self.served.log.read_text()
        assert "Traceback" not in log, log
        assert "_failed" not in log, log


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def house(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, postgres_databases: Databases
) -> Iterator[House]:
    with postgres_databases.lent() as url:
        shared = request.param == "postgresql"
        options = ["--database", url] if shared else []
        served = Served(tmp_path_factory.mktemp("deleted"), "--config", str(GRAPHS), *options)
        with get_sync_client(url=served.url) as client:
            yield House(served, url if shared else "", client)
        assert served.stop() == 0, served.log.read_text()


@pytest.fixture
def callers(house: House) -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(8) as pool:
        yield pool
        for thread in house.client.threads.search():  # those of a test that failed: nobody is told any more then
            house.client.threads.delete(thread["thread_id"])


def to_its_end(reply: httpx.Response) -> str:
    """All of it; signs of life alone are waited for no longer than the patience of a test."""
    parts, deadline = [], monotonic() + PATIENCE
    for part in reply.iter_text():
        parts.append(part)
        assert monotonic() < deadline, f"it has no end: {parts}"
    return "".join(parts)


def following(
    house: House, callers: ThreadPoolExecutor, runs: dict[str, str], *, waiting: bool
) -> list[dict[str, Future[Any]]]:
    """Callers that follow each run (with its thread's id) in every way there is, and are told already.

    ``waiting``: those who join too, of whom that is known when the first sign of life comes after five seconds.
    """
    begun: list[int] = []

    def stream(path: str) -> list[str]:
        with httpx.stream("GET", f"{house.served.url}{path}", timeout=30) as reply:
            begun.append(reply.status_code)
            return [line for line in to_its_end(reply).splitlines() if line.startswith("event:")]

    def join(run: str) -> Any:
        with httpx.stream("GET", f"{house.served.url}{run}/join", timeout=30) as reply:
            if waiting:
                begun.append(reply.status_code)
            return json.loads(to_its_end(reply))

    def follow(run_id: str, thread_id: str) -> dict[str, Future[Any]]:
        thread = f"/threads/{thread_id}"
        run = f"{thread}/runs/{run_id}"
        streams = {
            "stream": callers.submit(stream, f"{run}/stream"),
            "thread": callers.submit(stream, f"{thread}/stream"),
        }
        return {**streams, "join": callers.submit(join, run)}

    found = [follow(run_id, thread_id) for run_id, thread_id in runs.items()]
    wait_until(lambda: len(begun) == len(found) * (3 if waiting else 2), description="all callers are answered to")
    assert set(begun) == {200}
    return found


def is_stopped(visitor: Any) -> bool:
    """Whether the graph that came to the gate was cancelled: it hangs up."""
    visitor.settimeout(20)
    return bool(visitor.recv(1) == b"")


def test_a_thread_that_is_deleted_under_way_stops_its_runs_and_sends_those_away_who_follow_them(
    house: House, gate: Gate, callers: ThreadPoolExecutor
) -> None:
    thread_id = house.thread()
    run_id = house.run(thread_id, gate)
    visitor = gate.arrival()
    pending = house.run(thread_id, gate)
    told = following(house, callers, {run_id: thread_id, pending: thread_id}, waiting=True)
    house.client.threads.delete(thread_id)
    for each in told:
        assert "event: end" not in each["stream"].result(PATIENCE)
        each["thread"].result(PATIENCE)
        assert each["join"].result(PATIENCE)["__error__"]["error"] == "NotFound"
    assert is_stopped(visitor)
    for path in ("", f"/runs/{run_id}", f"/runs/{pending}/join"):
        assert httpx.get(f"{house.served.url}/threads/{thread_id}{path}").status_code == 404
    house.check_goes_on()
    assert len(gate.waiting) == 1, "the pending run never began"


@pytest.mark.parametrize("stateless", [True, False], ids=["stateless", "on a thread"])
def test_a_cron_that_is_deleted_under_way_leaves_its_runs_to_their_ends(
    house: House, gate: Gate, callers: ThreadPoolExecutor, stateless: bool
) -> None:
    thread_id = None if stateless else house.thread()
    path = "/runs/crons" if stateless else f"/threads/{thread_id}/runs/crons"
    given = {"assistant_id": "waiting", "schedule": YEARLY, "input": {**QUESTION, "port": gate.port}}
    cron = httpx.post(f"{house.served.url}{path}", json={**given, "multitask_strategy": "enqueue"}).json()
    runs = [httpx.post(f"{house.served.url}/runs/crons/{cron['cron_id']}/trigger").json() for _ in range(2)]
    visitors = [gate.arrival()] if not stateless else [gate.arrival(), gate.arrival()]
    told = following(house, callers, {run["run_id"]: run["thread_id"] for run in runs}, waiting=False)
    house.client.crons.delete(cron["cron_id"])
    for visitor in visitors:
        visitor.close()
    if not stateless:
        gate.arrival().close()
    for each in told:
        assert each["join"].result(PATIENCE)["messages"][-1]["content"] == "went through"
        assert "event: values" in each["stream"].result(PATIENCE)
    ended = f"SELECT run_status FROM ticks WHERE cron_id = '{cron['cron_id']}'"
    assert house.rows(ended) == [("success",)] * 2
    if thread_id is not None:
        house.client.threads.delete(thread_id)
    for each in told:
        each["thread"].result(PATIENCE)
    house.check_goes_on()


@pytest.mark.parametrize("delete_threads", [False, True], ids=["alone", "with its threads"])
def test_an_assistant_that_is_deleted_under_way_leaves_its_runs_or_takes_them_along(
    house: House, gate: Gate, callers: ThreadPoolExecutor, delete_threads: bool
) -> None:
    assistant = house.assistant()
    thread_id = house.thread()
    runs = [house.run(thread_id, gate, assistant) for _ in range(2)]
    visitor = gate.arrival()
    told = following(house, callers, dict.fromkeys(runs, thread_id), waiting=delete_threads)
    house.client.assistants.delete(assistant, delete_threads=delete_threads)
    if delete_threads:
        assert is_stopped(visitor)
    else:
        visitor.close()
        gate.arrival().close()
    for each in told:
        answer = each["join"].result(PATIENCE)
        each["stream"].result(PATIENCE)
        if delete_threads:
            assert answer["__error__"]["error"] == "NotFound"
        else:
            assert answer["messages"][-1]["content"] == "went through"
    if not delete_threads:
        house.client.threads.delete(thread_id)
    for each in told:
        each["thread"].result(PATIENCE)
    house.check_goes_on()


def test_a_run_whose_worker_stands_still_can_be_cancelled_and_the_next_one_is_taken(
    serve: Callable[..., Served], tmp_path: Path, postgres_url: str, gate: Gate
) -> None:
    def started(name: str) -> Served:
        folder = tmp_path / name
        folder.mkdir()
        return serve("--config", str(GRAPHS), "--database", postgres_url, folder=folder, CRONLANE_LEASE="1")

    still = started("still")
    with get_sync_client(url=still.url) as client:
        thread_id = client.threads.create()["thread_id"]
        run_id = client.runs.create(thread_id, "waiting", input={**QUESTION, "port": gate.port})["run_id"]
    visitor = gate.arrival()
    other = started("other")
    still.send(signal.SIGSTOP)
    try:
        with get_sync_client(url=other.url) as client:
            client.runs.cancel(thread_id, run_id, wait=True)
            assert client.runs.get(thread_id, run_id)["status"] == "interrupted"
            values = client.runs.wait(thread_id, "agent", input=QUESTION)
            assert isinstance(values, dict)
            before = client.threads.get(thread_id)
    finally:
        still.send(signal.SIGCONT)
    assert is_stopped(visitor), "it finds that the run is not its own any more"
    for server in (still, other):
        with get_sync_client(url=server.url) as client:
            assert client.threads.get(thread_id) == before
            assert client.runs.get(thread_id, run_id)["status"] == "interrupted"
            assert len(client.runs.list(thread_id)) == 2
        assert server.stop() == 0, server.log.read_text()
