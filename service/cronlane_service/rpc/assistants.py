"""The servicer of AssistantService."""

from __future__ import annotations

from google.protobuf.empty_pb2 import Empty

from cronlane.v1 import assistants_pb2 as pb
from cronlane.v1.assistants_pb2_grpc import AssistantServiceServicer
from cronlane_service.domain.ports import Database
from cronlane_service.rpc.auth import Context, owner
from cronlane_service.rpc.convert import assistants as convert
from cronlane_service.rpc.convert.documents import text
from cronlane_service.rpc.convert.masks import changes
from cronlane_service.rpc.convert.windows import following, selected, selection, version_window, window
from cronlane_service.usecases.assistants import Assistants

_NEVER_UPDATED = frozenset({"assistant_id", "created_at", "updated_at", "version", "etag"})


class AssistantServicer(AssistantServiceServicer):
    """Assistants over gRPC."""

    def __init__(self, database: Database, assistants: Assistants) -> None:
        self._database, self._assistants = database, assistants

    async def CreateAssistant(self, request: pb.CreateAssistantRequest, context: Context) -> pb.Assistant:  # noqa: N802
        who, draft = owner(context), convert.draft(request)
        made = await self._database.write(lambda tx: self._assistants.create(tx, who, draft, request.request_id))
        return convert.assistant(made)

    async def GetAssistant(self, request: pb.GetAssistantRequest, context: Context) -> pb.Assistant:  # noqa: N802
        who = owner(context)
        found = await self._database.look_up(lambda tx: self._assistants.get(tx, who, request.assistant_id))
        return convert.assistant(found)

    async def UpdateAssistant(self, request: pb.UpdateAssistantRequest, context: Context) -> pb.Assistant:  # noqa: N802
        who = owner(context)
        named, wanted = changes(request.assistant, request.update_mask, never=_NEVER_UPDATED)
        assistant_id, etag, draft = request.assistant.assistant_id, request.assistant.etag, convert.changed(wanted)
        changed = await self._database.write(
            lambda tx: self._assistants.update(tx, who, assistant_id, named, draft, etag)
        )
        return convert.assistant(changed)

    async def DeleteAssistant(self, request: pb.DeleteAssistantRequest, context: Context) -> Empty:  # noqa: N802
        who, assistant_id, with_threads = owner(context), request.assistant_id, request.delete_threads
        await self._database.write(
            lambda tx: self._assistants.delete(tx, who, assistant_id, delete_threads=with_threads, etag=request.etag)
        )
        return Empty()

    async def ListAssistantVersions(  # noqa: N802
        self, request: pb.ListAssistantVersionsRequest, context: Context
    ) -> pb.ListAssistantVersionsResponse:
        who, metadata, part = owner(context), text(request, "metadata"), version_window(request)
        versions = await self._database.search(
            lambda tx: self._assistants.versions(tx, who, request.assistant_id, metadata, part)
        )
        return pb.ListAssistantVersionsResponse(versions=map(convert.version, versions))

    async def SetLatestAssistantVersion(  # noqa: N802
        self, request: pb.SetLatestAssistantVersionRequest, context: Context
    ) -> pb.Assistant:
        who = owner(context)
        changed = await self._database.write(
            lambda tx: self._assistants.set_latest(tx, who, request.assistant_id, request.version)
        )
        return convert.assistant(changed)

    async def SearchAssistants(  # noqa: N802
        self, request: pb.SearchAssistantsRequest, context: Context
    ) -> pb.SearchAssistantsResponse:
        who, query, part = owner(context), convert.query(request), window(request)
        names = selection(pb.Assistant, request.select)
        page = await self._database.search(lambda tx: self._assistants.search(tx, who, query, part))
        return pb.SearchAssistantsResponse(
            assistants=selected(map(convert.assistant, page.items), names),
            total=page.total,
            next_offset=following(part, page),
        )

    async def CountAssistants(  # noqa: N802
        self, request: pb.CountAssistantsRequest, context: Context
    ) -> pb.CountAssistantsResponse:
        who, query = owner(context), convert.query(request)
        count = await self._database.search(lambda tx: self._assistants.count(tx, who, query))
        return pb.CountAssistantsResponse(count=count)
