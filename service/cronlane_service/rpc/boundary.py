"""The RPC boundary: every failure is a status and an event of the log, every success an event for who debugs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import grpc
import structlog
from google.protobuf.message import Message
from grpc_status import rpc_status  # type: ignore[import-untyped]

from cronlane_service.rpc import errors

if TYPE_CHECKING:
    from cronlane_service.rpc.auth import Context

log = structlog.get_logger(__name__)

Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"
Behavior: TypeAlias = "Callable[[Message, Context], Awaitable[Message]]"
Telling: TypeAlias = "Callable[[Message, Context], AsyncGenerator[Message]]"

_IDS = ("thread_id", "cron_id", "run_id", "assistant_id")
_LONGEST_ID = 64
_EARLY = 0.005
"""Seconds: gRPC counts in milliseconds, and ends a call at most so long before its deadline."""
_UNEXPECTED = {grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.UNAVAILABLE}


def guarded(method: str, handler: Handler, *, tells_all: bool = True) -> Handler:
    """The handler inside the boundary; the calls that went well are told only with ``tells_all``."""
    # The stubs of grpc know the handlers of its threaded server alone.
    if handler.unary_stream is not None:
        told: Any = _guarded_stream(method, cast("Telling", handler.unary_stream), tells_all)
        return grpc.unary_stream_rpc_method_handler(told, handler.request_deserializer, handler.response_serializer)
    answered: Any = _guarded(method, cast("Behavior", handler.unary_unary), tells_all)
    return grpc.unary_unary_rpc_method_handler(answered, handler.request_deserializer, handler.response_serializer)


def _guarded(method: str, behavior: Behavior, tells_all: bool) -> Behavior:
    async def guarded(request: Message, context: Context) -> Message:
        started = time.perf_counter()
        try:
            reply = await behavior(request, context)
        except asyncio.CancelledError:
            _Call(method, request, started).given_up(context)
            raise
        except Exception as error:  # noqa: BLE001 - the caller gets a status of whatever it was, the log its reason
            status = _Call(method, request, started).failed(error)
            await context.abort(status.code, status.details, status.trailing_metadata)
        if tells_all:
            _Call(method, request, started).answered(reply)
        return reply

    return guarded


def _guarded_stream(method: str, behavior: Telling, tells_all: bool) -> Telling:
    async def guarded(request: Message, context: Context) -> AsyncGenerator[Message]:
        call = _Call(method, request, time.perf_counter())
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
        if tells_all:
            call.answered()

    return guarded


class _Call:
    """One call that is an event of the log. Of the messages nothing but ids is told."""

    __slots__ = ("_method", "_reply", "_request", "_started")

    def __init__(self, method: str, request: Message, started: float) -> None:
        """``started``: by `time.perf_counter`."""
        self._method, self._request, self._started = method, request, started
        self._reply: Message | None = None

    def answered(self, reply: Message | None = None) -> None:
        self._reply = reply
        log.debug("rpc", **self._facts(grpc.StatusCode.OK))

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
        late = left is not None and left <= _EARLY
        log.info("rpc", **self._facts(grpc.StatusCode.DEADLINE_EXCEEDED if late else grpc.StatusCode.CANCELLED))

    def _facts(self, code: grpc.StatusCode) -> dict[str, str | float]:
        spent = time.perf_counter() - self._started
        found = _ids(self._request) | (_ids(self._reply) if self._reply is not None else {})
        return {"method": self._method, "code": code.name, "duration_ms": round(spent * 1000, 3), **found}


def _ids(message: Message) -> dict[str, str]:
    fields = message.DESCRIPTOR.fields_by_name
    found = {name: getattr(message, name)[:_LONGEST_ID] for name in _IDS if name in fields}
    return {name: text for name, text in found.items() if text}
