"""AssistantService on a real server."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import grpc
from google.protobuf.field_mask_pb2 import FieldMask

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


async def test_an_assistant_s_life(assistants: Any, crons: Any, clock: Any, refused: Any) -> None:
    made = await assistants.CreateAssistant(
        pb.CreateAssistantRequest(
            graph_id="agent", name="n", description="d", context=Json(text='{"n":1.0}'), metadata=Json(text='{"a":1}')
        )
    )
    assert (made.version, made.name, made.description, made.config.text) == (1, "n", "d", '{"configurable":{"n":1.0}}')
    assert UUID(made.assistant_id).version == 4
    clock.advance(seconds=1)
    wanted = pb.Assistant(assistant_id=made.assistant_id, name="m", metadata=Json(text='{"b":2}'), etag=made.etag)
    changed = await assistants.UpdateAssistant(pb.UpdateAssistantRequest(assistant=wanted))
    assert (changed.version, changed.name, changed.metadata.text) == (2, "m", '{"a":1,"b":2}')
    stale = await refused(assistants.UpdateAssistant(pb.UpdateAssistantRequest(assistant=wanted)))
    assert (stale.code, stale.reason) == (grpc.StatusCode.ABORTED, "ETAG_MISMATCH")
    listed = await assistants.ListAssistantVersions(pb.ListAssistantVersionsRequest(assistant_id=made.assistant_id))
    assert [(each.version, each.name) for each in listed.versions] == [(2, "m"), (1, "n")]
    back = await assistants.SetLatestAssistantVersion(
        pb.SetLatestAssistantVersionRequest(assistant_id=made.assistant_id, version=1)
    )
    assert (back.version, back.name, back.description) == (1, "n", "d")
    await assistants.DeleteAssistant(pb.DeleteAssistantRequest(assistant_id=made.assistant_id))
    gone = await refused(assistants.GetAssistant(pb.GetAssistantRequest(assistant_id=made.assistant_id)))
    assert gone.code == grpc.StatusCode.NOT_FOUND


async def test_a_mask_clears_what_it_names(assistants: Any) -> None:
    made = await assistants.CreateAssistant(
        pb.CreateAssistantRequest(graph_id="agent", description="d", config=Json(text='{"tags":["t"]}'))
    )
    mask = FieldMask(paths=["description", "config"])
    assistant = pb.Assistant(assistant_id=made.assistant_id, name="not in the mask")
    changed = await assistants.UpdateAssistant(pb.UpdateAssistantRequest(assistant=assistant, update_mask=mask))
    assert (changed.HasField("description"), changed.config.text, changed.name) == (False, "{}", "Untitled")


async def test_an_assistant_read_and_sent_back_is_a_version_that_says_the_same(assistants: Any, refused: Any) -> None:
    made = await assistants.CreateAssistant(pb.CreateAssistantRequest(graph_id="agent", name="n"))
    again = await assistants.UpdateAssistant(pb.UpdateAssistantRequest(assistant=made))
    assert (again.version, again.name, again.config, again.metadata) == (2, "n", made.config, made.metadata)
    named = pb.UpdateAssistantRequest(assistant=made, update_mask=FieldMask(paths=["version"]))
    assert (await refused(assistants.UpdateAssistant(named))).fields == ["update_mask.version"]


async def test_refusals_of_assistants_have_their_status(assistants: Any, refused: Any) -> None:
    create, system = pb.CreateAssistantRequest, pb.DeleteAssistantRequest(assistant_id=AGENT)
    cases = [
        (assistants.CreateAssistant(create(graph_id="nope")), grpc.StatusCode.NOT_FOUND, "GRAPH_NOT_LOADED"),
        (assistants.CreateAssistant(create()), grpc.StatusCode.INVALID_ARGUMENT, "INVALID_FIELD"),
        (
            assistants.CreateAssistant(create(graph_id="agent", assistant_id=AGENT)),
            grpc.StatusCode.ALREADY_EXISTS,
            "ALREADY_EXISTS",
        ),
        (
            assistants.CreateAssistant(
                create(graph_id="agent", config=Json(text='{"configurable":{"a":1}}'), context=Json(text='{"b":1}'))
            ),
            grpc.StatusCode.INVALID_ARGUMENT,
            "CONTEXT_AND_CONFIGURABLE",
        ),
        (assistants.DeleteAssistant(system), grpc.StatusCode.FAILED_PRECONDITION, "SYSTEM_ASSISTANT"),
        (
            assistants.ListAssistantVersions(pb.ListAssistantVersionsRequest(assistant_id=AGENT, limit=0)),
            grpc.StatusCode.INVALID_ARGUMENT,
            "INVALID_FIELD",
        ),
        (
            assistants.SetLatestAssistantVersion(pb.SetLatestAssistantVersionRequest(assistant_id=AGENT, version=7)),
            grpc.StatusCode.NOT_FOUND,
            "NOT_FOUND",
        ),
    ]
    for call, code, reason in cases:
        no = await refused(call)
        assert (no.code, no.reason) == (code, reason)
    assert (await assistants.GetAssistant(pb.GetAssistantRequest(assistant_id=AGENT))).version == 1
