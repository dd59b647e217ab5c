"""Graphs."""

from __future__ import annotations

from cronlane.v1 import graphs_pb2 as pb
from cronlane_service.domain.introspection import Drawing, Schemas
from cronlane_service.rpc.convert.documents import document


def graph(drawing: Drawing) -> pb.Graph:
    return pb.Graph(nodes=document(drawing.nodes), edges=document(drawing.edges))


def schemas(graph_id: str, found: Schemas) -> pb.GraphSchemas:
    return pb.GraphSchemas(
        graph_id=graph_id,
        input_schema=document(found.input),
        output_schema=document(found.output),
        state_schema=document(found.state),
        config_schema=document(found.config),
        context_schema=document(found.context),
    )


def subgraph(namespace: str, found: Schemas) -> pb.Subgraph:
    return pb.Subgraph(
        namespace=namespace,
        input_schema=document(found.input),
        output_schema=document(found.output),
        state_schema=document(found.state),
        config_schema=document(found.config),
        context_schema=document(found.context),
    )
