"""The real gRPC server on a free port, over the real store and use cases; only the graphs are made up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from builders import FakeClock, counting_ids
from cronlane.v1.assistants_pb2_grpc import AssistantServiceStub
from cronlane.v1.common_pb2 import Json
from cronlane.v1.crons_pb2_grpc import CronServiceStub
from cronlane.v1.runs_pb2_grpc import RunServiceStub
from cronlane.v1.threads_pb2_grpc import ThreadServiceStub
from cronlane_service.domain.errors import GraphNotLoaded
from cronlane_service.domain.models import Outcome, Run, RunStatus, ThreadState
from cronlane_service.rpc.assistants import AssistantServicer
from cronlane_service.rpc.crons import CronServicer
from cronlane_service.rpc.endings import Endings
from cronlane_service.rpc.runs import RunServicer
from cronlane_service.rpc.server import GrpcServer, Options
from cronlane_service.rpc.threads import ThreadServicer
from cronlane_service.store import open_database
from cronlane_service.usecases.assistants import Assistants
from cronlane_service.usecases.attempts import Attempts
from cronlane_service.usecases.crons import Crons
from cronlane_service.usecases.runs import Runs
from cronlane_service.usecases.threads import Threads

Served = tuple[GrpcServer, int]


class FakeGraphs:
    """Knows one graph, and the states that a test puts into it."""

    names = ("agent",)

    def __init__(self) -> None:
        self.states: dict[tuple[str, str | None], ThreadState] = {}
        self.asked: list[tuple[str, str, str | None, bool]] = []

    async def state(
        self, graph_id: str, thread_id: str, checkpoint_id: str | None = None, subgraphs: bool = False
    ) -> ThreadState | None:
        if graph_id not in self.names:
            raise GraphNotLoaded(graph_id, self.names)
        self.asked.append((graph_id, thread_id, checkpoint_id, subgraphs))
        return self.states.get((thread_id, checkpoint_id))


@dataclass
class Refusal:
    """A status that is not OK, taken apart."""

    code: grpc.StatusCode
    message: str
    reason: str
    domain: str
    facts: dict[str, str]
    fields: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    retry_after: float | None = None


def take_apart(error: grpc.aio.AioRpcError) -> Refusal:
    status = rpc_status.from_call(
        SimpleNamespace(trailing_metadata=error.trailing_metadata, code=error.code, details=error.details)
    )
    assert status is not None, f"{error.code()} came without details: {error.details()}"
    infos: list[Any] = []
    found = Refusal(error.code(), status.message, "", "", {})
    for detail in status.details:
        if detail.Is(error_details_pb2.ErrorInfo.DESCRIPTOR):
            info = error_details_pb2.ErrorInfo()
            detail.Unpack(info)
            infos.append(info)
        elif detail.Is(error_details_pb2.BadRequest.DESCRIPTOR):
            bad = error_details_pb2.BadRequest()
            detail.Unpack(bad)
            found.fields = [violation.field for violation in bad.field_violations]
            found.problems = [violation.description for violation in bad.field_violations]
        elif detail.Is(error_details_pb2.RetryInfo.DESCRIPTOR):
            retry = error_details_pb2.RetryInfo()
            detail.Unpack(retry)
            found.retry_after = retry.retry_delay.ToTimedelta().total_seconds()
    (info,) = infos
    found.reason, found.domain, found.facts = info.reason, info.domain, dict(info.metadata)
    return found


@pytest.fixture
def refused() -> Callable[[Awaitable[Any]], Awaitable[Refusal]]:
    """Awaits a call that must fail, and answers how it did."""

    async def refused(call: Awaitable[Any]) -> Refusal:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await asyncio.wait_for(call, 20)
        return take_apart(caught.value)

    return refused


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def graphs() -> FakeGraphs:
    return FakeGraphs()


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Any]:
    database = open_database(str(tmp_path / "cronlane.db"))
    database.migrate()
    database.start()
    yield database
    database.stop()


@pytest.fixture
def build(database: Any, clock: FakeClock, graphs: FakeGraphs) -> Callable[..., GrpcServer]:
    """A server over the database, not bound yet."""
    new_id = counting_ids()
    assistants = Assistants(clock)
    database.submit(lambda tx: assistants.sync(tx, graphs.names)).result(10)

    def build(options: Options | None = None) -> GrpcServer:
        endings = Endings(database)
        return GrpcServer(
            ThreadServicer(database, Threads(clock, new_id), graphs),
            CronServicer(database, Crons(clock, new_id)),
            RunServicer(database, Runs(clock, new_id), endings),
            AssistantServicer(database, assistants),
            endings,
            options or Options(),
        )

    return build


@pytest.fixture
async def serve(build: Callable[..., GrpcServer]) -> AsyncIterator[Callable[..., Awaitable[Served]]]:
    """Starts a server on a free port; it is stopped after the test."""
    started: list[GrpcServer] = []

    async def serve(options: Options | None = None) -> Served:
        server = build(options)
        port = await server.bind("127.0.0.1", 0)
        await server.start()
        started.append(server)
        return server, port

    yield serve
    for server in started:
        await server.stop(1)


@pytest.fixture
async def served(serve: Callable[..., Awaitable[Served]]) -> Served:
    return await serve()


@pytest.fixture
def port(served: Served) -> int:
    return served[1]


@pytest.fixture
async def channel(port: int) -> AsyncIterator[grpc.aio.Channel]:
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield channel


@pytest.fixture
def threads(channel: grpc.aio.Channel) -> Any:
    return ThreadServiceStub(channel)


@pytest.fixture
def crons(channel: grpc.aio.Channel) -> Any:
    return CronServiceStub(channel)


@pytest.fixture
def runs(channel: grpc.aio.Channel) -> Any:
    return RunServiceStub(channel)


@pytest.fixture
def assistants(channel: grpc.aio.Channel) -> Any:
    return AssistantServiceStub(channel)


@pytest.fixture
def claim(database: Any, clock: FakeClock) -> Callable[[], Awaitable[list[Run]]]:
    """Takes up what is pending, as a worker does."""
    attempts = Attempts(clock)

    async def claim() -> list[Run]:
        return list(await database.write(lambda tx: attempts.claim(tx, "worker", timedelta(seconds=30), 100)))

    return claim


@pytest.fixture
def finish(database: Any, clock: FakeClock) -> Callable[..., Awaitable[None]]:
    """Ends a run that was claimed."""
    attempts = Attempts(clock)

    async def finish(run: Run, outcome: Outcome | None = None) -> None:
        ended = outcome or Outcome(RunStatus.SUCCESS, values='{"n": 1.0}')
        assert await database.write(lambda tx: attempts.finish(tx, run, ended))

    return finish


@pytest.fixture
def json() -> Callable[[str], Json]:
    return lambda text: Json(text=text)
