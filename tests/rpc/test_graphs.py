"""GraphService on a real server; what graphs look like is made up."""

from __future__ import annotations

from typing import Any

import grpc
import pytest

from builders import AGENT
from cronlane.v1 import assistants_pb2, graphs_pb2
from cronlane.v1.common_pb2 import Json

UNKNOWN = "00000000-0000-4000-8000-0000000000ff"


@pytest.fixture
async def mine(assistants: Any) -> str:
    """The id of an assistant with a configuration."""
    request = assistants_pb2.CreateAssistantRequest(graph_id="agent", config=Json(text='{"tags":["t"]}'))
    made: assistants_pb2.Assistant = await assistants.CreateAssistant(request)
    return made.assistant_id


@pytest.mark.parametrize(("levels", "xray"), [(0, "false"), (2, "2"), (-1, "true")])
async def test_a_graph_is_drawn_with_the_assistant_s_config(
    graph_service: Any, mine: str, levels: int, xray: str
) -> None:
    drawn = await graph_service.GetGraph(graphs_pb2.GetGraphRequest(assistant_id=mine, xray=levels))
    assert (drawn.nodes.text, drawn.edges.text) == ('["agent", {"tags": ["t"]}]', f"[{xray}]")


async def test_a_graph_can_be_named(graph_service: Any) -> None:
    by_name, by_id = [
        await graph_service.GetGraph(graphs_pb2.GetGraphRequest(assistant_id=name)) for name in ("agent", AGENT)
    ]
    assert by_name == by_id


async def test_schemas_that_there_are_not_are_absent(graph_service: Any, mine: str) -> None:
    schemas = await graph_service.GetSchemas(graphs_pb2.GetSchemasRequest(assistant_id=mine))
    assert (schemas.graph_id, schemas.input_schema.text, schemas.config_schema.text) == (
        "agent",
        '{"tags":["t"]}',
        "{}",
    )
    assert not schemas.HasField("output_schema")
    assert not schemas.HasField("context_schema")


async def test_subgraphs_come_in_their_order(graph_service: Any, mine: str) -> None:
    request = graphs_pb2.GetSubgraphsRequest(assistant_id=mine, namespace="a|b", recurse=True)
    found = (await graph_service.GetSubgraphs(request)).subgraphs
    assert [each.namespace for each in found] == ["second", "first"]
    assert found[0].input_schema.text == '["a|b", true]'
    all_of_them = await graph_service.GetSubgraphs(graphs_pb2.GetSubgraphsRequest(assistant_id=mine))
    assert all_of_them.subgraphs[0].input_schema.text == "[null, false]"


async def test_what_is_not_there_is_not_described(graph_service: Any, refused: Any) -> None:
    for method, request in (
        (graph_service.GetGraph, graphs_pb2.GetGraphRequest),
        (graph_service.GetSchemas, graphs_pb2.GetSchemasRequest),
        (graph_service.GetSubgraphs, graphs_pb2.GetSubgraphsRequest),
    ):
        assert (await refused(method(request(assistant_id=UNKNOWN)))).code == grpc.StatusCode.NOT_FOUND
        assert (await refused(method(request(assistant_id="nope")))).fields == ["assistant_id"]
    for method, request in (
        (graph_service.GetSchemas, graphs_pb2.GetSchemasRequest),
        (graph_service.GetSubgraphs, graphs_pb2.GetSubgraphsRequest),
    ):
        assert (await refused(method(request(assistant_id="agent")))).fields == ["assistant_id"]
    for levels in (-2, 101):
        wrong = await refused(graph_service.GetGraph(graphs_pb2.GetGraphRequest(assistant_id=AGENT, xray=levels)))
        assert wrong.fields == ["xray"]
