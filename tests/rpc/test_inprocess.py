"""The channel without a socket, where it could differ from one with a socket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, suppress
from contextvars import ContextVar
from typing import Any

import grpc
import pytest

from cronlane.v1 import runs_pb2, threads_pb2
from cronlane.v1.common_pb2 import Json
from cronlane.v1.threads_pb2_grpc import ThreadServiceStub
from cronlane_service.rpc.inprocess.channel import InProcessChannel
from cronlane_service.rpc.methods import Methods
from cronlane_service.rpc.server import GrpcServer, Options

Served = tuple[GrpcServer, int]
Code = grpc.StatusCode
SEEN: ContextVar[str] = ContextVar("seen", default="nothing of the caller's")


class Telling:
    """Handlers that note what becomes of them."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.entered = asyncio.Event()

    async def answers(self, request: Any, context: Any) -> Any:
        self.told.append(SEEN.get())
        self.told.append(str(context.invocation_metadata()))
        return request

    async def waits(self, request: Any, context: Any) -> Any:
        self.entered.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.told.append("left")

    async def insists(self, request: Any, context: Any) -> Any:
        with suppress(asyncio.CancelledError):
            await self.waits(request, context)
        return request

    async def tells(self, request: Any, context: Any) -> AsyncIterator[Any]:
        await context.send_initial_metadata((("a", "b"),))
        for number in range(3):
            self.told.append(f"made {number}")
            yield threads_pb2.CountThreadsResponse(count=number)


@pytest.fixture
async def telling() -> Telling:
    return Telling()


@pytest.fixture
def methods(telling: Telling) -> Methods:
    methods = Methods()
    unary, stream = grpc.unary_unary_rpc_method_handler, grpc.unary_stream_rpc_method_handler
    handlers: Any = {
        "Answers": unary(telling.answers),  # type: ignore[arg-type]
        "Waits": unary(telling.waits),  # type: ignore[arg-type]
        "Insists": unary(telling.insists),  # type: ignore[arg-type]
        "Tells": stream(telling.tells),  # type: ignore[arg-type]
    }
    methods.add_registered_method_handlers("test.Service", handlers)
    return methods


@pytest.fixture
async def local(methods: Methods) -> AsyncIterator[InProcessChannel]:
    async with InProcessChannel(methods, max_message=1000) as channel:
        yield channel


def thread(size: int = 0) -> threads_pb2.Thread:
    return threads_pb2.Thread(metadata=Json(text="x" * size))


async def refusal(call: Awaitable[Any]) -> tuple[Code, str | None]:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await asyncio.wait_for(call, 10)
    return caught.value.code(), caught.value.details()


async def test_the_handler_sees_the_metadata_and_no_context_variable_of_its_caller(
    local: InProcessChannel, telling: Telling
) -> None:
    SEEN.set("something of the caller's")
    sent = thread()
    assert await local.unary_unary("/test.Service/Answers")(sent, metadata=[("x-api-key", "k")]) is sent
    assert telling.told == ["nothing of the caller's", "(('x-api-key', 'k'),)"]


async def test_a_method_that_is_not_there_is_unimplemented(local: InProcessChannel) -> None:
    assert await refusal(local.unary_unary("/test.Service/Nothing")(thread())) == (
        Code.UNIMPLEMENTED,
        "Method not found!",
    )
    assert (await refusal(local.unary_stream("/test.Service/Nothing")(thread()).read()))[0] is Code.UNIMPLEMENTED


@pytest.mark.parametrize("size", [900, 1100])
async def test_the_limit_of_a_message_holds(local: InProcessChannel, size: int) -> None:
    call = local.unary_unary("/test.Service/Answers")(thread(size))
    if size < 1000:
        assert len((await call).metadata.text) == size
    else:
        code, details = await refusal(call)
        assert code is Code.RESOURCE_EXHAUSTED
        assert details is not None
        assert details.startswith("Received message larger than max (")


async def test_a_deadline_ends_the_handler(local: InProcessChannel, telling: Telling) -> None:
    call = local.unary_unary("/test.Service/Waits")(thread(), timeout=0.05)
    assert await refusal(call) == (Code.DEADLINE_EXCEEDED, "Deadline Exceeded")
    assert telling.told == ["left"]
    assert call.done()
    assert not call.cancelled()


@pytest.mark.parametrize("kind", ["unary_unary", "unary_stream"])
async def test_cancelling_the_call_or_who_waits_for_it_ends_the_handler(
    local: InProcessChannel, telling: Telling, kind: str
) -> None:
    call = getattr(local, kind)("/test.Service/Waits")(thread())
    waiting = asyncio.ensure_future(call if kind == "unary_unary" else call.read())
    await telling.entered.wait()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert await call.code() is Code.CANCELLED
    assert (call.cancelled(), telling.told) == (True, ["left"])


async def test_who_waits_for_a_call_that_is_cancelled_is_not_cancelled_himself(
    local: InProcessChannel, telling: Telling
) -> None:
    call = local.unary_unary("/test.Service/Waits")(thread())

    async def waits() -> str:
        with pytest.raises(asyncio.CancelledError):
            await call
        async with asyncio.timeout(10):  # would be cut short by a cancellation that is not dealt with
            await asyncio.sleep(0)
        return f"cancelled {task.cancelling()} times"

    task = asyncio.create_task(waits())
    await telling.entered.wait()
    assert call.cancel()
    assert await task == "cancelled 0 times"
    assert (call.cancelled(), call.cancel(), telling.told) == (True, False, ["left"])


