"""What a run is made with: the fields that Cron and RunSpec share."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from functools import partial
from typing import Any, TypeAlias

from google.protobuf.message import Message

from cronlane_service.domain.models import RunTemplate
from cronlane_service.rpc.convert import words
from cronlane_service.rpc.convert.documents import document, said

Readers: TypeAlias = "Mapping[str, Callable[[str, Any], Any]]"
"""By field: what its name and the value that was sent come to. A field without one says what it means."""
_TEMPLATE = frozenset(field.name for field in fields(RunTemplate))


def _names(_: str, sent: Sequence[str]) -> tuple[str, ...]:
    return tuple(sent)


READERS: Readers = {
    **dict.fromkeys(("input", "command", "config", "context", "metadata"), said),
    **dict.fromkeys(("interrupt_before", "interrupt_after", "feedback_keys"), _names),
    "multitask_strategy": words.MULTITASK.word,
    "stream_mode": partial(words.STREAM_MODE.all, unspecified="values"),
    "durability": words.DURABILITY.word,
}


def read(message: Message, readers: Readers) -> dict[str, Any]:
    """What is set in a message, by name: one call, where a question for each field would be dozens."""
    sent = {}
    for field, value in message.ListFields():
        reader = readers.get(field.name)
        sent[field.name] = value if reader is None else reader(field.name, value)
    return sent


def template(sent: Mapping[str, Any]) -> RunTemplate:
    """Of what was `read` in a Cron or a RunSpec."""
    return RunTemplate(**{name: sent[name] for name in _TEMPLATE & sent.keys()})


def shown(run: RunTemplate) -> dict[str, Any]:
    """The fields of a Cron."""
    return {
        "input": document(run.input),
        "config": document(run.config),
        "context": document(run.context),
        "interrupt_before": run.interrupt_before,
        "interrupt_after": run.interrupt_after,
        "multitask_strategy": words.MULTITASK.number(run.multitask_strategy),
        "stream_mode": map(words.STREAM_MODE.number, run.stream_mode),
        "stream_subgraphs": run.stream_subgraphs,
        "stream_resumable": run.stream_resumable,
        "durability": words.DURABILITY.number(run.durability),
        "webhook": run.webhook,
    }
