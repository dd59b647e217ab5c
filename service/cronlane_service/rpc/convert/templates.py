"""What a run is made with: the fields that Cron and RunSpec share."""

from __future__ import annotations

from typing import TypeAlias

from cronlane.v1.crons_pb2 import Cron
from cronlane.v1.runs_pb2 import RunSpec
from cronlane_service.domain.models import RunTemplate
from cronlane_service.rpc.convert import words
from cronlane_service.rpc.convert.documents import text

Asked: TypeAlias = Cron | RunSpec


def template(asked: Asked) -> RunTemplate:
    return RunTemplate(
        input=text(asked, "input"),
        config=text(asked, "config"),
        context=text(asked, "context"),
        interrupt_before=tuple(asked.interrupt_before),
        interrupt_after=tuple(asked.interrupt_after),
        multitask_strategy=words.MULTITASK.word("multitask_strategy", asked.multitask_strategy),
        stream_mode=words.STREAM_MODE.all("stream_mode", asked.stream_mode, unspecified="values"),
        stream_subgraphs=asked.stream_subgraphs if asked.HasField("stream_subgraphs") else None,
        stream_resumable=asked.stream_resumable if asked.HasField("stream_resumable") else None,
        durability=words.DURABILITY.word("durability", asked.durability),
        webhook=asked.webhook if asked.HasField("webhook") else None,
    )
