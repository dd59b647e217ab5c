"""Events of runs over HTTP, as server-sent events: comments keep the connection while nothing happens."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

import grpc.aio
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from cronlane import _json
from cronlane._channel import named_run
from cronlane.errors import CronlaneError, Timeout, Unavailable, from_rpc_error
from cronlane.rest.exchange import Exchange
from cronlane.v1.runs_pb2 import RunEvent

Encode = Callable[[Any], bytes]
"""A message of the call, or the error that it ended with, as a server-sent event."""

_HEARTBEAT = b": heartbeat\r\n\r\n"
_ONE_LINE = {ord("\r"): " ", ord("\n"): " "}
_UNSTORED = {"cache-control": "no-store", "x-accel-buffering": "no"}


async def new_run_events(exchange: Exchange) -> Response:
    """A run is created; what fails before that has its HTTP status."""
    call = await begun(exchange)
    run = named_run(await call.initial_metadata())
    path = f"/threads/{run['thread_id']}/runs/{run['run_id']}"
    stateless = not exchange.request.HasField("thread_id")
    where = {"location": f"{path}/stream", "content-location": f"/runs/{run['run_id']}" if stateless else path}
    return answer(exchange, call, where)


async def run_events(exchange: Exchange) -> Response:
    call = await begun(exchange)
    run = named_run(await call.initial_metadata())
    path = f"/threads/{run['thread_id']}/runs/{run['run_id']}"
    return answer(exchange, call, {"location": f"{path}/stream", "content-location": path})


async def thread_events(exchange: Exchange) -> Response:
    return answer(exchange, await begun(exchange), {})


async def begun(exchange: Exchange) -> Any:
    """The call, once the service has taken it. Raises CronlaneError."""
    last_event_id = exchange.http.headers.get("last-event-id")
    if last_event_id and "last_event_id" in exchange.request.DESCRIPTOR.fields_by_name:
        exchange.request.last_event_id = last_event_id
    call = exchange.send()
    await taken(call)
    return call


async def taken(call: Any) -> None:
    """Once the service has taken the call; whoever is cancelled meanwhile cancels it. Raises CronlaneError."""
    try:
        if not dict(await call.initial_metadata() or ()):
            await call.read()  # refused: it has only a status
    except grpc.aio.AioRpcError as error:
        raise from_rpc_error(error) from error
    except asyncio.CancelledError:
        call.cancel()
        raise


def answer(exchange: Exchange, call: Any, headers: Mapping[str, str], encode: Encode | None = None) -> Response:
    """``encode``: for other messages than RunEvent."""
    if exchange.http.method == "HEAD":
        call.cancel()
        return Response(headers={**_UNSTORED, **headers}, media_type=EventStream.media_type)
    return EventStream(call, exchange.keep_alive, headers, encode or encoded)


class EventStream(StreamingResponse):
    """Ends with the call; breaks off when the service goes away, so that clients come back to `location`."""

    media_type = "text/event-stream"

    def __init__(self, call: Any, keep_alive: float, headers: Mapping[str, str], encode: Encode) -> None:
        self._call, self._keep_alive, self._encode = call, keep_alive, encode
        super().__init__(self._chunks(), headers={**_UNSTORED, **headers})

    async def _chunks(self) -> AsyncIterator[bytes]:
        while True:
            reading = asyncio.ensure_future(self._call.read())
            try:
                while not (await asyncio.wait({reading}, timeout=self._keep_alive))[0]:
                    yield _HEARTBEAT
            finally:
                reading.cancel()
            try:
                event = reading.result()
            except grpc.aio.AioRpcError as failed:
                error = from_rpc_error(failed)
                if isinstance(error, (Unavailable, Timeout)):
                    raise error from failed
                yield self._encode(error)
                return
            if event is grpc.aio.EOF:
                return
            yield self._encode(event)

    async def stream_response(self, send: Send) -> None:
        try:
            await super().stream_response(send)
        except (Unavailable, Timeout):
            return  # the last chunk is never sent: to the client the connection broke

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._call.cancel()  # whoever left is not told any more


def encoded(event: RunEvent | CronlaneError) -> bytes:
    if isinstance(event, CronlaneError):
        return sse("error", _json.dump({"error": type(event).__name__, "message": str(event)}))
    return sse(event.event, event.data.text, event.id)


def sse(event: str, data: str, event_id: str = "") -> bytes:
    """Line breaks in JSON are blanks; in server-sent events they are not."""
    lines = [f"event: {event}", f"data: {data.translate(_ONE_LINE)}"]
    if event_id:
        lines.append(f"id: {event_id}")
    return "\r\n".join((*lines, "", "")).encode()
