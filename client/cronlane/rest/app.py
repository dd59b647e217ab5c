"""The application: routes of the protos, each answered by one call to the service."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import grpc.aio
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response
from starlette.routing import WebSocketRoute
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket

from cronlane._channel import WaitingStub
from cronlane.rest.errors import HANDLERS
from cronlane.rest.exchange import Exchange
from cronlane.rest.metrics import Requests
from cronlane.rest.paths import Paths
from cronlane.rest.replies import REPLIES, resource
from cronlane.rest.requests import service_request
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
_IDENTITY = ("x-api-key", "authorization")  # headers that say who is calling
_CORS = Middleware(
    CORSMiddleware,
    allow_origins=["*"],
    allow_methods=["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"],
    allow_headers=["*"],
    expose_headers=["x-pagination-total", "x-pagination-next", "content-location"],
    allow_private_network=True,
)


def build_app(
    channel: grpc.aio.Channel,
    *,
    version: str,
    max_body: int,
    langgraph_version: str | None = None,
    keep_alive: float = 5.0,
    ready: Callable[[], bool] = lambda: True,
) -> Starlette:
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

    return Starlette(
        routes=[paths, *system_routes(ready, version, langgraph_version, requests), WebSocketRoute(PATH, websocket)],
        middleware=[Middleware(requests.counting), _CORS],
        exception_handlers=HANDLERS,
    )


def _methods(channel: grpc.aio.Channel) -> Mapping[str, Any]:
    """The calls of all services by method; waiting ones can be read before they end."""
    return {name: method for stub in _STUBS for name, method in vars(stub(channel)).items()}


def _identity(connection: HTTPConnection) -> list[tuple[str, str]]:
    return [(name, connection.headers[name]) for name in _IDENTITY if name in connection.headers]


class _Call:
    """One binding: HTTP in, one call to the service, HTTP out."""

    def __init__(self, binding: Binding, methods: Mapping[str, Any], max_body: int, keep_alive: float) -> None:
        self._binding, self._max_body, self._keep_alive = binding, max_body, keep_alive
        self._method = methods[binding.method.name]
        self._reply = REPLIES.get(binding.method.name, resource)

    async def __call__(self, http: Request) -> Response:
        request = await service_request(self._binding, http, self._max_body)
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
        verb = "GET" if scope["method"] == "HEAD" else scope["method"]
        if verb not in self._calls:
            raise HTTPException(405, headers={"Allow": self._allowed})
        response = await self._calls[verb](Request(scope, receive))
        await response(scope, receive, send)
