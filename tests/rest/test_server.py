"""The HTTP server itself."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
from datetime import timedelta
from email.utils import parsedate_to_datetime

import httpx
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from cronlane.rest.server import RestServer, bind
from cronlane_service.domain.clock import SystemClock


async def answer(_: Request) -> Response:
    return PlainTextResponse("here")


async def test_it_serves_on_the_running_loop_until_it_is_stopped() -> None:
    before = signal.getsignal(signal.SIGTERM)
    server = RestServer(Starlette(routes=[Route("/", answer)]), bind("127.0.0.1", 0))
    await server.start()
    async with httpx.AsyncClient(base_url=server.url) as http:
        assert (await http.get("/")).text == "here"
        assert signal.getsignal(signal.SIGTERM) is before
        await server.stop(5)
        with pytest.raises(httpx.TransportError):
            await http.get("/")


async def test_a_reply_under_way_is_finished_within_the_grace() -> None:
    begun, leave = asyncio.Event(), asyncio.Event()

    async def slow(_: Request) -> Response:
        begun.set()
        await leave.wait()
        return PlainTextResponse("done")

    server = RestServer(Starlette(routes=[Route("/", slow)]), bind("127.0.0.1", 0))
    await server.start()
    async with httpx.AsyncClient(base_url=server.url) as http:
        asked = asyncio.create_task(http.get("/"))
        await begun.wait()
        stopped = asyncio.create_task(server.stop(30))
        leave.set()
        assert (await asked).text == "done"
        await stopped


async def test_a_reply_that_takes_longer_is_broken_off() -> None:
    begun = asyncio.Event()

    async def endless(_: Request) -> Response:
        begun.set()
        await asyncio.Event().wait()
        raise AssertionError

    server = RestServer(Starlette(routes=[Route("/", endless)]), bind("127.0.0.1", 0))
    await server.start()
    async with httpx.AsyncClient(base_url=server.url) as http:
        asked = asyncio.create_task(http.get("/"))
        await begun.wait()
        await server.stop(0.05)
        with contextlib.suppress(httpx.TransportError):
            assert (await asked).status_code >= 500


async def test_an_idle_server_does_nothing_but_renew_the_date_each_second(monkeypatch: pytest.MonkeyPatch) -> None:
    looks: asyncio.Queue[float] = asyncio.Queue()
    look = uvicorn.Server.on_tick

    async def noted(self: uvicorn.Server, counter: int) -> bool:
        looks.put_nowait(asyncio.get_running_loop().time())
        return await look(self, counter)

    monkeypatch.setattr(uvicorn.Server, "on_tick", noted)
    server = RestServer(Starlette(routes=[Route("/", answer)]), bind("127.0.0.1", 0))
    await server.start()
    async with httpx.AsyncClient(base_url=server.url) as http:
        date = parsedate_to_datetime((await http.get("/")).headers["date"])
    assert abs(SystemClock().now() - date) < timedelta(seconds=3)
    first, second = await looks.get(), await looks.get()
    assert second - first > 0.9
    await server.stop()
    assert await looks.get() - second < 0.9, "it was told, and did not look by chance"


async def test_a_port_in_use_is_found_before_anything_runs() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(OSError, match="in use"):
            bind("127.0.0.1", taken.getsockname()[1])


async def test_a_server_that_never_started_gives_its_port_back() -> None:
    server = RestServer(Starlette(), bind("127.0.0.1", 0))
    port = int(server.url.rpartition(":")[2])
    await server.stop()
    bind("127.0.0.1", port).close()


def test_an_ipv6_address_is_written_as_in_a_url() -> None:
    with bind("::1", 0) as sock:
        assert RestServer(Starlette(), sock).url == f"http://[::1]:{sock.getsockname()[1]}"
