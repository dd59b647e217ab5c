"""What a cron's runs are made with, in columns of its row."""

from __future__ import annotations

from cronlane_service.domain import jsontext
from cronlane_service.domain.models import RunTemplate
from cronlane_service.domain.runs import MultitaskStrategy
from cronlane_service.store.reading import names
from cronlane_service.store.statements import Row
from cronlane_service.store.tables import CronTable

_DURABILITIES = ("sync", "async", "exit")
COLUMNS = (
    CronTable.input,
    CronTable.config,
    CronTable.context,
    CronTable.interrupt_before,
    CronTable.interrupt_after,
    CronTable.multitask_strategy,
    CronTable.stream_mode,
    CronTable.stream_subgraphs,
    CronTable.stream_resumable,
    CronTable.durability,
    CronTable.command,
    CronTable.feedback_keys,
    CronTable.webhook,
)
"""In the table's order, one after the other."""


def columns(run: RunTemplate) -> Row:
    return (
        run.input,
        run.config,
        run.context,
        jsontext.dump(run.interrupt_before) if run.interrupt_before else "[]",
        jsontext.dump(run.interrupt_after) if run.interrupt_after else "[]",
        run.multitask_strategy and str(run.multitask_strategy),
        jsontext.dump(run.stream_mode) if run.stream_mode else "[]",
        run.stream_subgraphs,
        run.stream_resumable,
        run.durability,
        run.command,
        jsontext.dump(run.feedback_keys) if run.feedback_keys else "[]",
        run.webhook,
    )


def read(row: Row) -> RunTemplate:
    """Raises one of MISREAD."""
    for document in (*row[:3], row[10]):
        if document is not None:
            jsontext.kind(document)
    said, *more = row
    return RunTemplate(input=said) if more == _NO_MORE else template(*row)


def template(
    input: str | None,  # noqa: A002 - the column's name
    config: str | None,
    context: str | None,
    before: str,
    after: str,
    multitask: str | None,
    modes: str,
    subgraphs: int | None,
    resumable: int | None,
    durability: str | None,
    command: str | None,
    feedback_keys: str,
    webhook: str | None,
) -> RunTemplate:
    return RunTemplate(
        input=input,
        config=config,
        context=context,
        interrupt_before=names(before),
        interrupt_after=names(after),
        multitask_strategy=None if multitask is None else MultitaskStrategy(multitask),
        stream_mode=names(modes),
        stream_subgraphs=None if subgraphs is None else bool(subgraphs),
        stream_resumable=None if resumable is None else bool(resumable),
        durability=None if durability is None else _durability(durability),
        command=command,
        feedback_keys=names(feedback_keys),
        webhook=webhook,
    )


def _durability(word: str) -> str:
    if word not in _DURABILITIES:
        raise ValueError(f"it is none of {', '.join(_DURABILITIES)}")
    return word


READING = {
    **dict.fromkeys(("input", "config", "context", "command"), (jsontext.parse, None)),
    **dict.fromkeys(("interrupt_before", "interrupt_after", "stream_mode", "feedback_keys"), (names, "[]")),
    "multitask_strategy": (MultitaskStrategy, None),
    "durability": (_durability, None),
}
"""How each is read, and what stands for it if it cannot be."""

_NO_MORE = list(columns(RunTemplate())[1:])
