"""A stored service that tells of runs what a test puts into it."""
# ruff: noqa: N802 - the methods have the names of the protos

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from google.protobuf import empty_pb2
from google.rpc import status_pb2
from grpc_status import rpc_status

from client.facts import NOW, json
from client.stored_service import StoredService
from cronlane.v1 import runs_pb2, thread_protocol_pb2

END = None


class TellingService(StoredService):
    """Every stream tells ``events`` until END; a status among them ends it with that."""

    def __init__(self) -> None:
        super().__init__()
        self.events: asyncio.Queue[runs_pb2.RunEvent | status_pb2.Status | None] = asyncio.Queue()

    def happens(self, event: str, data: str = "{}", event_id: str = "") -> None:
        self.events.put_nowait(runs_pb2.RunEvent(id=event_id, event=event, data=json(data)))

    def ends(self, how: status_pb2.Status | None = END) -> None:
        self.events.put_nowait(how)

    async def StreamRun(self, request: Any, context: Any) -> AsyncIterator[runs_pb2.RunEvent]:
        await self._take("StreamRun", request, context)
        thread_id = request.thread_id or "own"
        async for event in self._told(context, ("cronlane-run-id", "r"), ("cronlane-thread-id", thread_id)):
            yield event

    async def JoinRunStream(self, request: Any, context: Any) -> AsyncIterator[runs_pb2.RunEvent]:
        await self._take("JoinRunStream", request, context)
        named = ("cronlane-run-id", request.run_id), ("cronlane-thread-id", request.thread_id)
        async for event in self._told(context, *named):
            yield event

    async def StreamThread(self, request: Any, context: Any) -> AsyncIterator[runs_pb2.RunEvent]:
        await self._take("StreamThread", request, context)
        async for event in self._told(context, ("cronlane-thread-id", request.thread_id)):
            yield event

    async def StreamEvents(self, request: Any, context: Any) -> AsyncIterator[thread_protocol_pb2.ThreadEvent]:
        await self._take("StreamEvents", request, context)
        async for event in self._told(context, ("cronlane-thread-id", request.thread_id)):
            place = event.event.split("|")
            yield thread_protocol_pb2.ThreadEvent(
                seq=int(event.id), method=place[0], namespace=place[1:], time=NOW, data=event.data
            )

    async def _told(self, context: Any, *named: tuple[str, str]) -> AsyncIterator[runs_pb2.RunEvent]:
        try:
            await context.send_initial_metadata(named)
            while (happened := await self.events.get()) is not END:
                if isinstance(happened, status_pb2.Status):
                    await context.abort_with_status(rpc_status.to_status(happened))
                yield happened
        except (asyncio.CancelledError, GeneratorExit):
            self.left.set()
            raise

    async def CreateRuns(self, request: Any, context: Any) -> runs_pb2.CreateRunsResponse:
        await self._take("CreateRuns", request, context)
        made = [await self.CreateRun(runs_pb2.CreateRunRequest(run=spec), context) for spec in request.runs]
        return runs_pb2.CreateRunsResponse(runs=made)

    async def CancelRuns(self, request: Any, context: Any) -> empty_pb2.Empty:
        await self._take("CancelRuns", request, context)
        return empty_pb2.Empty()
