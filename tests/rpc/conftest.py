"""The real gRPC server on a free port, over the real store and use cases; only the graphs are made up."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from json import dumps, loads
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
from cronlane.v1.graphs_pb2_grpc import GraphServiceStub
from cronlane.v1.runs_pb2_grpc import RunServiceStub
from cronlane.v1.threads_pb2_grpc import ThreadServiceStub
from cronlane_service.domain.errors import GraphNotLoaded
from cronlane_service.domain.introspection import Drawing, Schemas
from cronlane_service.domain.models import Checkpoint, ThreadState
from cronlane_service.domain.runs import Outcome, Run, RunStatus
from cronlane_service.domain.states import HistoryQuery, Place, Supersteps, Updated
from cronlane_service.rpc.assistants import AssistantServicer
from cronlane_service.rpc.crons import CronServicer
from cronlane_service.rpc.endings import Endings
from cronlane_service.rpc.following import Following
from cronlane_service.rpc.graphs import GraphServicer
from cronlane_service.rpc.runs import RunServicer
from cronlane_service.rpc.server import GrpcServer, Options
from cronlane_service.rpc.store import StoreServicer
from cronlane_service.rpc.thread_protocol import ThreadProtocolServicer
from cronlane_service.rpc.threads import ThreadServicer
from cronlane_service.runner.items import LocalItems
from cronlane_service.usecases.assistants import Assistants
from cronlane_service.usecases.attempts import Attempts
from cronlane_service.usecases.crons import Crons
from cronlane_service.usecases.items import Items
from cronlane_service.usecases.manual_runs import ManualRuns
from cronlane_service.usecases.previews import Previews
from cronlane_service.usecases.protocol import Protocol
from cronlane_service.usecases.runs import Runs
from cronlane_service.usecases.streams import Streams
from cronlane_service.usecases.threads import Threads

Served = tuple[GrpcServer, int]


class FakeGraphs:
    """Knows one graph, and the states that a test puts into it."""

    names = ("agent",)

    def __init__(self) -> None:
        self.states: dict[tuple[str, str | None], ThreadState] = {}
        self.asked: list[tuple[str, str, str | None, bool]] = []
        self.queries: list[HistoryQuery] = []
        self.updates: list[tuple[str, Supersteps, Place]] = []
        self.refusal: Exception | None = None
        self.copies: dict[str, str] = {}
        self.forgotten: dict[str, Mapping[str, str]] = {}

    async def state(
        self, graph_id: str, thread_id: str, place: Place | None = None, subgraphs: bool = False, *, owner: str = ""
    ) -> ThreadState | None:
        if graph_id not in self.names:
            raise GraphNotLoaded(graph_id, self.names)
        checkpoint_id = place.checkpoint_id if place else None
        self.asked.append((graph_id, thread_id, checkpoint_id, subgraphs))
        return self.states.get((thread_id, checkpoint_id))

    async def history(
        self, graph_id: str, thread_id: str, query: HistoryQuery, *, owner: str = ""
    ) -> list[ThreadState]:
        if graph_id not in self.names:
            raise GraphNotLoaded(graph_id, self.names)
        self.queries.append(query)
        return [state for (thread, _), state in self.states.items() if thread == thread_id][: query.limit]

    async def update(
        self, graph_id: str, thread_id: str, supersteps: Supersteps, place: Place | None = None, *, owner: str = ""
    ) -> Updated:
        if graph_id not in self.names:
            raise GraphNotLoaded(graph_id, self.names)
        if self.refusal is not None:
            raise self.refusal
        self.updates.append((thread_id, supersteps, place or Place()))
        left = Outcome(RunStatus.SUCCESS, supersteps[-1][-1].values, stopped=True)
        return Updated(Checkpoint(thread_id, "", "new"), left, '{"next":[]}')

    async def copy(self, source_id: str, target_id: str) -> None:
        if self.refusal is not None:
            raise self.refusal
        self.copies[target_id] = source_id

    async def newest(self, thread_id: str) -> Mapping[str, str]:
        return {"": f"newest of {thread_id}"}

    async def forget(self, thread_id: str, newest: Mapping[str, str]) -> None:
        self.forgotten[thread_id] = newest


class FakeIntrospection:
    """Answers what it was asked, as JSON."""

    names = ("agent",)

    async def drawing(self, graph_id: str, config: str, xray: int | bool, *, owner: str = "") -> Drawing:
        return Drawing(nodes=dumps([graph_id, loads(config)]), edges=dumps([xray]))

    async def schemas(self, graph_id: str, config: str, *, owner: str = "") -> Schemas:
        return Schemas(input=config, output=None, state='{"title":"state"}', config="{}", context=None)

    async def subgraphs(
        self, graph_id: str, config: str, namespace: str | None = None, recurse: bool = False, *, owner: str = ""
    ) -> dict[str, Schemas]:
        found = await self.schemas(graph_id, dumps([namespace, recurse]))
        return {"second": found, "first": found}


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
def graphs() -> FakeGraphs:
    return FakeGraphs()


@pytest.fixture
def items(tmp_path: Path) -> LocalItems:
    """The long-term store, closed."""
    return LocalItems(tmp_path / "cronlane.store.db")


@pytest.fixture
def build(database: Any, clock: FakeClock, graphs: FakeGraphs, items: LocalItems) -> Callable[..., GrpcServer]:
    """A server over the database, not bound yet."""
    new_id = counting_ids()
    assistants = Assistants(clock, lambda: str(uuid.uuid4()), graphs.names)
    database.submit(assistants.sync).result(10)

    def build(options: Options | None = None) -> GrpcServer:
        endings, runs = Endings(database), Runs(clock, new_id)
        following = Following(database, Streams(), runs, endings)
        return GrpcServer(
            ThreadServicer(database, Threads(clock, new_id), graphs, following),
            CronServicer(database, Crons(clock, new_id), ManualRuns(clock, new_id), Previews(clock)),
            RunServicer(database, runs, endings, following),
            AssistantServicer(database, assistants),
            GraphServicer(database, assistants, FakeIntrospection()),
            StoreServicer(Items(items)),
            ThreadProtocolServicer(database, Protocol(clock, runs), following),
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
async def channel(served: Served, request: pytest.FixtureRequest) -> AsyncIterator[grpc.aio.Channel]:
    """Over a socket, or ("inprocess") without one."""
    server, port = served
    way = getattr(request, "param", "wire")
    async with server.channel() if way == "inprocess" else grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
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
def graph_service(channel: grpc.aio.Channel) -> Any:
    return GraphServiceStub(channel)


@pytest.fixture
def claim(database: Any, clock: FakeClock) -> Callable[[], Awaitable[list[Run]]]:
    """Takes up what is pending, as a worker does."""
    attempts = Attempts(clock, ["agent"])

    async def claim() -> list[Run]:
        return list(await database.write(lambda tx: attempts.claim(tx, "worker", timedelta(seconds=30), 100)))

    return claim


@pytest.fixture
def finish(database: Any, clock: FakeClock) -> Callable[..., Awaitable[None]]:
    """Ends a run that was claimed."""
    attempts = Attempts(clock, ["agent"])

    async def finish(run: Run, outcome: Outcome | None = None) -> None:
        ended = outcome or Outcome(RunStatus.SUCCESS, values='{"n": 1.0}')
        assert await database.write(lambda tx: attempts.finish(tx, run, ended))

    return finish


@pytest.fixture
def json() -> Callable[[str], Json]:
    return lambda text: Json(text=text)
