"""Assistants."""

from __future__ import annotations

from cronlane.v1 import assistants_pb2 as pb
from cronlane_service.domain import models
from cronlane_service.domain.drafts import AssistantDraft
from cronlane_service.domain.queries import AssistantQuery
from cronlane_service.rpc.convert import words
from cronlane_service.rpc.convert.documents import document, text
from cronlane_service.rpc.convert.instants import timestamp


def assistant(assistant: models.Assistant) -> pb.Assistant:
    return pb.Assistant(
        assistant_id=assistant.assistant_id,
        graph_id=assistant.graph_id,
        config=document(assistant.config),
        context=document(assistant.context),
        created_at=timestamp(assistant.created_at),
        updated_at=timestamp(assistant.updated_at),
        metadata=document(assistant.metadata),
        version=assistant.version,
        name=assistant.name,
        description=assistant.description,
        etag=assistant.etag,
    )


def version(version: models.AssistantVersion) -> pb.AssistantVersion:
    return pb.AssistantVersion(
        assistant_id=version.assistant_id,
        version=version.version,
        graph_id=version.graph_id,
        config=document(version.config),
        context=document(version.context),
        metadata=document(version.metadata),
        created_at=timestamp(version.created_at),
        name=version.name,
        description=version.description,
    )


def draft(request: pb.CreateAssistantRequest) -> AssistantDraft:
    return AssistantDraft(
        graph_id=request.graph_id,
        assistant_id=request.assistant_id if request.HasField("assistant_id") else None,
        config=text(request, "config"),
        context=text(request, "context"),
        metadata=text(request, "metadata"),
        name=request.name if request.HasField("name") else None,
        description=request.description if request.HasField("description") else None,
        if_exists_do_nothing=words.IF_EXISTS.word("if_exists", request.if_exists) == "do-nothing",
    )


def changed(assistant: pb.Assistant) -> AssistantDraft:
    return AssistantDraft(
        graph_id=assistant.graph_id,
        config=text(assistant, "config"),
        context=text(assistant, "context"),
        metadata=text(assistant, "metadata"),
        name=assistant.name,
        description=assistant.description if assistant.HasField("description") else None,
    )


def query(request: pb.SearchAssistantsRequest | pb.CountAssistantsRequest) -> AssistantQuery:
    return AssistantQuery(
        metadata=text(request, "metadata"),
        graph_id=request.graph_id if request.HasField("graph_id") else None,
        name=request.name if request.HasField("name") else None,
    )
