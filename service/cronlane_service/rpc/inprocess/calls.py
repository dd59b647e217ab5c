"""The caller's side of calls within the process."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Generator
from contextlib import aclosing
from contextvars import Context
from typing import Any

import grpc
from grpc.aio import Metadata

from cronlane_service.rpc.inprocess.context import CallContext, pairs

_LATE = grpc.StatusCode.DEADLINE_EXCEEDED


class LocalCall:
    """What calls of both kinds have: the task in which the handler runs, and the status that it left."""

    def __init__(self, context: CallContext, under_way: set[LocalCall]) -> None:
        """``under_way``: where the call is found from its begin to its end."""
        self._context, self._under_way = context, under_way
        self._task: asyncio.Task[Any] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._stopped = self._cancelled = self._done = False
        self._callbacks: list[Callable[[], object]] = []

    def _begin(self, task: asyncio.Task[Any]) -> None:
        self._task = task
        self._under_way.add(self)
        if (left := self._context.time_remaining()) is not None:
            self._timer = task.get_loop().call_later(left, self.refuse, _LATE, "Deadline Exceeded")

    def _end(self) -> None:
        self._done = True
        self._under_way.discard(self)
        if self._timer is not None:
            self._timer.cancel()
        for callback in self._callbacks:
            callback()

    def _given_up(self) -> None:
        """Because of the call, or because of who waits for it."""
        if self._context.code() is grpc.StatusCode.OK:
            self._context.end(grpc.StatusCode.CANCELLED, "Locally cancelled by application!")
        self._cancelled = self._context.code() is grpc.StatusCode.CANCELLED

    def refuse(self, code: grpc.StatusCode, details: str) -> None:
        """Ends it from the server's side."""
        if not self._done:
            self._context.end(code, details)
            self.cancel()

    def cancel(self) -> bool:
        if self._done or self._stopped:
            return False
        self._stopped = True
        if self._task is not None:
            self._task.cancel()
        else:
            self._given_up()
            self._end()
        return True

    def cancelled(self) -> bool:
        return self._cancelled

    def done(self) -> bool:
        return self._done

    def time_remaining(self) -> float | None:
        left: float | None = self._context.time_remaining()
        return left

    def add_done_callback(self, callback: Callable[[Any], None]) -> None:
        if self._done:
            callback(self)
        else:
            self._callbacks.append(lambda: callback(self))

    async def over(self) -> None:
        """Returns when the call has ended."""
        if not self._done:
            ended = asyncio.Event()
            self._callbacks.append(ended.set)
            await ended.wait()

    async def initial_metadata(self) -> Metadata:
        await self.over()
        return pairs(self._context.initial)

    async def trailing_metadata(self) -> Metadata:
        await self.over()
        return pairs(self._context.trailing)

    async def code(self) -> grpc.StatusCode:
        await self.over()
        return self._context.code()

    async def details(self) -> str:
        await self.over()
        return self._context.details()

    async def wait_for_connection(self) -> None:
        """There is none to be made."""

    def _raise(self) -> None:
        """What a call that was ended raises."""
        if self._cancelled:
            raise asyncio.CancelledError
        if self._context.code() is not grpc.StatusCode.OK:
            raise self._context.error()


class UnaryCall(LocalCall, grpc.aio.UnaryUnaryCall[Any, Any]):
    """One request, one reply. It begins when it is awaited, and who awaits it first carries it out himself."""

    _reply: Any = None

    def __init__(self, work: Callable[[], Coroutine[Any, Any, Any]], *more: Any) -> None:
        """``work``: what the handler does."""
        super().__init__(*more)
        self._work = work

    def __await__(self) -> Generator[Any, None, Any]:
        if self._task is None and not self._done:
            return self._carried_out()
        return self._awaited().__await__()

    def _carried_out(self) -> Generator[Any, None, Any]:
        task = asyncio.current_task()
        assert task is not None
        cancelled = task.cancelling()
        self._begin(task)
        try:
            self._reply = yield from _Apart(self._work())
            return self._reply
        except asyncio.CancelledError:
            self._given_up()
            # Where it was the call that was to end, its caller goes on; unless he is to end, too.
            if not self._stopped or task.cancelling() > cancelled + 1:
                raise
        finally:
            self._end()
            if self._stopped:
                task.uncancel()
        self._raise()

    async def _awaited(self) -> Any:
        await self.over()
        self._raise()
        return self._reply

    async def over(self) -> None:
        if self._task is None and not self._done:
            carrying_out = asyncio.ensure_future(self)
            carrying_out.add_done_callback(lambda done: done.cancelled() or done.exception())  # told by the status
            await asyncio.wait({carrying_out})
        await super().over()


class _Apart(Generator[Any, Any, Any]):
    """The work, where nothing is seen of its caller's context variables, as on the wire."""

    def __init__(self, work: Coroutine[Any, Any, Any]) -> None:
        self._work, self._run = work, Context().run

    def __next__(self) -> Any:
        return self._run(self._work.send, None)

    def send(self, value: Any) -> Any:
        return self._run(self._work.send, value)

    def throw(self, *error: Any) -> Any:
        return self._run(self._work.throw, *error)


class StreamCall(LocalCall, grpc.aio.UnaryStreamCall[Any, Any]):
    """One request, several replies. The handler goes on when the reply before has been taken."""

    def __init__(self, replies: AsyncGenerator[Any], context: CallContext, *more: Any) -> None:
        super().__init__(context, *more)
        self._replies: deque[Any] = deque()
        self._begun, self._arrived, self._taken = asyncio.Event(), asyncio.Event(), asyncio.Event()
        context.begun = self._begun.set
        # Nothing is seen of the caller's context variables, as on the wire.
        self._telling = asyncio.get_running_loop().create_task(self._tell(replies), context=Context())
        self._telling.add_done_callback(self._ended)
        self._begin(self._telling)

    async def _tell(self, replies: AsyncGenerator[Any]) -> None:
        async with aclosing(replies) as those:
            async for reply in those:
                self._replies.append(reply)
                self._begun.set()
                self._arrived.set()
                while self._replies:
                    self._taken.clear()
                    await self._taken.wait()

    def _ended(self, telling: asyncio.Task[None]) -> None:
        if telling.cancelled():
            self._given_up()
        else:
            telling.exception()  # whoever asks for it gets it; nobody need ask
        self._end()
        self._begun.set()
        self._arrived.set()

    async def initial_metadata(self) -> Metadata:
        await self._begun.wait()
        return pairs(self._context.initial)

    async def read(self) -> Any:
        try:
            while not self._replies and not self._done:
                self._arrived.clear()
                await self._arrived.wait()
        except asyncio.CancelledError:
            self.cancel()  # who does not read on is gone, as on the wire
            raise
        if self._replies:
            self._taken.set()
            return self._replies.popleft()
        self._raise()
        self._telling.result()
        return grpc.aio.EOF

    async def __aiter__(self) -> AsyncIterator[Any]:
        try:
            while (reply := await self.read()) is not grpc.aio.EOF:
                yield reply
        finally:
            self.cancel()  # for who stops in the middle; nothing, once it has ended
