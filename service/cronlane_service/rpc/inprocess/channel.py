"""A channel to the methods of this process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from functools import partial
from typing import Any, Self

import grpc
from google.protobuf.message import Message

from cronlane_service.rpc.inprocess.calls import LocalCall, StreamCall, UnaryCall
from cronlane_service.rpc.inprocess.context import CallContext
from cronlane_service.rpc.methods import Methods

_GONE = "The server has stopped."


class InProcessChannel(grpc.aio.Channel):
    """To be used on the loop of the server. A request is not copied: it is the service's until the call has ended.

    Identity, errors, deadlines, cancelling and limits are those of the wire.
    """

    def __init__(self, methods: Methods, max_message: int) -> None:
        self._methods, self._max_message = methods, max_message
        self._calls: set[LocalCall] = set()
        self._closed = asyncio.Event()
        self._gone = False

    def unary_unary(self, method: str, *_: Any, **__: Any) -> Any:
        handler = self._methods.find(method)
        behavior: Any = _unknown if handler is None else handler.unary_unary

        def call(request: Any, *, timeout: float | None = None, metadata: Any = None, **_: Any) -> UnaryCall:
            context = self._context(timeout, metadata)
            work = partial(self._answered, behavior, request, context)
            return UnaryCall(work, context, self._calls)

        return call

    def unary_stream(self, method: str, *_: Any, **__: Any) -> Any:
        handler = self._methods.find(method)

        def call(request: Any, *, timeout: float | None = None, metadata: Any = None, **_: Any) -> StreamCall:
            context = self._context(timeout, metadata)
            return StreamCall(self._told(handler, request, context), context, self._calls)

        return call

    def stream_unary(self, *_: Any, **__: Any) -> Any:
        raise grpc.aio.UsageError("no method takes a stream of requests")

    stream_stream = stream_unary

    async def _answered(self, behavior: Any, request: Any, context: CallContext) -> Any:
        """The reply. Raises AioRpcError."""
        try:
            self._check(request, "Received", context)
            reply = await behavior(request, context)
            self._check(reply, "Sent", context)
        except grpc.aio.AbortError:
            raise context.error() from None
        return reply

    async def _told(self, handler: Any, request: Any, context: CallContext) -> AsyncGenerator[Any]:
        """The replies, also the only one of a method that has one. Raises AioRpcError."""
        try:
            self._check(request, "Received", context)
            async with aclosing(_replies(handler, request, context)) as replies:
                async for reply in replies:
                    self._check(reply, "Sent", context)
                    yield reply
        except grpc.aio.AbortError:
            raise context.error() from None

    def _check(self, message: Message, problem: str, context: CallContext) -> None:
        """Refuses what is over the limit in the words of gRPC."""
        if self._gone:
            context.fail(grpc.StatusCode.UNAVAILABLE, _GONE)
        size = message.ByteSize()
        if size > self._max_message:
            told = f"{problem} message larger than max ({size} vs. {self._max_message})"
            context.fail(grpc.StatusCode.RESOURCE_EXHAUSTED, told)

    def _context(self, timeout: float | None, metadata: Any) -> CallContext:
        if self._closed.is_set():
            raise grpc.aio.UsageError("Channel is closed.")
        deadline = None if timeout is None else asyncio.get_running_loop().time() + timeout
        return CallContext(metadata or (), deadline)

    async def leave(self, grace: float) -> None:
        """Of the server: takes no more calls, and gives those under way so many seconds."""
        self._gone = True
        await self._finish(grace)
        for call in [*self._calls]:
            call.refuse(grpc.StatusCode.UNAVAILABLE, _GONE)

    async def close(self, grace: float | None = None) -> None:
        self._closed.set()
        await self._finish(grace or 0)
        for call in [*self._calls]:
            call.cancel()

    async def _finish(self, grace: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(grace):
                for call in [*self._calls]:
                    await call.over()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def get_state(self, try_to_connect: bool = False) -> grpc.ChannelConnectivity:
        return grpc.ChannelConnectivity.SHUTDOWN if self._closed.is_set() else grpc.ChannelConnectivity.READY

    async def wait_for_state_change(self, last_observed_state: grpc.ChannelConnectivity) -> None:
        if self.get_state() is last_observed_state:
            await self._closed.wait()

    async def channel_ready(self) -> None:
        """It always is."""


async def _unknown(request: Any, context: CallContext) -> Any:
    await context.abort(grpc.StatusCode.UNIMPLEMENTED, "Method not found!")


async def _replies(handler: Any, request: Any, context: CallContext) -> AsyncGenerator[Any]:
    if handler is not None and handler.unary_stream is not None:
        async with aclosing(handler.unary_stream(request, context)) as replies:
            async for reply in replies:
                yield reply
    else:
        yield await (_unknown if handler is None else handler.unary_unary)(request, context)
