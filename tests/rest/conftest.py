from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from langgraph_sdk import get_client

from client.serving_stored import serving
from client.stored_service import StoredService
from cronlane._channel import open_channel
from cronlane.rest.app import build_app
from cronlane.rest.server import RestServer, bind

MAX_BODY = 1024 * 1024


@pytest.fixture
async def service() -> StoredService:
    return StoredService()


@pytest.fixture
async def url(service: StoredService) -> AsyncIterator[str]:
    """The shim over real sockets, in front of a real gRPC server; signs of life each 50 ms."""
    async with serving(service) as address:
        channel = open_channel(address)
        app = build_app(channel, version="1.2.3", max_body=MAX_BODY, langgraph_version="1.2.22", keep_alive=0.05)
        server = RestServer(app, bind("127.0.0.1", 0))
        await server.start()
        try:
            yield server.url
        finally:
            await server.stop()
            await channel.close()


@pytest.fixture
async def http(url: str) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=url, timeout=20) as client:
        yield client


@pytest.fixture
async def sdk(url: str) -> AsyncIterator[Any]:
    async with get_client(url=url, api_key=None) as client:
        yield client
