"""Assistants: graphs with configuration."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from google.protobuf.field_mask_pb2 import FieldMask

from cronlane._assistants import assistant_to_update
from cronlane._channel import AsyncConnection
from cronlane._convert import Object, Objects, body, fill, plain
from cronlane._graphs import subgraphs_text
from cronlane._shapes import check_select
from cronlane.v1 import assistants_pb2, graphs_pb2
from cronlane.v1.assistants_pb2_grpc import AssistantServiceStub
from cronlane.v1.graphs_pb2_grpc import GraphServiceStub


class AssistantsClient:
    """Creates, finds, changes and deletes assistants, and describes their graphs.

    An assistant is a dict ``{assistant_id, graph_id, config, context, created_at, updated_at, metadata, version, name,
    description}``; times are ISO 8601 strings in UTC.
    """

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def create(
        self,
        graph_id: str,
        config: Mapping[str, Any] | None = None,
        *,
        context: Mapping[str, Any] | None = None,
        metadata: Mapping[str, Any] | None = None,
        assistant_id: str | None = None,
        if_exists: str | None = None,
        name: str | None = None,
        description: str | None = None,
        timeout: float | None = None,
    ) -> Object:
        """A new assistant, version 1, or with ``if_exists="do_nothing"`` the one that has this id.

        ``config`` may have ``configurable``, ``tags`` and ``recursion_limit``; its ``configurable`` and ``context``
        mirror each other, so only one of them is given. Raises NotFound for an unknown graph, AlreadyExists,
        InvalidRequest. Source: AssistantService.CreateAssistant.
        """
        stub = self._connection.stub(AssistantServiceStub)
        request = fill(
            assistants_pb2.CreateAssistantRequest(),
            graph_id=graph_id,
            config=config or None,
            context=context or None,
            metadata=metadata or None,
            assistant_id=assistant_id,
            if_exists=if_exists,
            name=name,
            description=description,
        )
        return plain(await self._connection.call(stub.CreateAssistant, request, timeout))

    async def get(self, assistant_id: str, *, timeout: float | None = None) -> Object:
        """The assistant with this UUID. Raises NotFound, InvalidRequest. Source: AssistantService.GetAssistant."""
        stub = self._connection.stub(AssistantServiceStub)
        request = fill(assistants_pb2.GetAssistantRequest(), assistant_id=assistant_id)
        return plain(await self._connection.call(stub.GetAssistant, request, timeout))

    async def update(
        self,
        assistant_id: str,
        *,
        graph_id: str | None = None,
        config: Mapping[str, Any] | None = None,
        context: Mapping[str, Any] | None = None,
        metadata: Mapping[str, Any] | None = None,
        name: str | None = None,
        description: str | None = None,
        timeout: float | None = None,
    ) -> Object:
        """The assistant in a new version with these values; None, and an empty ``config``, leave what is there.

        ``metadata`` is merged at the top level. Raises NotFound, InvalidRequest, Conflict for another graph of an
        assistant that the service made. Source: AssistantService.UpdateAssistant.
        """
        changes = {
            "graph_id": graph_id or None,
            "config": config,
            "context": context,
            "metadata": metadata or None,
            "name": name or None,
            "description": description or None,
        }
        assistant, paths = assistant_to_update(body(changes))
        assistant.assistant_id = assistant_id
        stub = self._connection.stub(AssistantServiceStub)
        request = assistants_pb2.UpdateAssistantRequest(assistant=assistant, update_mask=FieldMask(paths=paths))
        return plain(await self._connection.call(stub.UpdateAssistant, request, timeout))

    async def delete(self, assistant_id: str, *, delete_threads: bool = False, timeout: float | None = None) -> None:
        """Deletes an assistant with its crons; with ``delete_threads`` also the threads on which it ran last.

        Raises NotFound, Conflict for one that the service made. Source: AssistantService.DeleteAssistant.
        """
        stub = self._connection.stub(AssistantServiceStub)
        request = fill(
            assistants_pb2.DeleteAssistantRequest(), assistant_id=assistant_id, delete_threads=delete_threads
        )
        await self._connection.call(stub.DeleteAssistant, request, timeout)

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
        response_format: str = "array",
        timeout: float | None = None,
    ) -> Any:
        """The assistants for which all of these hold, newest first; ``limit`` 1 to 1000.

        ``metadata`` is matched by containment, ``name`` is a part of the name in any case, ``select`` names the
        members to answer. A list, or with ``response_format="object"`` a dict ``{assistants, next}``, where ``next``
        is the offset of the next page as a string, None on the last. Raises NotFound for an unknown graph,
        InvalidRequest. Source: AssistantService.SearchAssistants.
        """
        if response_format not in ("array", "object"):
            raise ValueError(f"response_format must be 'array' or 'object', got {response_format!r}")
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
        found = [plain(each, select or ()) for each in reply.assistants]
        if response_format == "array":
            return found
        return {"assistants": found, "next": str(reply.next_offset) if reply.HasField("next_offset") else None}

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

    async def get_versions(
        self,
        assistant_id: str,
        metadata: Mapping[str, Any] | None = None,
        limit: int = 10,
        offset: int = 0,
        *,
        timeout: float | None = None,
    ) -> Objects:
        """What the assistant was, newest first: dicts like those of assistants, without ``updated_at``.

        Raises NotFound, InvalidRequest. Source: AssistantService.ListAssistantVersions.
        """
        stub = self._connection.stub(AssistantServiceStub)
        request = fill(
            assistants_pb2.ListAssistantVersionsRequest(),
            assistant_id=assistant_id,
            metadata=metadata or None,
            limit=limit,
            offset=offset,
        )
        reply = await self._connection.call(stub.ListAssistantVersions, request, timeout)
        return [plain(each) for each in reply.versions]

    async def set_latest(self, assistant_id: str, version: int, *, timeout: float | None = None) -> Object:
        """The assistant as it was in that version, which is in use from now on. Raises NotFound, InvalidRequest.

        Source: AssistantService.SetLatestAssistantVersion.
        """
        stub = self._connection.stub(AssistantServiceStub)
        request = fill(assistants_pb2.SetLatestAssistantVersionRequest(), assistant_id=assistant_id, version=version)
        return plain(await self._connection.call(stub.SetLatestAssistantVersion, request, timeout))

    async def get_graph(
        self, assistant_id: str, *, xray: int | bool = False, timeout: float | None = None
    ) -> dict[str, Objects]:
        """The graph's ``nodes`` and ``edges``; ``assistant_id`` may be the graph's name.

        ``xray``: so many levels of subgraphs are drawn by their own nodes, True for all. Raises NotFound,
        InvalidRequest. Source: GraphService.GetGraph.
        """
        stub = self._connection.stub(GraphServiceStub)
        levels = {True: -1, False: 0}[xray] if isinstance(xray, bool) else xray
        request = fill(graphs_pb2.GetGraphRequest(), assistant_id=assistant_id, xray=levels)
        return plain(await self._connection.call(stub.GetGraph, request, timeout))

    async def get_schemas(self, assistant_id: str, *, timeout: float | None = None) -> Object:
        """The graph's JSON Schemas: ``{graph_id, input_schema, output_schema, state_schema, config_schema,
        context_schema}``, None where there is none. Raises NotFound, InvalidRequest. Source: GraphService.GetSchemas.
        """
        stub = self._connection.stub(GraphServiceStub)
        request = fill(graphs_pb2.GetSchemasRequest(), assistant_id=assistant_id)
        return plain(await self._connection.call(stub.GetSchemas, request, timeout))

    async def get_subgraphs(
        self,
        assistant_id: str,
        namespace: str | None = None,
        recurse: bool = False,
        *,
        timeout: float | None = None,
    ) -> dict[str, Object]:
        """The schemas of the graphs inside the graph by namespace, the nodes on the way joined by ``|``.

        ``namespace`` names the only one to answer, ``recurse`` adds those inside subgraphs. Raises NotFound,
        InvalidRequest. Source: GraphService.GetSubgraphs.
        """
        stub = self._connection.stub(GraphServiceStub)
        request = fill(
            graphs_pb2.GetSubgraphsRequest(), assistant_id=assistant_id, namespace=namespace, recurse=recurse
        )
        reply = await self._connection.call(stub.GetSubgraphs, request, timeout)
        found: dict[str, Object] = json.loads(subgraphs_text(reply))
        return found
