"""All that happens on a thread, and commands to it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from cronlane._async.thread_states import ThreadStatesClient
from cronlane._convert import Object, body, fill
from cronlane._protocol import event_text, subscription
from cronlane.v1.thread_protocol_pb2 import SendCommandRequest, StreamEventsRequest
from cronlane.v1.thread_protocol_pb2_grpc import ThreadProtocolServiceStub


class ThreadProtocolClient(ThreadStatesClient):
    """What `threads.stream` of the LangGraph SDK is made of: one stream of events, and commands."""

    async def stream_events(
        self,
        thread_id: str,
        channels: Sequence[str],
        *,
        namespaces: Sequence[Sequence[str]] | None = None,
        depth: int | None = None,
        since: int | None = None,
        timeout: float | None = None,
    ) -> AsyncIterator[Object]:
        """Yields what happens on a thread, over run after run, until it is deleted; the thread may still be made.

        An event is a dict ``{type, event_id, seq, method, params}`` with ``params`` ``{namespace, timestamp, data}``.
        Channels are values, updates, messages, tools, custom, ``custom:NAME``, lifecycle, input, checkpoints and tasks.
        ``namespaces`` and ``depth`` (levels) choose subgraphs. ``since``: only what came after the event with this
        ``seq``, 0: all that is kept; without it, the runs under way from their beginning. Raises InvalidRequest.
        Source: ThreadProtocolService.StreamEvents.
        """
        request = StreamEventsRequest(thread_id=thread_id)
        given = {"channels": channels, "namespaces": namespaces, "depth": depth, "since": since}
        subscription(request, body(given))
        method = self._connection.stub(ThreadProtocolServiceStub).StreamEvents
        async for event in self._connection.stream(method, request, timeout, lambda run: None):
            yield json.loads(event_text(event))

    async def send_command(
        self, thread_id: str, method: str, params: Mapping[str, Any], *, timeout: float | None = None
    ) -> Object:
        """``{run_id, applied_through_seq}``: the run that the command made, and after which event its own come.

        ``run.start`` takes ``assistant_id``, ``input``, ``config``, ``context``, ``metadata`` and
        ``multitask_strategy``; ``input.respond`` takes ``interrupt_id`` and ``response``. Raises InvalidRequest,
        NotFound when nothing like that was asked, Conflict and Unimplemented. Source:
        ThreadProtocolService.SendCommand.
        """
        request = fill(SendCommandRequest(), thread_id=thread_id, method=method, params=params)
        stub = self._connection.stub(ThreadProtocolServiceStub)
        reply = await self._connection.call(stub.SendCommand, request, timeout)
        return {"run_id": reply.run_id, "applied_through_seq": reply.applied_through_seq}
