"""Assistants."""

from __future__ import annotations

from cronlane.v1 import assistants_pb2 as pb
from cronlane_service.domain import models
from cronlane_service.domain.queries import AssistantQuery
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
    )


def query(request: pb.SearchAssistantsRequest | pb.CountAssistantsRequest) -> AssistantQuery:
    return AssistantQuery(
        metadata=text(request, "metadata"),
        graph_id=request.graph_id if request.HasField("graph_id") else None,
        name=request.name if request.HasField("name") else None,
    )
