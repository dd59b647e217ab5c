"""The servicer of ThreadProtocolService."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing

from cronlane.v1 import thread_protocol_pb2 as pb
from cronlane.v1.thread_protocol_pb2_grpc import ThreadProtocolServiceServicer
from cronlane_service.domain import protocol as told
from cronlane_service.domain.errors import UnknownCommand
from cronlane_service.domain.ports import Database
from cronlane_service.rpc.auth import Context, owner
from cronlane_service.rpc.convert import protocol as convert
from cronlane_service.rpc.following import Following
from cronlane_service.usecases.protocol import Protocol, Started


class ThreadProtocolServicer(ThreadProtocolServiceServicer):
    """The thread-centric protocol over gRPC."""

    def __init__(self, database: Database, protocol: Protocol, following: Following) -> None:
        self._database, self._protocol, self._following = database, protocol, following

    async def SendCommand(self, request: pb.SendCommandRequest, context: Context) -> pb.SendCommandResponse:  # noqa: N802
        started = await self._carried_out(owner(context), request)
        return pb.SendCommandResponse(run_id=started.run.run_id, applied_through_seq=started.after)

    async def _carried_out(self, who: str, request: pb.SendCommandRequest) -> Started:
        thread_id, params = request.thread_id, convert.params(request)
        if request.method == "run.start":
            draft = convert.start(params)
            return await self._database.write(lambda tx: self._protocol.start(tx, who, thread_id, draft))
        if request.method == "input.respond":
            answers, draft = convert.answers(params), convert.respond(params)
            return await self._database.write(lambda tx: self._protocol.respond(tx, who, thread_id, answers, draft))
        raise UnknownCommand(request.method)

    async def StreamEvents(  # noqa: N802
        self, request: pb.StreamEventsRequest, context: Context
    ) -> AsyncIterator[pb.ThreadEvent]:
        subscription = convert.subscription(request)
        subscription.check()
        since = request.since if request.HasField("since") else None
        who, thread_id = owner(context), request.thread_id
        follower = await self._following.found(lambda tx: self._protocol.follow(tx, who, thread_id, since))
        await context.send_initial_metadata((("cronlane-thread-id", follower.thread_id),))
        async with aclosing(self._following.events(follower)) as events:
            async for happened in events:
                event = told.told(happened)
                if event is not None and subscription.wants(event):
                    yield convert.event(event)
