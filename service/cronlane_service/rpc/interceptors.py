"""The RPC boundary: every call is one event of the log, every failure a status."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import aclosing
from typing import TYPE_CHECKING, TypeAlias, TypeVar, cast

import grpc
import structlog
from google.protobuf.message import Message
from grpc_status import rpc_status  # type: ignore[import-untyped]

from cronlane_service.rpc import errors

if TYPE_CHECKING:
    from cronlane_service.rpc.auth import Context

log = structlog.get_logger(__name__)

OURS = "/cronlane.v1."
"""Health checks and reflection are answered by parts that were not written here, and would drown the log."""

Request = TypeVar("Request")
Reply = TypeVar("Reply")
Behavior: TypeAlias = "Callable[[Message, Context], Awaitable[Message]]"
Telling: TypeAlias = "Callable[[Message, Context], AsyncGenerator[Message]]"

_IDS = ("thread_id", "cron_id", "run_id", "assistant_id")
_LONGEST_ID = 64
_UNEXPECTED = {grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.UNAVAILABLE}


class Boundary(grpc.aio.ServerInterceptor):
    """Around every call of cronlane.v1."""

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[grpc.RpcMethodHandler[Request, Reply] | None]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler[Request, Reply] | None:
        handler = await continuation(handler_call_details)
        method = handler_call_details.method
        if handler is None or not method.startswith(OURS):
            return handler
        if handler.unary_stream is not None:
            told = _guarded_stream(method, cast("Telling", handler.unary_stream))
            return grpc.unary_stream_rpc_method_handler(
                cast("Callable[[Request, grpc.ServicerContext], Iterator[Reply]]", told),
                handler.request_deserializer,
                handler.response_serializer,
            )
        # The stubs of grpc know the handlers of its threaded server alone.
        guarded = _guarded(method, cast("Behavior", handler.unary_unary))
        return grpc.unary_unary_rpc_method_handler(
            cast("Callable[[Request, grpc.ServicerContext], Reply]", guarded),
            handler.request_deserializer,
            handler.response_serializer,
        )


def _guarded(method: str, behavior: Behavior) -> Behavior:
    async def guarded(request: Message, context: Context) -> Message:
        call = _Call(method, request)
        try:
            reply = await behavior(request, context)
        except asyncio.CancelledError:
            call.given_up(context)
            raise
        except Exception as error:  # noqa: BLE001 - the caller gets a status of whatever it was, the log its reason
            status = call.failed(error)
            await context.abort(status.code, status.details, status.trailing_metadata)
        call.answered(reply)
        return reply

    return guarded


def _guarded_stream(method: str, behavior: Telling) -> Telling:
    async def guarded(request: Message, context: Context) -> AsyncGenerator[Message]:
        call = _Call(method, request)
        try:
            async with aclosing(behavior(request, context)) as replies:
                async for reply in replies:
                    yield reply
        except (asyncio.CancelledError, GeneratorExit):
            call.given_up(context)
            raise
        except Exception as error:  # noqa: BLE001 - as above
            status = call.failed(error)
            await context.abort(status.code, status.details, status.trailing_metadata)
        call.answered()

    return guarded


class _Call:
    """One call, from its start to its event. Of the messages nothing but ids is told."""

    def __init__(self, method: str, request: Message) -> None:
        self._started = time.perf_counter()
        self._method, self._ids = method, _ids(request)

    def answered(self, reply: Message | None = None) -> None:
        self._ids |= _ids(reply) if reply is not None else {}
        log.info("rpc", **self._facts(grpc.StatusCode.OK))

    def failed(self, error: Exception) -> grpc.Status:
        status: grpc.Status = rpc_status.to_status(errors.status(error))
        if not errors.known(error):
            log.error("rpc", **self._facts(status.code), exc_info=error)
        elif status.code in _UNEXPECTED:
            log.warning("rpc", **self._facts(status.code), problem=status.details)
        else:
            log.info("rpc", **self._facts(status.code))
        return status

    def given_up(self, context: Context) -> None:
        """The caller did not wait, or the server stopped in its midst."""
        left = context.time_remaining()
        late = left is not None and left <= 0
        log.info("rpc", **self._facts(grpc.StatusCode.DEADLINE_EXCEEDED if late else grpc.StatusCode.CANCELLED))

    def _facts(self, code: grpc.StatusCode) -> dict[str, str | float]:
        spent = time.perf_counter() - self._started
        return {"method": self._method, "code": code.name, "duration_ms": round(spent * 1000, 3), **self._ids}


def _ids(message: Message) -> dict[str, str]:
    fields = message.DESCRIPTOR.fields_by_name
    found = {name: getattr(message, name)[:_LONGEST_ID] for name in _IDS if name in fields}
    return {name: text for name, text in found.items() if text}
