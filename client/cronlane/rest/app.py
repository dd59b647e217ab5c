"""The application: routes of the protos, each answered by one call to the service."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import grpc.aio
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware.errors import ServerErrorMiddleware
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response
from starlette.routing import WebSocketRoute
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket

from cronlane._channel import WaitingStub
from cronlane.rest.errors import HANDLERS, KNOWN, answer, failed
from cronlane.rest.exchange import Exchange
from cronlane.rest.front import Front
from cronlane.rest.metrics import Requests
from cronlane.rest.paths import Paths
from cronlane.rest.replies import REPLIES, resource
from cronlane.rest.requests import RequestReader
from cronlane.rest.routes import Binding, table
from cronlane.rest.system import system_routes
from cronlane.rest.websocket import PATH, Connection
from cronlane.v1.assistants_pb2_grpc import AssistantServiceStub
from cronlane.v1.crons_pb2_grpc import CronServiceStub
from cronlane.v1.graphs_pb2_grpc import GraphServiceStub
from cronlane.v1.runs_pb2_grpc import RunServiceStub
from cronlane.v1.store_pb2_grpc import StoreServiceStub
from cronlane.v1.thread_protocol_pb2_grpc import ThreadProtocolServiceStub
from cronlane.v1.threads_pb2_grpc import ThreadServiceStub

_STUBS = (
    AssistantServiceStub,
    CronServiceStub,
    GraphServiceStub,
    RunServiceStub,
    StoreServiceStub,
    ThreadProtocolServiceStub,
    ThreadServiceStub,
    WaitingStub,
)
_IDENTITY = frozenset({b"x-api-key", b"authorization"})  # headers that say who is calling


def build_app(
    channel: grpc.aio.Channel,
    *,
    version: str,
    max_body: int,
    langgraph_version: str | None = None,
    keep_alive: float = 5.0,
    ready: Callable[[], bool] = lambda: True,
) -> ASGIApp:
    """The REST API over a channel of the same loop. ``ready``: whether the database can be written.

    Bodies over ``max_body`` bytes are refused; ``keep_alive`` is the time in seconds between the signs of life of a
    reply that waits for a run.
    """
    methods = _methods(channel)
    paths = Paths(
        {
            path: _Endpoint({verb: _Call(binding, methods, max_body, keep_alive) for verb, binding in verbs.items()})
            for path, verbs in table().items()
        }
    )
    requests = Requests()

    async def websocket(socket: WebSocket) -> None:
        await Connection(socket, methods, _identity(socket)).serve()

    others = [*system_routes(ready, version, langgraph_version, requests), WebSocketRoute(PATH, websocket)]
    # It has the paths too, to send who asks for one with a slash behind it there.
    app = Starlette(routes=[paths, *others], exception_handlers=HANDLERS)
    return Front(ServerErrorMiddleware(_First(paths, app), failed), requests)


def _methods(channel: grpc.aio.Channel) -> Mapping[str, Any]:
    """The calls of all services by method; waiting ones can be read before they end."""
    return {name: method for stub in _STUBS for name, method in vars(stub(channel)).items()}


def _identity(connection: HTTPConnection) -> list[tuple[str, str]]:
    told = {name: value for name, value in reversed(connection.scope["headers"]) if name in _IDENTITY}
    return [(name.decode("latin-1"), value.decode("latin-1")) for name, value in told.items()]


class _First:
    """Asks the API's paths before the application, which goes through its routes one by one."""

    def __init__(self, paths: Paths, app: ASGIApp) -> None:
        self._paths, self._app = paths, app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        found = self._paths.find(scope) if scope["type"] == "http" else None
        if found is None:
            await self._app(scope, receive, send)
        else:
            endpoint, scope["path_params"] = found
            await endpoint(scope, receive, send)


class _Call:
    """One binding: HTTP in, one call to the service, HTTP out."""

    def __init__(self, binding: Binding, methods: Mapping[str, Any], max_body: int, keep_alive: float) -> None:
        self._binding, self._keep_alive = binding, keep_alive
        self._requests = RequestReader(binding, max_body)
        self._method = methods[binding.method.name]
        self._reply = REPLIES.get(binding.method.name, resource)

    async def __call__(self, http: Request) -> Response:
        request = await self._requests.read(http)
        metadata = _identity(http)

        def send() -> Any:
            return self._method(request, metadata=metadata)

        return await self._reply(Exchange(http, self._binding, request, send, self._keep_alive))


class _Endpoint:
    """All verbs of one path."""

    def __init__(self, calls: Mapping[str, _Call]) -> None:
        self._calls = calls
        self._allowed = ", ".join(sorted({*calls, "HEAD"} if "GET" in calls else calls))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        http = Request(scope, receive)
        try:
            response = await self._call(scope["method"])(http)
        except KNOWN as error:
            response = await answer(http, error)
        await response(scope, receive, send)

    def _call(self, verb: str) -> _Call:
        call = self._calls.get("GET" if verb == "HEAD" else verb)
        if call is None:
            raise HTTPException(405, headers={"Allow": self._allowed})
        return call
