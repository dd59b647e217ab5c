"""The servers that are measured, each a process of its own on loopback."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.load import TESTS
from differential.official_server import GRAPHS, official_server
from postgres import Databases, PostgresServer
from serving import CRONLANE, Served, clean_environment

TICK = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class Address:
    """Where a server listens, and its process, if that is known."""

    host: str
    port: int
    process: int = 0

    @classmethod
    def of(cls, text: str, process: int = 0) -> Address:
        host, _, port = text.removeprefix("http://").rpartition(":")
        return cls(host, int(port), process)

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


def cpu(process: int) -> float:
    """Seconds that a process has used, with all its threads."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def resident(process: int) -> float:
    """Megabytes."""
    return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * PAGE / 1e6


@contextmanager
def echo() -> Iterator[Address]:
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.echo"],
        env=os.environ | {"PYTHONPATH": str(TESTS)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield Address("127.0.0.1", int(process.stdout.readline()), process.pid)
    finally:
        process.stdin.close()
        process.wait(30)
        process.stdout.close()


@contextmanager
def cronlane(folder: Path, database: str = "", *, orderly: bool = True, **environment: str) -> Iterator[Served]:
    """`cronlane serve` with the graphs of the differential tests, on a file in this folder or on PostgreSQL.

    ``orderly``: what it has to do still is done, or handed back, before it ends.
    """
    options = ["--config", str(GRAPHS / "langgraph.json"), *(["--database", database] if database else [])]
    served = Served(folder, *options, **environment)
    try:
        yield served
    finally:
        if orderly:
            served.stop()
        else:
            served.kill()


@contextmanager
def fresh_cronlane(database: str = "") -> Iterator[Served]:
    """One with nothing in it."""
    with tempfile.TemporaryDirectory() as folder, cronlane(Path(folder), database) as served:
        yield served


@contextmanager
def official() -> Iterator[Address]:
    """LangGraph's own development server, with the same graphs. Raises NotInstalled."""
    with tempfile.TemporaryDirectory() as folder, official_server(Path(folder)) as url:
        yield Address.of(url)


@contextmanager
def worker(folder: Path, database: str) -> Iterator[None]:
    """`cronlane worker` with the same graphs."""
    command = [str(CRONLANE), "worker", "--config", str(GRAPHS / "langgraph.json"), "--database", database]
    with (folder / "worker.txt").open("ab") as log:
        process = subprocess.Popen(
            command, cwd=folder, env=clean_environment(), stdout=subprocess.PIPE, stderr=log, text=True
        )
    assert process.stdout is not None
    try:
        while process.stdout.readline() not in ("cronlane: ready\n", ""):
            pass
        yield
    finally:
        process.terminate()
        process.wait(30)
        process.stdout.close()


@contextmanager
def postgres_databases() -> Iterator[Databases]:
    """On a server that syncs each commit to disk."""
    given = os.environ.get("CRONLANE_TEST_POSTGRES")
    with ExitStack() as stack:
        if given is None:
            server = PostgresServer(durable=True)
            stack.callback(server.remove)
            server.start()
            given = server.url
        databases = Databases(given)
        stack.callback(databases.close)
        yield databases


@contextmanager
def postgres() -> Iterator[str]:
    """A database of its own."""
    with postgres_databases() as databases, databases.lent() as url:
        yield url
