"""Connections over which HTTP is spoken: the head of a reply goes out with the beginning of its body."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from uvicorn.protocols.http.auto import AutoHTTPProtocol


class HttpConnection(AutoHTTPProtocol):  # type: ignore[valid-type, misc]
    """uvicorn's, which writes a reply in two pieces."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(Paired(transport, asyncio.get_running_loop()))


class Paired:
    """A transport that holds a piece back until the next one, or until the loop's turn ends, and sends both in one.

    Sending costs as much as answering a small request, and wakes the reader each time.
    """

    _turn: asyncio.Handle

    def __init__(self, transport: Any, loop: asyncio.AbstractEventLoop) -> None:
        self._transport, self._loop, self._held = transport, loop, b""
        self.is_closing: Callable[[], bool] = transport.is_closing

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        if self._held:
            held, self._held = self._held, b""
            self._turn.cancel()
            self._transport.write(held + data)
        else:
            self._held = data
            self._turn = self._loop.call_soon(self._let_go)

    def close(self) -> None:
        self._let_go()
        self._transport.close()

    def _let_go(self) -> None:
        held, self._held = self._held, b""
        if held and not self.is_closing():
            self._transport.write(held)
