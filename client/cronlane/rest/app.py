"""The application: routes of the protos, each answered by one call to the service."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

import grpc.aio
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.routing import WebSocketRoute
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

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
            path: _Endpoint({verb: _Call(each, methods, max_body) for verb, each in verbs.items()}, keep_alive)
            for path, verbs in table().items()
        }
    )
    requests = Requests()

    async def websocket(socket: WebSocket) -> None:
        await Connection(socket, methods, _identity(socket.scope)).serve()

    others = [*system_routes(ready, version, langgraph_version, requests), WebSocketRoute(PATH, websocket)]
    # It has the paths too, to send who asks for one with a slash behind it there.
    app = Starlette(routes=[paths, *others], exception_handlers=HANDLERS)
    return Front(_First(paths, _behind_a_proxy(app)).find, requests)


def _behind_a_proxy(app: Any) -> Any:
    """What its own routes answer may name the address under which they were asked; the API's paths never do."""
    return ProxyHeadersMiddleware(app, os.environ.get("FORWARDED_ALLOW_IPS", "127.0.0.1"))


def _methods(channel: grpc.aio.Channel) -> Mapping[str, Any]:
    """The calls of all services by method; waiting ones can be read before they end."""
    return {name: method for stub in _STUBS for name, method in vars(stub(channel)).items()}


def _identity(scope: Scope) -> list[tuple[str, str]]:
    sent = dict(reversed(scope["headers"]))  # of several the first
    if _IDENTITY.isdisjoint(sent):
        return []
    return [(name.decode("latin-1"), sent[name].decode("latin-1")) for name in _IDENTITY & sent.keys()]


class _First:
    """Asks the API's paths before the application, which goes through its routes one by one."""

    def __init__(self, paths: Paths, app: ASGIApp) -> None:
        self._paths, self._app = paths, app

    def find(self, scope: Scope) -> ASGIApp:
        found = self._paths.find(scope) if scope["type"] == "http" else None
        if found is None:
            return self._app
        endpoint, scope["path_params"] = found
        return endpoint


class _Call:
    """One binding: how its requests are read, what answers them, and how that is told."""

    def __init__(self, binding: Binding, methods: Mapping[str, Any], max_body: int) -> None:
        self.binding = binding
        self.read = RequestReader(binding, max_body).read
        self.method = methods[binding.method.name]
        self.reply = REPLIES.get(binding.method.name, resource)


class _Endpoint:
    """All verbs of one path: HTTP in, one call to the service, HTTP out."""

    def __init__(self, calls: Mapping[str, _Call], keep_alive: float) -> None:
        self._calls = {"HEAD": calls["GET"], **calls} if "GET" in calls else calls
        self._allowed = ", ".join(sorted(self._calls))
        self._keep_alive = keep_alive

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            call = self._calls.get(scope["method"])
            if call is None:
                raise HTTPException(405, headers={"Allow": self._allowed})
            request = await call.read(scope, receive)
            exchange = Exchange(scope, call.binding, request, call.method, _identity(scope), self._keep_alive)
            response = await call.reply(exchange)
        except KNOWN as error:
            response = await answer(Request(scope), error)
        except Exception as error:
            await (await failed(Request(scope), error))(scope, receive, send)
            raise  # for the log of the HTTP server
        await response(scope, receive, send)
