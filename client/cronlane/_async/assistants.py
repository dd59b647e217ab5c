"""Assistants: graphs with configuration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cronlane._channel import AsyncConnection
from cronlane._convert import Object, Objects, fill, plain
from cronlane._shapes import check_select
from cronlane.v1 import assistants_pb2
from cronlane.v1.assistants_pb2_grpc import AssistantServiceStub


class AssistantsClient:
    """Finds assistants.

    An assistant is a dict ``{assistant_id, graph_id, config, context, created_at, updated_at, metadata, version, name,
    description}``; times are ISO 8601 strings in UTC.
    """

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def get(self, assistant_id: str, *, timeout: float | None = None) -> Object:
        """The assistant with this UUID. Raises NotFound, InvalidRequest. Source: AssistantService.GetAssistant."""
        stub = self._connection.stub(AssistantServiceStub)
        request = fill(assistants_pb2.GetAssistantRequest(), assistant_id=assistant_id)
        return plain(await self._connection.call(stub.GetAssistant, request, timeout))

    async def search(
        self,
        *,
        metadata: Mapping[str, Any] | None = None,
        graph_id: str | None = None,
        name: str | None = None,
        limit: int = 10,
        offset: int = 0,
        sort_by: str | None = None,
        sort_order: str | None = None,
        select: Sequence[str] | None = None,
        timeout: float | None = None,
    ) -> Objects:
        """The assistants for which all of these hold, newest first; ``limit`` 1 to 1000.

        ``metadata`` is matched by containment, ``name`` is a part of the name in any case, ``select`` names the
        members to answer. Raises InvalidRequest. Source: AssistantService.SearchAssistants.
        """
        check_select(assistants_pb2.Assistant.DESCRIPTOR, select or ())
        stub = self._connection.stub(AssistantServiceStub)
        request = fill(
            assistants_pb2.SearchAssistantsRequest(),
            metadata=metadata or None,
            graph_id=graph_id or None,
            name=name or None,
            limit=limit,
            offset=offset,
            sort_by=sort_by,
            sort_order=sort_order,
        )
        reply = await self._connection.call(stub.SearchAssistants, request, timeout)
        return [plain(each, select or ()) for each in reply.assistants]

    async def count(
        self,
        *,
        metadata: Mapping[str, Any] | None = None,
        graph_id: str | None = None,
        name: str | None = None,
        timeout: float | None = None,
    ) -> int:
        """How many assistants a search would find. Source: AssistantService.CountAssistants."""
        stub = self._connection.stub(AssistantServiceStub)
        request = fill(
            assistants_pb2.CountAssistantsRequest(),
            metadata=metadata or None,
            graph_id=graph_id or None,
            name=name or None,
        )
        reply = await self._connection.call(stub.CountAssistants, request, timeout)
        return int(reply.count)
