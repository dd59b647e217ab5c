"""The caller's side of calls within the process."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Generator
from contextlib import aclosing
from contextvars import Context
from typing import Any

import grpc
from google.protobuf.message import Message
from grpc.aio import Metadata

from cronlane_service.rpc.inprocess.context import CallContext, pairs

_LATE = grpc.StatusCode.DEADLINE_EXCEEDED


class LocalCall:
    """What calls of both kinds have: a task that runs the handler, and the status that it left."""

    def __init__(self, work: Coroutine[Any, Any, Any], context: CallContext, timeout: float | None) -> None:
        self._context, loop = context, asyncio.get_running_loop()
        # The handler sees nothing of its caller's context variables, as on the wire.
        self.task = loop.create_task(work, context=Context())
        self.task.add_done_callback(self._ended)
        self._timer = None if timeout is None else loop.call_later(timeout, self.refuse, _LATE, "Deadline Exceeded")

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._context.begun.set()
        if self._timer is not None:
            self._timer.cancel()
        if task.cancelled() and self._context.code() is grpc.StatusCode.OK:
            self._context.end(grpc.StatusCode.CANCELLED, "Locally cancelled by application!")
        elif not task.cancelled():
            task.exception()  # whoever asks for it gets it; nobody need ask

    def refuse(self, code: grpc.StatusCode, details: str) -> None:
        """Ends it from the server's side."""
        if not self.task.done():
            self._context.end(code, details)
            self.task.cancel()

    def cancel(self) -> bool:
        return self.task.cancel()

    def cancelled(self) -> bool:
        return self.task.cancelled() and self._context.code() is grpc.StatusCode.CANCELLED

    def done(self) -> bool:
        return self.task.done()

    def time_remaining(self) -> float | None:
        left: float | None = self._context.time_remaining()
        return left

    def add_done_callback(self, callback: Callable[[Any], None]) -> None:
        self.task.add_done_callback(lambda _: callback(self))

    async def initial_metadata(self) -> Metadata:
        await self._context.begun.wait()
        return pairs(self._context.initial)

    async def trailing_metadata(self) -> Metadata:
        await asyncio.wait({self.task})
        return pairs(self._context.trailing)

    async def code(self) -> grpc.StatusCode:
        await asyncio.wait({self.task})
        return self._context.code()

    async def details(self) -> str:
        await asyncio.wait({self.task})
        return self._context.details()

    async def wait_for_connection(self) -> None:
        """There is none to be made."""

    def _raise(self) -> None:
        """What a call that was ended raises."""
        if self.cancelled():
            raise asyncio.CancelledError
        if self._context.code() is not grpc.StatusCode.OK:
            raise self._context.error()


class UnaryCall(LocalCall, grpc.aio.UnaryUnaryCall[Any, Any]):
    """One request, one reply."""

    def __await__(self) -> Generator[Any, None, Any]:
        try:
            return (yield from self.task.__await__())
        except asyncio.CancelledError:
            if self.task.cancelled():
                self._raise()
            raise


class StreamCall(LocalCall, grpc.aio.UnaryStreamCall[Any, Any]):
    """One request, several replies. The handler goes on when the reply before has been taken."""

    def __init__(self, replies: AsyncGenerator[Any], context: CallContext, timeout: float | None) -> None:
        self._replies: deque[Any] = deque()
        self._arrived, self._taken = asyncio.Event(), asyncio.Event()
        super().__init__(self._tell(replies), context, timeout)

    async def _tell(self, replies: AsyncGenerator[Any]) -> None:
        async with aclosing(replies) as those:
            async for reply in those:
                self._replies.append(reply)
                self._context.begun.set()
                self._arrived.set()
                while self._replies:
                    self._taken.clear()
                    await self._taken.wait()

    def _ended(self, task: asyncio.Task[Any]) -> None:
        super()._ended(task)
        self._arrived.set()

    async def read(self) -> Any:
        try:
            while not self._replies and not self.task.done():
                self._arrived.clear()
                await self._arrived.wait()
        except asyncio.CancelledError:
            self.cancel()  # who does not read on is gone, as on the wire
            raise
        if self._replies:
            self._taken.set()
            return self._replies.popleft()
        if not self.task.cancelled():
            self.task.result()
        self._raise()
        return grpc.aio.EOF

    async def __aiter__(self) -> AsyncIterator[Any]:
        try:
            while (reply := await self.read()) is not grpc.aio.EOF:
                yield reply
        finally:
            self.cancel()  # for who stops in the middle; nothing, once it has ended


def check_size(message: Message, limit: int, problem: str) -> str | None:
    """What is wrong with a message over the limit, in the words of gRPC."""
    size = message.ByteSize()
    return f"{problem} message larger than max ({size} vs. {limit})" if size > limit else None
