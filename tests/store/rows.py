"""Values to store, with little in them."""

from __future__ import annotations

import itertools
import uuid
from dataclasses import replace
from datetime import timedelta
from typing import Any

from builders import AGENT, NOON
from cronlane_service.domain.models import Assistant, Cron, Thread, Tick, TickOutcome
from cronlane_service.domain.runs import MultitaskStrategy, Run, RunStatus

_numbers = itertools.count(1)


def new_id() -> str:
    return str(uuid.UUID(int=(7 << 76) | (8 << 62) | next(_numbers)))


def later(seconds: float) -> Any:
    return NOON + timedelta(seconds=seconds)


def thread(**changes: Any) -> Thread:
    return replace(Thread(new_id(), "", NOON, NOON, NOON), **changes)


def assistant(**changes: Any) -> Assistant:
    return replace(Assistant(new_id(), "", "agent", "agent", NOON, NOON), **changes)


def cron(**changes: Any) -> Cron:
    made = Cron(
        cron_id=new_id(),
        owner="",
        assistant_id=AGENT,
        thread_id=None,
        schedule="* * * * *",
        timezone=None,
        end_time=None,
        enabled=True,
        on_run_completed=None,
        next_run_date=NOON,
        metadata="{}",
        created_at=NOON,
        updated_at=NOON,
    )
    changed = replace(made, **changes)
    return changed if "due_at" in changes else replace(changed, due_at=changed.next_run_date)


def tick(**changes: Any) -> Tick:
    return replace(Tick(new_id(), NOON, "", NOON, TickOutcome.FIRED), **changes)


def run(**changes: Any) -> Run:
    made = Run(
        run_id=new_id(),
        owner="",
        thread_id=new_id(),
        assistant_id=AGENT,
        graph_id="agent",
        created_at=NOON,
        updated_at=NOON,
        status=RunStatus.PENDING,
        metadata="{}",
        kwargs="{}",
        multitask_strategy=MultitaskStrategy.ENQUEUE,
    )
    return replace(made, **changes)
