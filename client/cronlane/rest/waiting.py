"""Waiting for a run over HTTP: the headers go out at once, blank lines keep the connection, the JSON comes last."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

import grpc.aio
from starlette.responses import Response, StreamingResponse
from starlette.types import Send

from cronlane import _json
from cronlane._channel import named_run
from cronlane._shapes import outcome_text
from cronlane.errors import CronlaneError, Timeout, Unavailable, from_rpc_error
from cronlane.rest.exchange import Exchange, JsonResponse, run_headers


async def outcome(exchange: Exchange) -> Response:
    """The final values of a run that is created, or joined.

    What fails before the run is known to be there has its HTTP status. A join that was not refused within one
    keep-alive waits for a run that is there.
    """
    joined = exchange.binding.method.name == "JoinRun"
    call = exchange.send()
    started = asyncio.ensure_future(call.initial_metadata())
    await asyncio.wait({started}, timeout=exchange.keep_alive if joined else None)
    run = named_run(started.result()) if started.done() else {}
    if started.done() and not run:
        return await _at_once(call)
    if joined:
        run = {"thread_id": exchange.request.thread_id, "run_id": exchange.request.run_id}
    return WaitingResponse(call, exchange.keep_alive, run_headers(run["thread_id"], run["run_id"]))


async def _at_once(call: Any) -> Response:
    try:
        ended = await call.read()
    except grpc.aio.AioRpcError as error:
        raise from_rpc_error(error) from error
    return JsonResponse(outcome_text(ended), headers=run_headers(ended.run.thread_id, ended.run.run_id))


class WaitingResponse(StreamingResponse):
    """Ends with the outcome; breaks off when the service goes away, so that clients come back to `location`."""

    def __init__(self, call: Any, keep_alive: float, headers: Mapping[str, str]) -> None:
        self._call, self._keep_alive = call, keep_alive
        super().__init__(self._chunks(), headers=headers, media_type="application/json")

    async def _chunks(self) -> AsyncIterator[bytes]:
        reading = asyncio.ensure_future(self._call.read())
        try:
            while not (await asyncio.wait({reading}, timeout=self._keep_alive))[0]:
                yield b"\n"
            yield _final(reading).encode()
        finally:
            reading.cancel()
            self._call.cancel()

    async def stream_response(self, send: Send) -> None:
        try:
            await super().stream_response(send)
        except (Unavailable, Timeout):
            return  # the last chunk is never sent: to the client the connection broke


def _final(reading: asyncio.Future[Any]) -> str:
    try:
        return outcome_text(reading.result())
    except grpc.aio.AioRpcError as failed:
        error = from_rpc_error(failed)
        if isinstance(error, (Unavailable, Timeout)):
            raise error from failed
        return _error_text(error)


def _error_text(error: CronlaneError) -> str:
    """The run was lost while it was waited for, for example deleted; the status has gone out already."""
    return _json.dump({"__error__": {"error": type(error).__name__, "message": str(error)}})
