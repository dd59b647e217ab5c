"""The servicer of AssistantService."""

from __future__ import annotations

from cronlane.v1 import assistants_pb2 as pb
from cronlane.v1.assistants_pb2_grpc import AssistantServiceServicer
from cronlane_service.domain.ports import Database
from cronlane_service.rpc.auth import Context, owner
from cronlane_service.rpc.convert import assistants as convert
from cronlane_service.rpc.convert.windows import following, selected, selection, window
from cronlane_service.usecases.assistants import Assistants


class AssistantServicer(AssistantServiceServicer):
    """Assistants over gRPC."""

    def __init__(self, database: Database, assistants: Assistants) -> None:
        self._database, self._assistants = database, assistants

    async def GetAssistant(self, request: pb.GetAssistantRequest, context: Context) -> pb.Assistant:  # noqa: N802
        who = owner(context)
        found = await self._database.read(lambda tx: self._assistants.get(tx, who, request.assistant_id))
        return convert.assistant(found)

    async def SearchAssistants(  # noqa: N802
        self, request: pb.SearchAssistantsRequest, context: Context
    ) -> pb.SearchAssistantsResponse:
        who, query, part = owner(context), convert.query(request), window(request)
        names = selection(pb.Assistant, request.select)
        page = await self._database.read(lambda tx: self._assistants.search(tx, who, query, part))
        return pb.SearchAssistantsResponse(
            assistants=selected(map(convert.assistant, page.items), names),
            total=page.total,
            next_offset=following(part, page),
        )

    async def CountAssistants(  # noqa: N802
        self, request: pb.CountAssistantsRequest, context: Context
    ) -> pb.CountAssistantsResponse:
        who, query = owner(context), convert.query(request)
        count = await self._database.read(lambda tx: self._assistants.count(tx, who, query))
        return pb.CountAssistantsResponse(count=count)
