"""The runs of plain crons of one kind: launched once, with marks where one differs from the other."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from cronlane_service.domain import kwargs
from cronlane_service.domain.alike import Kind
from cronlane_service.domain.launch import Origin, launch
from cronlane_service.domain.models import Assistant, OnCompletion, Thread
from cronlane_service.domain.runs import Run
from cronlane_service.usecases import placement

_MOST = 1000
_SOME_TIME = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Pattern:
    """A run and its thread, and the form of the run's ``kwargs``, shortened."""

    run: Run
    thread: Thread
    form: str

    def told(self, run_id: str, thread_id: str, cron_id: str, input_text: str | None) -> str:
        return self.form % {
            "run_id": run_id,
            "thread_id": thread_id,
            "cron_id": cron_id,
            "input": input_text or "null",
        }

    def at(self, now: datetime) -> tuple[Run, Thread]:
        """As they are when they are made at that instant."""
        thread = replace(self.thread, created_at=now, updated_at=now, state_updated_at=now)
        return replace(self.run, created_at=now, updated_at=now), thread


class Patterns:
    """Keeps the patterns of the kinds and assistants that were seen."""

    def __init__(self) -> None:
        self._known: dict[tuple[Kind, Assistant], Pattern] = {}

    def of(self, kind: Kind, assistant: Assistant) -> Pattern:
        """Raises ValueError for JSON that is none."""
        found = self._known.get((kind, assistant))
        if found is None:
            if len(self._known) >= _MOST:
                self._known.clear()
            found = self._known[kind, assistant] = _pattern(kind, assistant)
        return found


def _pattern(kind: Kind, assistant: Assistant) -> Pattern:
    marks = {name: str(uuid.uuid4()) for name in ("run_id", "thread_id", "cron_id", "input")}  # in no text of anybody's
    template = replace(kind.run, input=f'"{marks["input"]}"')
    thread = placement.own_thread(marks["thread_id"], kind.owner, assistant, kind.metadata, _SOME_TIME)
    origin = Origin(
        metadata=kind.metadata,
        temporary=kind.on_run_completed is not OnCompletion.KEEP,
        cron_id=marks["cron_id"],
        scheduled_for=_SOME_TIME,
    )
    run, busy = launch(marks["run_id"], _SOME_TIME, assistant, thread, template, origin)
    form = kwargs.shortened(run).replace("%", "%%").replace(f'"{marks.pop("input")}"', "%(input)s")
    for name, mark in marks.items():
        form = form.replace(mark, f"%({name})s")
    return Pattern(run, busy, form)
