"""How replies go out."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterable

import pytest
from starlette.types import Receive, Scope, Send

from cronlane.rest.connections import Paired
from cronlane.rest.server import RestServer, bind


class Sent:
    """A transport that notes what would go out at once."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self.closed = False

    def write(self, data: bytes) -> None:
        self.pieces.append(data)

    def writelines(self, pieces: Iterable[bytes]) -> None:
        self.pieces.append(b"".join(pieces))

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed


@pytest.fixture
def sent() -> Sent:
    return Sent()


@pytest.fixture
async def paired(sent: Sent) -> Paired:
    return Paired(sent, asyncio.get_running_loop())


async def test_two_pieces_go_out_at_once_and_nothing_after_them(paired: Paired, sent: Sent) -> None:
    paired.write(b"head")
    paired.write(b"body")
    assert sent.pieces == [b"headbody"]
    await asyncio.sleep(0)
    assert sent.pieces == [b"headbody"]


async def test_a_piece_that_nothing_follows_goes_out_when_the_turn_ends(paired: Paired, sent: Sent) -> None:
    for piece in (b"1", b"2", b"3"):
        paired.write(piece)
    assert sent.pieces == [b"12"]
    await asyncio.sleep(0)
    assert sent.pieces == [b"12", b"3"]


async def test_what_is_held_goes_out_before_the_connection_closes(paired: Paired, sent: Sent) -> None:
    paired.write(b"last words")
    paired.close()
    assert (sent.pieces, sent.closed) == ([b"last words"], True)


async def test_nothing_is_written_to_a_connection_that_was_lost_meanwhile(paired: Paired, sent: Sent) -> None:
    paired.write(b"too late")
    sent.close()
    await asyncio.sleep(0)
    assert sent.pieces == []


async def test_a_client_gets_head_and_body_of_a_reply_at_once() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"4")]})
        await send({"type": "http.response.body", "body": b"body"})

    def first_pieces() -> set[bytes]:
        with socket.create_connection(("127.0.0.1", int(server.url.rpartition(":")[2])), timeout=10) as client:
            return {_first_piece(client) for _ in range(100)}

    server = RestServer(app, bind("127.0.0.1", 0))
    await server.start()
    try:
        assert {piece[-8:] for piece in await asyncio.to_thread(first_pieces)} == {b"\r\n\r\nbody"}
    finally:
        await server.stop()


def _first_piece(client: socket.socket) -> bytes:
    client.sendall(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
    piece = answered = client.recv(10_000)
    while not answered.endswith(b"body"):
        answered += client.recv(10_000)
    return piece
