"""Servers and workers on one PostgreSQL."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import psycopg
from langgraph_sdk import get_sync_client

from cronlane_service.store.listener import POLL
from gate import Gate
from receiver import Receiver
from serving import CRONLANE, GRAPHS, Served, attempt, clean_environment, wait_until


def test_a_worker_needs_a_database_that_can_be_shared(tmp_path: Path) -> None:
    done = attempt(CRONLANE, "worker", "--database", tmp_path / "cronlane.db")
    assert done.code == 2
    assert done.err.count("\n") == 1
    assert "PostgreSQL" in done.err


def test_a_database_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    done = attempt(CRONLANE, "serve", "--database", "postgresql://ann:secret@127.0.0.1:1/x", cwd=tmp_path)
    assert done.code == 2
    assert done.err.count("\n") == 1
    assert "secret" not in done.err


def test_two_servers_and_a_worker_share_threads_runs_and_crons(
    serve: Callable[..., Served], tmp_path: Path, postgres_url: str
) -> None:
    one, other = (serve("--database", postgres_url, folder=_folder(tmp_path, name)) for name in ("one", "other"))
    with get_sync_client(url=one.url) as here, get_sync_client(url=other.url) as there:
        thread = here.threads.create()["thread_id"]
        for client in (here, there, here):
            values = client.runs.wait(thread, "agent", input={"messages": [{"role": "user", "content": "time?"}]})
            assert isinstance(values, dict)
        assert len(there.threads.get_state(thread)["values"]["messages"]) == 6
        crons = [client.crons.create("agent", schedule="* * * * *", input={"messages": []}) for client in (here, there)]
        assert len(crons) == len(here.crons.search()) == len(there.crons.search())
    assert [server.stop() for server in (one, other)] == [0, 0]


def test_a_worker_executes_the_runs_of_a_server_that_is_gone(
    serve: Callable[..., Served], tmp_path: Path, postgres_url: str
) -> None:
    server = serve("--database", postgres_url, folder=_folder(tmp_path, "server"))
    with get_sync_client(url=server.url) as client:
        thread = client.threads.create()["thread_id"]
        client.runs.create(thread, "agent", input={"messages": []}, after_seconds=3)
    server.kill()
    with subprocess.Popen(
        [CRONLANE, "worker", "--database", postgres_url],
        env=clean_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=tmp_path,
        text=True,
    ) as worker:
        assert worker.stdout is not None
        assert worker.stdout.readline() == "cronlane: ready\n"
        with psycopg.connect(postgres_url, autocommit=True) as connection:
            status = "SELECT status FROM runs"
            wait_until(lambda: connection.execute(status).fetchall() == [("success",)], description="it is executed")
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(30) == 0


def test_a_run_goes_to_the_one_that_has_loaded_its_graph(
    serve: Callable[..., Served], tmp_path: Path, postgres_url: str
) -> None:
    knowing = serve("--config", str(GRAPHS), "--database", postgres_url, folder=_folder(tmp_path, "knowing"))
    # Its langgraph.json has no graph of that name; it is the only one here that could take the run.
    ignorant = serve("--database", postgres_url, folder=_folder(tmp_path, "ignorant"))
    with get_sync_client(url=knowing.url) as client:
        assistant = client.assistants.create("raising")["assistant_id"]
        thread = client.threads.create()["thread_id"]
    knowing.kill()
    with get_sync_client(url=ignorant.url) as client:
        foreign = client.runs.create(thread, assistant, input={"messages": []})["run_id"]
        behind = client.runs.create(thread, "agent", input={"messages": []})["run_id"]
        assert isinstance(client.runs.wait(None, "agent", input={"messages": []}), dict), "it has looked for runs since"
        assert [client.runs.get(thread, each)["status"] for each in (foreign, behind)] == ["pending", "pending"]
        again = serve("--config", str(GRAPHS), "--database", postgres_url, folder=_folder(tmp_path, "again"))
        client.runs.join(thread, behind)
        assert [client.runs.get(thread, each)["status"] for each in (foreign, behind)] == ["success", "success"]
    assert [server.stop() for server in (ignorant, again)] == [0, 0]


def _folder(parent: Path, name: str) -> Path:
    folder = parent / name
    folder.mkdir()
    return folder


def test_a_run_is_told_by_any_server_whichever_executes_it(
    serve: Callable[..., Served], tmp_path: Path, postgres_url: str
) -> None:
    one, other = (serve("--database", postgres_url, folder=_folder(tmp_path, name)) for name in ("one", "other"))
    given = {"messages": [{"role": "user", "content": "time?"}]}
    with get_sync_client(url=one.url) as here, get_sync_client(url=other.url) as there:
        thread = here.threads.create()["thread_id"]
        for client in (here, there) * 3:
            parts = list(client.runs.stream(thread, "agent", input=given, stream_resumable=True))
            assert [part.event for part in parts] == ["metadata", "values", "values"]
            for each in (here, there):
                again = list(each.runs.join_stream(thread, parts[0].data["run_id"], last_event_id=parts[0].id))
                assert again == parts[1:]
    assert [server.stop() for server in (one, other)] == [0, 0]


def test_a_server_calls_the_webhook_of_a_run_that_a_worker_executed_as_soon_as_it_has_ended(
    serve: Callable[..., Served], tmp_path: Path, postgres_url: str, gate: Gate
) -> None:
    options = ("--config", str(GRAPHS), "--database", postgres_url)
    full = {"CRONLANE_WEBHOOK_HOSTS": "any", "CRONLANE_CONCURRENCY": "1"}
    server = serve(*options, folder=_folder(tmp_path, "server"), **full)
    with get_sync_client(url=server.url) as client, Receiver() as receiver:
        held = client.threads.create()["thread_id"]
        client.runs.create(held, "waiting", input={"port": gate.port})
        visitor = gate.arrival()  # the server executes one run at a time: the next one is the worker's
        command, folder = [CRONLANE, "worker", *options], _folder(tmp_path, "worker")
        with (folder / "log.txt").open("wb") as log:
            worker = subprocess.Popen(command, env=clean_environment(), stdout=log, stderr=log, cwd=folder)
        try:
            client.runs.create(None, "agent", input={"messages": []}, webhook=receiver.url)
            (received,) = receiver.wait()
        finally:
            worker.send_signal(signal.SIGTERM)
            worker.wait(30)
        visitor.close()
    assert "run_ended" in (folder / "log.txt").read_text()
    ended, sent = (datetime.fromisoformat(received.json[name]) for name in ("run_ended_at", "webhook_sent_at"))
    assert sent - ended < timedelta(seconds=POLL) / 5, "it was told, and did not come upon it"
    assert server.stop() == 0
