"""HTTP/1.1 requests with next to no work: one keep-alive connection a caller, requests made beforehand."""

from __future__ import annotations

import asyncio
import re
from time import perf_counter
from typing import cast

from bench.tally import Tally

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding: *chunked", re.IGNORECASE)


def request(method: str, host: str, path: str, body: bytes = b"") -> bytes:
    head = f"{method} {path} HTTP/1.1\r\nhost: {host}\r\n"
    if body:
        head += f"content-type: application/json\r\ncontent-length: {len(body)}\r\n"
    return head.encode() + b"\r\n" + body


class RestConnection(asyncio.Protocol):
    """One caller."""

    def __init__(self, tally: Tally, *, keep: bool) -> None:
        self._tally, self._keep = tally, keep
        self._data, self._started, self._calling = b"", 0.0, False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._call()

    def connection_lost(self, exc: Exception | None) -> None:
        self._tally.lost(1 if self._calling else 0)

    def data_received(self, data: bytes) -> None:
        self._data += data
        end = self._data.find(b"\r\n\r\n") + 4
        if end < 4:
            return
        head, body = self._data[:end], self._data[end:]
        status = head[9:12]
        if length := _LENGTH.search(head):
            if len(body) < int(length[1]):
                return
        elif _CHUNKED.search(head):
            if not body.endswith(b"0\r\n\r\n"):
                return
        elif status != b"204":
            self._transport.close()  # its end would be the body's end: nothing here answers so
            return
        self._ended(status, body)

    def _ended(self, status: bytes, body: bytes) -> None:
        self._data, self._calling = b"", False
        if status[:1] == b"2":
            self._tally.answered(self._started, len(body), body if self._keep else None)
        else:
            self._tally.failed(f"HTTP {status.decode('latin-1')}")
        self._call()

    def _call(self) -> None:
        payload = self._tally.next()
        if payload is not None:
            self._calling, self._started = True, perf_counter()
            self._transport.write(payload)
