from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import grpc
import httpx
import pytest
from langgraph_sdk import get_client

from client.serving_stored import REGISTRATIONS, serving
from client.stored_service import StoredService
from cronlane._channel import open_channel
from cronlane.rest.app import build_app
from cronlane.rest.server import RestServer, bind
from cronlane_service.rpc.inprocess.channel import InProcessChannel
from cronlane_service.rpc.methods import Methods

MAX_BODY = 1024 * 1024


@pytest.fixture
async def service() -> StoredService:
    return StoredService()


class Unguarded(Methods):
    """The handlers of the stored service as they are: they say their statuses themselves."""

    def __init__(self, service: StoredService) -> None:
        super().__init__()
        self._handlers: dict[str, Any] = {}
        for register in REGISTRATIONS:
            register(service, self)

    def add_registered_method_handlers(self, service: str, handlers: Mapping[str, Any]) -> None:
        self._handlers |= {f"/{service}/{name}": handler for name, handler in handlers.items()}

    def find(self, path: str) -> Any:
        return self._handlers.get(path)


@asynccontextmanager
async def over_a_socket(service: StoredService) -> AsyncIterator[grpc.aio.Channel]:
    async with serving(service) as address, open_channel(address) as channel:
        yield channel


@asynccontextmanager
async def within_the_process(service: StoredService) -> AsyncIterator[grpc.aio.Channel]:
    async with InProcessChannel(Unguarded(service), max_message=4 * 1024 * 1024) as channel:
        yield channel
        service.ended.set()


@pytest.fixture(params=[over_a_socket, within_the_process])
async def url(service: StoredService, request: pytest.FixtureRequest) -> AsyncIterator[str]:
    """The shim over real sockets, in front of the service on either kind of channel; signs of life each 50 ms."""
    async with request.param(service) as channel:
        app = build_app(channel, version="1.2.3", max_body=MAX_BODY, langgraph_version="1.2.22", keep_alive=0.05)
        server = RestServer(app, bind("127.0.0.1", 0))
        await server.start()
        try:
            yield server.url
        finally:
            await server.stop()


@pytest.fixture
async def http(url: str) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=url, timeout=20) as client:
        yield client


@pytest.fixture
async def sdk(url: str) -> AsyncIterator[Any]:
    async with get_client(url=url, api_key=None) as client:
        yield client
