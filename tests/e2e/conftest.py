"""Servers for tests: one for all tests of a file, or a test's own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
from langgraph_sdk import get_client, get_sync_client
from langgraph_sdk.client import LangGraphClient, SyncLangGraphClient

from gate import Gate
from official import Unblocked
from postgres import PostgresServer
from serving import GRAPHS, Served


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One server for all tests of a file, with the graphs of this folder; `agent` is the demo graph."""
    server = Served(tmp_path_factory.mktemp("served"), "--config", str(GRAPHS))
    yield server
    assert server.stop() == 0, server.log.read_text()


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Served]]:
    """Starts servers of the test's own in its folder; what is left running is killed."""
    started: list[Served] = []

    def serve(*options: str, folder: Path = tmp_path, **environment: str) -> Served:
        started.append(Served(folder, *options, **environment))
        return started[-1]

    yield serve
    for server in started:
        if server.process.poll() is None:
            server.kill()


@pytest.fixture(params=["async", "sync"])
async def sdk(request: pytest.FixtureRequest, served: Served) -> AsyncIterator[LangGraphClient | Unblocked]:
    """The official SDK: its asynchronous client, and then its blocking one."""
    if request.param == "async":
        async with get_client(url=served.url) as client:
            yield client
    else:
        with get_sync_client(url=served.url) as blocking:
            yield Unblocked(blocking)


@pytest.fixture
def client(served: Served) -> Iterator[SyncLangGraphClient]:
    """The official SDK's blocking client."""
    with get_sync_client(url=served.url) as client:
        yield client


@pytest.fixture
def gate() -> Iterator[Gate]:
    with Gate() as gate:
        yield gate


@pytest.fixture
def postgres() -> Iterator[PostgresServer]:
    """A server of the test's own: it is killed."""
    server = PostgresServer()
    server.start()
    yield server
    server.remove()
