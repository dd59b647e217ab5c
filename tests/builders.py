"""What tests build with: a clock that they move, ids that they can read, drafts with little in them."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from cronlane_service.domain.drafts import CronDraft, RunDraft
from cronlane_service.domain.models import RunTemplate

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
AGENT = "fe096781-5601-53d2-b2f6-0d3403f7e9ca"


class FakeClock:
    """Stands still until it is advanced."""

    def __init__(self, now: datetime = NOON) -> None:
        self._now = now

    def now(self) -> datetime:
        return self._now

    def advance(self, **span: float) -> datetime:
        self._now += timedelta(**span)
        return self._now


def counting_ids() -> Callable[[], str]:
    """00000000-0000-7000-8000-000000000001 and so on: in order, like the real ones."""
    numbers = itertools.count(1)
    return lambda: str(uuid.UUID(int=(7 << 76) | (8 << 60) | next(numbers)))


def cron_draft(schedule: str = "* * * * *", **changes: Any) -> CronDraft:
    template = {name: changes.pop(name) for name in list(changes) if name in RunTemplate.__slots__}
    draft = CronDraft(assistant_id="agent", schedule=schedule, run=replace(RunTemplate(input="{}"), **template))
    return replace(draft, **changes)


def run_draft(**changes: Any) -> RunDraft:
    template = {name: changes.pop(name) for name in list(changes) if name in RunTemplate.__slots__}
    draft = RunDraft(assistant_id="agent", run=replace(RunTemplate(input="{}"), **template))
    return replace(draft, **changes)
