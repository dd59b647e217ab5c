"""The database goes away under a real server and comes back: nothing is lost, nothing twice, nothing restarted."""

from __future__ import annotations

import os
import resource
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import httpx
import psycopg
import pytest
from google.rpc import error_details_pb2
from grpc_health.v1 import health_pb2
from grpc_health.v1.health_pb2_grpc import HealthStub
from grpc_status import rpc_status

from cronlane.v1 import threads_pb2
from cronlane.v1.threads_pb2_grpc import ThreadServiceStub
from official import QUESTION
from postgres import PostgresServer
from serving import Served, wait_until

SERVING, NOT_SERVING = health_pb2.HealthCheckResponse.SERVING, health_pb2.HealthCheckResponse.NOT_SERVING
MICROSECONDS = 1_000_000

LEDGER = "SELECT scheduled_for, outcome, count, run_id FROM ticks WHERE cron_id = '{}' ORDER BY scheduled_for"
UNENDED = "SELECT count(*) FROM runs WHERE status IN ('pending', 'running')"
# A run that cannot save a checkpoint for want of room ends with that error.
UNSUCCESSFUL = """
    SELECT run_status, run_error_message FROM ticks WHERE run_id IS NOT NULL AND run_status IS DISTINCT FROM 'success'
    AND coalesce(run_error_message, '') NOT LIKE '%disk%'
"""
CUT = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()
"""
RUNS = "SELECT count(*) FROM ticks WHERE run_id IS NOT NULL"


class Caller:
    """Somebody outside, with REST, gRPC and grpc.health."""

    def __init__(self, served: Served) -> None:
        self.http = httpx.Client(base_url=served.url, timeout=30)
        self.channel = grpc.insecure_channel(served.grpc)

    def health(self) -> int:
        return int(HealthStub(self.channel).Check(health_pb2.HealthCheckRequest()).status)

    def wait_for_health(self, status: int) -> None:
        wait_until(lambda: self.health() == status, description=f"health says {status}", within=30)

    def check_unavailable(self) -> str:
        """That both APIs say so; with what reason."""
        reply = self.http.post("/threads", json={})
        assert (reply.status_code, reply.headers["retry-after"]) == (503, "1"), reply.text
        with pytest.raises(grpc.RpcError) as caught:
            ThreadServiceStub(self.channel).CreateThread(threads_pb2.CreateThreadRequest())
        assert caught.value.code() == grpc.StatusCode.UNAVAILABLE  # type: ignore[attr-defined]
        status = rpc_status.from_call(caught.value)  # type: ignore[arg-type]
        assert any(detail.Is(error_details_pb2.RetryInfo.DESCRIPTOR) for detail in status.details)
        db = self.http.get("/ok?check_db=1")
        assert (db.status_code, db.headers["retry-after"]) == (503, "1")
        assert self.http.get("/ok").status_code == 200, "the process itself is there"
        return str(reply.json()["detail"])

    def each_second(self) -> str:
        cron = self.http.post(
            "/runs/crons", json={"assistant_id": "agent", "schedule": "* * * * * *", "input": QUESTION}
        )
        return str(cron.raise_for_status().json()["cron_id"])

    def delete(self, cron_id: str) -> None:
        assert self.http.delete(f"/runs/crons/{cron_id}").status_code == 204


@contextmanager
def calling(served: Served) -> Iterator[Caller]:
    caller = Caller(served)
    with caller.http, caller.channel:
        yield caller


def check_nothing_lost_or_twice(query: Callable[[str], list[Any]], cron_id: str) -> None:
    """Every second from the first tick to the last has its row, and every run that was made succeeded."""
    wait_until(lambda: query(UNENDED) == [(0,)], description="all runs have ended")
    ledger = query(LEDGER.format(cron_id))
    counted = sum(count for _, _, count, _ in ledger)
    assert counted == (ledger[-1][0] - ledger[0][0]) // MICROSECONDS + 1, ledger
    runs = [run_id for *_, run_id in ledger if run_id is not None]
    assert len(runs) == len(set(runs)) > 1
    assert query(UNSUCCESSFUL) == []


def test_postgresql_is_killed_and_comes_back(serve: Callable[..., Served], postgres: PostgresServer) -> None:
    served = serve("--database", postgres.url)
    with calling(served) as caller:
        cron_id = caller.each_second()
        wait_until(lambda: asked(postgres.url, RUNS) > [(1,)], description="it fires")
        postgres.kill()
        caller.wait_for_health(NOT_SERVING)
        caller.check_unavailable()
        postgres.start()
        caller.wait_for_health(SERVING)
        before = asked(postgres.url, RUNS)
        wait_until(lambda: asked(postgres.url, RUNS) > before, description="it fires again")
        caller.delete(cron_id)
        check_nothing_lost_or_twice(lambda query: asked(postgres.url, query), cron_id)
    assert served.stop() == 0


def test_connections_that_are_cut_are_made_again(serve: Callable[..., Served], postgres_url: str) -> None:
    served = serve("--database", postgres_url)
    with calling(served) as caller:
        cron_id = caller.each_second()
        for _ in range(3):
            before = asked(postgres_url, RUNS)
            wait_until(lambda before=before: asked(postgres_url, RUNS) > before, description="it fires")
            assert len(asked(postgres_url, CUT)) > 2
            assert caller.http.post("/threads", json={}).status_code == 200, "a new connection works at once"
        caller.delete(cron_id)
        check_nothing_lost_or_twice(lambda query: asked(postgres_url, query), cron_id)
    assert served.stop() == 0


def asked(url: str, query: str) -> list[Any]:
    with psycopg.connect(url, autocommit=True) as connection:
        return connection.execute(query.encode()).fetchall()


def read(file: Path, query: str) -> list[Any]:
    with sqlite3.connect(f"file:{file}?mode=ro", uri=True) as connection:
        rows = connection.execute(query).fetchall()
    connection.close()
    return rows


@contextmanager
def full(served: Served) -> Iterator[None]:
    """The process can make no file longer than it is, nor write its log."""
    pid = served.process.pid
    _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, hard))
    yield
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (hard, hard))


@contextmanager
def locked(served: Served) -> Iterator[None]:
    """Another process holds the lock of the file."""
    other = sqlite3.connect(served.database, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    yield
    other.execute("ROLLBACK")
    other.close()


@contextmanager
def moved(served: Served) -> Iterator[None]:
    """Somebody moves the file, and a copy of it is put in its place."""
    away = served.database.with_suffix(".away")
    served.database.rename(away)
    served.database.write_bytes(away.read_bytes())
    yield
    away.replace(served.database)


@contextmanager
def deleted(served: Served) -> Iterator[None]:
    """Somebody deletes the file; there is another name for it."""
    kept = served.database.with_suffix(".kept")
    os.link(served.database, kept)
    served.database.unlink()
    yield
    kept.replace(served.database)


@pytest.mark.parametrize(
    ("trouble", "said"), [(full, "I/O|full"), (locked, "locked"), (moved, "replaced"), (deleted, "deleted")]
)
def test_a_sqlite_file_that_cannot_be_written_passes(serve: Callable[..., Served], trouble: Any, said: str) -> None:
    served = serve()
    with calling(served) as caller:
        cron_id = caller.each_second()
        wait_until(lambda: read(served.database, RUNS) > [(1,)], description="it fires")
        with trouble(served):
            caller.wait_for_health(NOT_SERVING)
            detail = caller.check_unavailable()
            assert any(word in detail for word in said.split("|")), detail
        caller.wait_for_health(SERVING)
        before = read(served.database, RUNS)
        wait_until(lambda: read(served.database, RUNS) > before, description="it fires again")
        assert caller.http.post("/threads", json={}).status_code == 200
        caller.delete(cron_id)
        check_nothing_lost_or_twice(lambda query: read(served.database, query), cron_id)
    assert served.stop() == 0
