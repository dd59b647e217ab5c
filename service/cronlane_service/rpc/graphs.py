"""The servicer of GraphService."""

from __future__ import annotations

from cronlane.v1 import graphs_pb2 as pb
from cronlane.v1.graphs_pb2_grpc import GraphServiceServicer
from cronlane_service.domain.errors import InvalidField
from cronlane_service.domain.introspection import Introspection
from cronlane_service.domain.models import Assistant
from cronlane_service.domain.ports import Database
from cronlane_service.rpc.auth import Context, owner
from cronlane_service.rpc.convert import graphs as convert
from cronlane_service.usecases.assistants import Assistants
from cronlane_service.usecases.naming import resolve

_ALL = -1
_MOST = 100
"""Levels of subgraphs: deeper than anybody nests them."""


class GraphServicer(GraphServiceServicer):
    """Graphs, as they look from outside, over gRPC."""

    def __init__(self, database: Database, assistants: Assistants, introspection: Introspection) -> None:
        self._database, self._assistants, self._introspection = database, assistants, introspection

    async def GetGraph(self, request: pb.GetGraphRequest, context: Context) -> pb.Graph:  # noqa: N802
        xray = _levels(request.xray)
        if request.assistant_id in self._introspection.names:
            who, name = owner(context), request.assistant_id
            assistant = await self._database.look_up(lambda tx: resolve(tx, who, name))
        else:
            assistant = await self._assistant(request.assistant_id, context)
        found = await self._introspection.drawing(assistant.graph_id, assistant.config, xray, owner=owner(context))
        return convert.graph(found)

    async def GetSchemas(self, request: pb.GetSchemasRequest, context: Context) -> pb.GraphSchemas:  # noqa: N802
        assistant = await self._assistant(request.assistant_id, context)
        found = await self._introspection.schemas(assistant.graph_id, assistant.config, owner=owner(context))
        return convert.schemas(assistant.graph_id, found)

    async def GetSubgraphs(  # noqa: N802
        self, request: pb.GetSubgraphsRequest, context: Context
    ) -> pb.GetSubgraphsResponse:
        namespace = request.namespace if request.HasField("namespace") else None
        assistant = await self._assistant(request.assistant_id, context)
        found = await self._introspection.subgraphs(
            assistant.graph_id, assistant.config, namespace, request.recurse, owner=owner(context)
        )
        return pb.GetSubgraphsResponse(subgraphs=[convert.subgraph(name, each) for name, each in found.items()])

    async def _assistant(self, assistant_id: str, context: Context) -> Assistant:
        who = owner(context)
        return await self._database.look_up(lambda tx: self._assistants.get(tx, who, assistant_id))


def _levels(xray: int) -> int | bool:
    if not _ALL <= xray <= _MOST:
        raise InvalidField("xray", f"must be from {_ALL} to {_MOST}")
    return True if xray == _ALL else xray or False
