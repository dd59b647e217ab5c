"""The HTTP server, on the loop that is running."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterator

import uvicorn
from starlette.types import ASGIApp

from cronlane.rest.connections import HttpConnection


def bind(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes a free one. Raises OSError when the port is in use or the host is not ours."""
    family, kind, protocol, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    sock = socket.socket(family, kind, protocol)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(address)
        sock.listen(2048)
        sock.setblocking(False)
    except OSError:
        sock.close()
        raise
    return sock


_DATE = 1.0
"""Seconds that a reply's Date may be behind."""


class _Server(uvicorn.Server):
    """Leaves signals to whoever owns the process, tells when it serves, and is told when it is to end."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.serving, self._ending = asyncio.Event(), asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.serving.set()

    async def main_loop(self) -> None:
        """uvicorn's looks ten times a second whether it is to end, which is most of what an idle service does."""
        while not await self.on_tick(0):
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._ending.wait(), _DATE)

    def end(self) -> None:
        self.should_exit = True
        self._ending.set()


class RestServer:
    """Serves an application on a listening socket, which it closes when it stops."""

    def __init__(self, app: ASGIApp, sock: socket.socket, max_message: int = 32 * 1024 * 1024) -> None:
        """``max_message``: bytes of one message of a websocket."""
        self._config = uvicorn.Config(
            app,
            http=HttpConnection,
            access_log=False,
            log_config=None,
            log_level="warning",
            lifespan="off",
            proxy_headers=False,
            server_header=False,
            ws="websockets-sansio",
            ws_max_size=max_message,
        )
        self._sock = sock
        self._server: _Server | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        host, port = self._sock.getsockname()[:2]
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    async def start(self) -> None:
        """Returns when requests are taken."""
        self._server = _Server(self._config)
        self._task = asyncio.create_task(self._server.serve(sockets=[self._sock]))
        ready = asyncio.create_task(self._server.serving.wait())
        await asyncio.wait({self._task, ready}, return_when=asyncio.FIRST_COMPLETED)
        ready.cancel()
        if self._task.done():
            self._task.result()

    async def stop(self, grace: float = 0) -> None:
        """Takes no more requests, and breaks off those that are not answered within ``grace`` seconds."""
        if self._server is None or self._task is None:
            self._sock.close()
            return
        # With 0 uvicorn would not even look whether anything is left to be broken off.
        self._config.timeout_graceful_shutdown = max(grace, 0.1)  # type: ignore[assignment]
        self._server.end()
        await self._task
        await asyncio.gather(*self._server.server_state.tasks, return_exceptions=True)
