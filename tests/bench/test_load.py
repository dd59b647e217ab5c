"""The load client against servers that misbehave: what it counts must be what happened."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import grpc
import pytest

from bench.jobs import GRPC, REST, Job
from bench.load import perform
from bench.rest_load import request

CALLERS = 8


class Moody(grpc.GenericRpcHandler):
    """Answers `good` with 100,000 bytes, and everything else with NOT_FOUND."""

    def __init__(self) -> None:
        self.served, self.under_way, self.most = 0, 0, 0

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[bytes, bytes]:
        return grpc.unary_unary_rpc_method_handler(self._answer)

    async def _answer(self, asked: bytes, context: grpc.aio.ServicerContext[bytes, bytes]) -> bytes:
        self.served += 1
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        await asyncio.sleep(0)
        self.under_way -= 1
        if asked != b"good":
            await context.abort(grpc.StatusCode.NOT_FOUND, "not here")
        return asked * 25_000


@asynccontextmanager
async def moody() -> AsyncIterator[tuple[Moody, int]]:
    server, handler = grpc.aio.server(), Moody()
    server.add_generic_rpc_handlers((handler,))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    yield handler, port
    await server.stop(0)


async def test_a_grpc_call_that_fails_is_an_error_and_no_call() -> None:
    async with moody() as (handler, port):
        asked = [b"good", b"bad", b"bad"] * 10
        job = Job(GRPC, "127.0.0.1", port, asked, CALLERS, method="/some.Service/Method", repeat=False)
        result = await perform(job)
    assert (result.calls, result.errors) == (10, {"grpc-status 5": 20})
    assert handler.served == 30


async def test_a_reply_of_many_frames_comes_whole() -> None:
    async with moody() as (_, port):
        job = Job(GRPC, "127.0.0.1", port, [b"good"] * 3, method="/some.Service/Method", repeat=False, keep=True)
        result = await perform(job)
    assert result.bodies == [b"good" * 25_000] * 3
    assert result.reply_size == 100_000


async def test_each_caller_has_one_call_under_way_until_the_time_is_up() -> None:
    async with moody() as (handler, port):
        job = Job(GRPC, "127.0.0.1", port, [b"good"], CALLERS, seconds=0.3, method="/some.Service/Method")
        result = await perform(job)
    assert handler.most <= CALLERS
    assert result.calls == handler.served > CALLERS
    assert 0.3 <= result.seconds < 3
    assert len(result.times) == result.calls
    assert max(result.times) < result.seconds


async def test_a_server_that_goes_away_is_an_error() -> None:
    async def closes(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)

    async with listening(closes) as port:
        lost = {"connection lost": 2}
        over_grpc = await perform(Job(GRPC, "127.0.0.1", port, [b"x"], 2, 1, seconds=5, method="/some.Service/Method"))
        over_rest = await perform(Job(REST, "127.0.0.1", port, [request("GET", "here", "/")], 2, seconds=5))
    assert (over_grpc.calls, over_grpc.errors) == (0, lost)
    assert (over_rest.calls, over_rest.errors) == (0, lost)


ANSWERS = [
    (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe|llo", b"hello"),
    (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n|0\r\n\r\n", b"5\r\nhello\r\n0\r\n\r\n"),
    (b"HTTP/1.1 204 No Content\r\n|x: y\r\n\r\n", b""),
]


@pytest.mark.parametrize(("answer", "body"), ANSWERS)
async def test_a_rest_reply_counts_when_it_is_whole(answer: bytes, body: bytes) -> None:
    async with listening(answering([answer])) as port:
        job = Job(REST, "127.0.0.1", port, [request("GET", "here", "/")] * 4, 1, repeat=False, keep=True)
        result = await perform(job)
    assert (result.bodies, result.errors) == ([body] * 4, {})


async def test_a_rest_status_that_is_no_success_is_an_error_and_no_call() -> None:
    answers = [b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n", ANSWERS[0][0]]
    async with listening(answering(answers)) as port:
        job = Job(REST, "127.0.0.1", port, [request("POST", "here", "/", b"{}")] * 4, 1, repeat=False)
        result = await perform(job)
    assert (result.calls, result.errors) == (2, {"HTTP 503": 2})


Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def answering(answers: list[bytes]) -> Serve:
    """Each request with the next answer; it is sent in pieces, cut at the bars."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        number = 0
        while await reader.read(1000):
            for piece in answers[number % len(answers)].split(b"|"):
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(0.01)
            number += 1

    return serve


@asynccontextmanager
async def listening(serve: Serve) -> AsyncIterator[int]:
    connections: list[asyncio.Task[None]] = []

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await serve(reader, writer)
        writer.close()
        await writer.wait_closed()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(asyncio.create_task(connected(reader, writer)))

    async with await asyncio.start_server(accept, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]
        await asyncio.gather(*connections)
