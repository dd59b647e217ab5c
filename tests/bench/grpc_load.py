"""gRPC calls with next to no work: HTTP/2 by hand, header blocks made once, frames of many calls in one write."""

from __future__ import annotations

import asyncio
import struct
from collections import deque
from time import perf_counter
from typing import cast

from bench import hpack
from bench.jobs import Job
from bench.tally import Tally

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST, SETTINGS, PING, GOAWAY, WINDOW = 0, 1, 3, 4, 6, 7, 8
END_STREAM, ACK, END_HEADERS, PADDED, PRIORITY = 1, 1, 4, 8, 32
TABLE_SIZE, INITIAL_WINDOW = 1, 4
FRAME = 16_384  # bytes, at most
LARGE = 1 << 30


def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return len(payload).to_bytes(3, "big") + bytes((kind, flags)) + stream.to_bytes(4, "big") + payload


def enveloped(message: bytes) -> bytes:
    """A message as the payload of its one DATA frame."""
    if len(message) > FRAME - 5:
        raise ValueError(f"a message of {len(message)} bytes needs more than one frame")
    return b"\0" + len(message).to_bytes(4, "big") + message


class GrpcConnection(asyncio.Protocol):
    """One connection, and the callers on it."""

    def __init__(self, tally: Tally, job: Job, callers: int) -> None:
        self._tally, self._callers, self._keep = tally, callers, job.keep
        self._first, self._later = _blocks(job.method, f"{job.host}:{job.port}")
        self._stream, self._window, self._received = 1, 65_535, 0
        self._waiting: deque[bytes] = deque()
        self._started: dict[int, float] = {}
        self._parts: dict[int, list[bytes]] = {}
        self._rest = b""
        self._out: list[bytes] = []
        self._statuses: dict[bytes, str] = {}

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        settings = struct.pack(">HIHI", TABLE_SIZE, 0, INITIAL_WINDOW, LARGE)
        self._out = [PREFACE, frame(SETTINGS, 0, 0, settings), frame(WINDOW, 0, 0, LARGE.to_bytes(4, "big"))]
        for _ in range(self._callers):
            self._call()
        self._flush()

    def connection_lost(self, exc: Exception | None) -> None:
        self._tally.lost(len(self._started) + len(self._waiting))

    def data_received(self, data: bytes) -> None:
        data = self._rest + data
        at, end = 0, len(data)
        while end - at >= 9:
            size = int.from_bytes(data[at : at + 3], "big")
            following = at + 9 + size
            if following > end:
                break
            stream = int.from_bytes(data[at + 5 : at + 9], "big")
            self._heard(data[at + 3], data[at + 4], stream, data[at + 9 : following])
            at = following
        self._rest = data[at:]
        self._flush()

    def _heard(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        if kind == DATA:
            self._received += len(payload)
            self._parts.setdefault(stream, []).append(payload)
        elif kind == HEADERS:
            if flags & END_STREAM:
                self._ended(stream, self._status(flags, payload))
        elif kind == RST:
            self._ended(stream, f"reset {int.from_bytes(payload, 'big')}")
        elif kind == WINDOW:
            self._window += 0 if stream else int.from_bytes(payload, "big")
        elif kind in (SETTINGS, PING):
            if not flags & ACK:
                self._out.append(frame(kind, ACK, 0, payload if kind == PING else b""))
        elif kind == GOAWAY:
            self._transport.close()

    def _status(self, flags: int, block: bytes) -> str:
        if flags & (PADDED | PRIORITY) or not flags & END_HEADERS:
            raise ValueError("a header block in a form that gRPC's servers do not use")
        found = self._statuses.get(block)
        if found is None:
            found = hpack.decoded(block).get("grpc-status", b"missing").decode("latin-1")
            self._statuses[block] = found
        return found

    def _ended(self, stream: int, status: str) -> None:
        started = self._started.pop(stream)
        parts = self._parts.pop(stream, [])
        size = sum(map(len, parts)) - 5
        if status != "0":
            self._tally.failed(f"grpc-status {status}")
        elif size < 0:
            self._tally.failed("no message")
        else:
            self._tally.answered(started, size, b"".join(parts)[5:] if self._keep else None)
        self._call()

    def _call(self) -> None:
        payload = self._tally.next()
        if payload is not None:
            self._waiting.append(payload)

    def _flush(self) -> None:
        """Sends what waits, as far as the peer allows."""
        while self._waiting and len(self._waiting[0]) <= self._window:
            payload = self._waiting.popleft()
            self._window -= len(payload)
            block, self._first = self._first, self._later
            self._out.append(frame(HEADERS, END_HEADERS, self._stream, block))
            self._out.append(frame(DATA, END_STREAM, self._stream, payload))
            self._started[self._stream] = perf_counter()
            self._stream += 2
        if self._received > LARGE // 2:
            self._out.append(frame(WINDOW, 0, 0, self._received.to_bytes(4, "big")))
            self._received = 0
        if self._out:
            self._transport.write(b"".join(self._out))
            self._out = []


def _blocks(method: str, authority: str) -> tuple[bytes, bytes]:
    """The headers of a connection's first call, which enter the server's table, and of all later ones."""
    fixed = b"\x83\x86"  # POST, http
    named = {":path": method, ":authority": authority, "te": "trailers", "content-type": "application/grpc"}
    first = fixed + b"".join(hpack.literal(name, value) for name, value in named.items())
    newest = 62
    return first, fixed + bytes(0x80 | newest + place for place in reversed(range(len(named))))
