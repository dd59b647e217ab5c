"""AssistantService on a real server."""

from __future__ import annotations

from typing import Any

import grpc

from builders import AGENT
from cronlane.v1 import assistants_pb2 as pb
from cronlane.v1.common_pb2 import Json


async def test_each_graph_has_an_assistant_of_the_service_s_own(assistants: Any) -> None:
    assistant = await assistants.GetAssistant(pb.GetAssistantRequest(assistant_id=AGENT))
    assert (assistant.assistant_id, assistant.graph_id, assistant.name) == (AGENT, "agent", "agent")
    assert (assistant.config.text, assistant.context.text, assistant.version) == ("{}", "{}", 1)
    assert assistant.metadata.text == '{"created_by":"system"}'
    assert not assistant.HasField("description")
    assert assistant.created_at == assistant.updated_at


async def test_assistants_can_be_searched_and_counted(assistants: Any) -> None:
    search, counted = pb.SearchAssistantsRequest, pb.CountAssistantsRequest
    answer = await assistants.SearchAssistants(search(select=["assistant_id"]))
    assert list(answer.assistants) == [pb.Assistant(assistant_id=AGENT)]
    assert (answer.total, answer.HasField("next_offset")) == (1, False)
    assert not (await assistants.SearchAssistants(search(graph_id="other"))).assistants
    assert (await assistants.CountAssistants(counted(name="GEN"))).count == 1
    assert (await assistants.CountAssistants(counted(metadata=Json(text='{"created_by":"me"}')))).count == 0


async def test_a_wrong_assistant_is_refused(assistants: Any, refused: Any) -> None:
    by_name = await refused(assistants.GetAssistant(pb.GetAssistantRequest(assistant_id="agent")))
    assert (by_name.code, by_name.fields) == (grpc.StatusCode.INVALID_ARGUMENT, ["assistant_id"])
    unknown = "00000000-0000-4000-8000-0000000000ff"
    gone = await refused(assistants.GetAssistant(pb.GetAssistantRequest(assistant_id=unknown)))
    assert (gone.code, gone.facts) == (grpc.StatusCode.NOT_FOUND, {"kind": "assistant", "name": unknown})
    wrong = await refused(assistants.SearchAssistants(pb.SearchAssistantsRequest(sort_by="version")))
    assert wrong.fields == ["sort_by"]
