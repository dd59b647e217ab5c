"""What a run is made with: the fields that Cron and RunSpec share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from google.protobuf.message import Message

from cronlane_service.domain.models import RunTemplate
from cronlane_service.rpc.convert import words
from cronlane_service.rpc.convert.documents import said


def fields(message: Message) -> dict[str, Any]:
    """What is set in a message, by name: one call, where a question for each field would be dozens."""
    return {field.name: value for field, value in message.ListFields()}


def template(sent: Mapping[str, Any]) -> RunTemplate:
    """Of the `fields` of a Cron or a RunSpec."""
    return RunTemplate(
        input=said(sent.get("input"), "input"),
        config=said(sent.get("config"), "config"),
        context=said(sent.get("context"), "context"),
        interrupt_before=tuple(sent.get("interrupt_before", ())),
        interrupt_after=tuple(sent.get("interrupt_after", ())),
        multitask_strategy=words.MULTITASK.word("multitask_strategy", sent.get("multitask_strategy", 0)),
        stream_mode=words.STREAM_MODE.all("stream_mode", sent.get("stream_mode", ()), unspecified="values"),
        stream_subgraphs=sent.get("stream_subgraphs"),
        stream_resumable=sent.get("stream_resumable"),
        durability=words.DURABILITY.word("durability", sent.get("durability", 0)),
        webhook=sent.get("webhook"),
    )