async def test_who_is_cancelled_while_his_call_is_refused_is_not_told_of_the_refusal_instead(
    local: InProcessChannel, telling: Telling
) -> None:
    call = local.unary_unary("/test.Service/Waits")(thread())
    waiting = asyncio.ensure_future(call)
    await telling.entered.wait()
    call.refuse(Code.UNAVAILABLE, "it stops")
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert telling.told == ["left"]


async def test_a_handler_that_answers_when_it_is_cancelled_leaves_its_caller_as_he_was(
    local: InProcessChannel, telling: Telling
) -> None:
    call = local.unary_unary("/test.Service/Insists")(thread())

    async def waits() -> str:
        await call
        return f"cancelled {task.cancelling()} times"

    task = asyncio.create_task(waits())
    await telling.entered.wait()
    assert call.cancel()
    assert await task == "cancelled 0 times"


async def test_who_asks_to_be_told_of_the_end_after_it_is_told_at_once(local: InProcessChannel) -> None:
    call = local.unary_unary("/test.Service/Answers")(thread())
    await call
    ended: list[Any] = []
    call.add_done_callback(ended.append)
    assert ended == [call]


async def test_a_call_that_is_cancelled_before_it_begins_never_does(local: InProcessChannel, telling: Telling) -> None:
    call = local.unary_unary("/test.Service/Answers")(thread())
    assert call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert (await call.code(), telling.told) == (Code.CANCELLED, [])


async def test_a_call_begins_for_whoever_asks_for_its_status_and_answers_all_who_wait(
    local: InProcessChannel, telling: Telling
) -> None:
    sent = thread()
    call = local.unary_unary("/test.Service/Answers")(sent)
    ended: list[Any] = []
    call.add_done_callback(ended.append)
    assert await call.code() is Code.OK
    assert [await call, await call] == [sent, sent]
    assert (len(telling.told), ended, call.done()) == (2, [call], True)


async def test_a_handler_is_never_more_than_one_reply_ahead_of_its_reader(
    local: InProcessChannel, telling: Telling
) -> None:
    call = local.unary_stream("/test.Service/Tells")(thread())
    assert tuple(await call.initial_metadata()) == (("a", "b"),)
    for number in range(3):
        for _ in range(10):  # as far as it gets by itself
            await asyncio.sleep(0)
        assert telling.told == [f"made {made}" for made in range(number + 1)]
        assert (await call.read()).count == number
    assert await call.read() is grpc.aio.EOF
    assert await call.code() is Code.OK


async def test_replies_can_be_iterated(local: InProcessChannel) -> None:
    assert [each.count async for each in local.unary_stream("/test.Service/Tells")(thread())] == [0, 1, 2]


async def test_who_stops_iterating_ends_the_call(local: InProcessChannel) -> None:
    call = local.unary_stream("/test.Service/Tells")(thread())
    async with aclosing(aiter(call)) as replies:
        assert (await anext(replies)).count == 0
    assert await call.code() is Code.CANCELLED


async def test_a_deadline_ends_a_stream_that_is_not_read(local: InProcessChannel) -> None:
    call = local.unary_stream("/test.Service/Tells")(thread(), timeout=0.05)
    assert await call.code() is Code.DEADLINE_EXCEEDED
    assert (await call.read()).count == 0
    assert (await refusal(call.read()))[0] is Code.DEADLINE_EXCEEDED


async def test_a_closed_channel_ends_its_calls_and_takes_no_more(local: InProcessChannel, telling: Telling) -> None:
    call = asyncio.ensure_future(local.unary_unary("/test.Service/Waits")(thread()))
    await telling.entered.wait()
    await local.close()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert local.get_state() is grpc.ChannelConnectivity.SHUTDOWN
    with pytest.raises(grpc.aio.UsageError, match="closed"):
        local.unary_unary("/test.Service/Answers")(thread())


async def test_a_server_that_stops_refuses_calls_and_ends_those_under_way(served: Served) -> None:
    server, _ = served
    channel = server.channel()
    threads: Any = ThreadServiceStub(channel)
    made = await threads.CreateThread(threads_pb2.CreateThreadRequest())
    joining = channel.unary_unary("/cronlane.v1.RunService/JoinRun")(
        runs_pb2.JoinRunRequest(thread_id=made.thread_id, run_id=made.thread_id)
    )
    assert (await refusal(joining))[0] is Code.NOT_FOUND
    await server.stop(0)
    assert await refusal(threads.GetThread(threads_pb2.GetThreadRequest(thread_id=made.thread_id))) == (
        Code.UNAVAILABLE,
        "The server has stopped.",
    )


async def test_a_call_under_way_is_given_the_grace_and_no_more(local: InProcessChannel, telling: Telling) -> None:
    call = asyncio.ensure_future(local.unary_unary("/test.Service/Waits")(thread()))
    await telling.entered.wait()
    await local.leave(0.05)
    assert await refusal(call) == (Code.UNAVAILABLE, "The server has stopped.")
    assert telling.told == ["left"]


async def test_a_reply_over_the_limit_is_refused_too(serve: Callable[[Options], Awaitable[Served]]) -> None:
    server, _ = await serve(Options(max_message=10_000))
    threads: Any = ThreadServiceStub(server.channel())
    for _ in range(2):
        await threads.CreateThread(threads_pb2.CreateThreadRequest(metadata=Json(text='{"a":"%s"}' % ("x" * 9_000))))
    code, details = await refusal(threads.SearchThreads(threads_pb2.SearchThreadsRequest()))
    assert code is Code.RESOURCE_EXHAUSTED
    assert details is not None
    assert details.startswith("Sent message larger than max (")
