"""The thread-centric protocol over a websocket: commands come in, replies and events go out."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import grpc.aio
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from cronlane import _json
from cronlane._decode import decode
from cronlane._protocol import event_text, subscription
from cronlane.errors import CronlaneError, InvalidRequest, from_rpc_error
from cronlane.rest.protocol import carried_out, refused, succeeded
from cronlane.rest.streaming import taken
from cronlane.v1.thread_protocol_pb2 import SendCommandRequest, StreamEventsRequest

PATH = "/threads/{thread_id}/stream/events"
MOST = 100
"""Subscriptions of one socket."""
_SERVICE_RESTARTS = 1012  # by RFC 6455's registry: come back


class Connection:
    """One socket on one thread."""

    def __init__(self, socket: WebSocket, methods: Mapping[str, Any], metadata: list[tuple[str, str]]) -> None:
        self._socket, self._methods, self._metadata = socket, methods, metadata
        self._thread_id: str = socket.path_params["thread_id"]
        self._subscriptions: dict[str, asyncio.Task[None]] = {}
        self._numbers = itertools.count(1)
        self._sending = asyncio.Lock()

    async def serve(self) -> None:
        await self._socket.accept()
        try:
            while (message := await self._socket.receive())["type"] != "websocket.disconnect":
                text = message.get("text") or (message.get("bytes") or b"").decode("utf-8", "replace")
                async with self._sending:  # the reply to a subscription comes before its first event
                    await self._send(await self._reply(text))
        finally:
            ended = list(self._subscriptions.values())
            for each in ended:
                each.cancel()
            await asyncio.gather(*ended, return_exceptions=True)

    async def _send(self, text: str) -> None:
        """Nothing, when they have left or are to leave."""
        if self._socket.application_state is WebSocketState.CONNECTED:
            with suppress(WebSocketDisconnect):
                await self._socket.send_text(text)

    async def _reply(self, text: str) -> str:
        request = SendCommandRequest(thread_id=self._thread_id)
        try:
            decode(text, request, ignore=("thread_id",))
            if request.HasField("id") and request.method.startswith("subscription."):
                return await self._subscription(request)
            return (await carried_out(request, lambda: self._call("SendCommand", request)))[0]
        except CronlaneError as error:
            return refused(request.id if request.HasField("id") else None, error)

    async def _call(self, method: str, request: SendCommandRequest) -> Any:
        try:
            return await self._methods[method](request, metadata=self._metadata)
        except grpc.aio.AioRpcError as error:
            raise from_rpc_error(error) from error

    async def _subscription(self, command: SendCommandRequest) -> str:
        """Raises CronlaneError."""
        if command.method == "subscription.subscribe":
            return await self._subscribe(command)
        if command.method == "subscription.unsubscribe":
            return self._unsubscribe(command)
        return (await carried_out(command, lambda: self._call("SendCommand", command)))[0]

    async def _subscribe(self, command: SendCommandRequest) -> str:
        if len(self._subscriptions) >= MOST:
            raise InvalidRequest(f"A connection has at most {MOST} subscriptions: end one, or open another connection.")
        request = StreamEventsRequest(thread_id=self._thread_id)
        subscription(request, command.params.text or "{}")
        call = self._methods["StreamEvents"](request, metadata=self._metadata)
        await taken(call)
        name = str(next(self._numbers))
        self._subscriptions[name] = telling = asyncio.create_task(self._tell(call))
        telling.add_done_callback(lambda _: self._subscriptions.pop(name, None))
        return succeeded(command.id, {"subscription_id": name}, 0)

    def _unsubscribe(self, command: SendCommandRequest) -> str:
        try:
            name = _json.string(_json.members(command.params.text or "{}").get("subscription_id", "null"))
        except ValueError:
            raise InvalidRequest.of("subscription_id", "is required") from None
        task = self._subscriptions.pop(name, None)
        if task is None:
            raise InvalidRequest.of("subscription_id", "names no subscription of this connection")
        task.cancel()
        return succeeded(command.id, {}, 0)

    async def _tell(self, call: Any) -> None:
        try:
            while (event := await call.read()) is not grpc.aio.EOF:
                async with self._sending:
                    await self._send(event_text(event))
        except grpc.aio.AioRpcError as error:
            async with self._sending:
                await self._send(refused(None, from_rpc_error(error)))
                if self._socket.application_state is WebSocketState.CONNECTED:
                    await self._socket.close(_SERVICE_RESTARTS)
        finally:
            call.cancel()
