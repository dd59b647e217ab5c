"""Schedules before there is a cron: when they will come, and what they say in words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from cronlane_service.domain import policies, ticks
from cronlane_service.domain.clock import Clock
from cronlane_service.domain.drafts import CronDraft
from cronlane_service.domain.errors import InvalidField
from cronlane_service.domain.models import Cron
from cronlane_service.usecases import timing
from cronlane_service.usecases.descriptions import describe

MOST = 1000


@dataclass(frozen=True, slots=True)
class Preview:
    schedule: str
    description: str
    instants: Sequence[datetime]


class Previews:
    """Says what a cron would do. Reads nothing, writes nothing."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def preview(self, draft: CronDraft, after: datetime | None, until: datetime | None, count: int) -> Preview:
        """The first ``count`` instants after ``after`` (None: now), up to ``until``. Raises InvalidField."""
        if not 1 <= count <= MOST:
            raise InvalidField("count", f"must be from 1 to {MOST}")
        now = self._clock.now()
        if until is not None and until < (after or now):
            raise InvalidField("until", "must not be before after")
        cron = timing.drafted(draft, now)
        policies.check(cron.policies, cron.end_time, stateless=True)
        most = count if cron.policies.max_runs is None else min(count, cron.policies.max_runs)
        instants = tuple(islice(_instants(cron, now if after is None else after, until), most))
        return Preview(cron.schedule, describe(cron.schedule, cron.timezone), instants)


def _instants(cron: Cron, after: datetime, until: datetime | None) -> Iterator[datetime]:
    tick = ticks.first(cron, after)
    while tick is not None and (until is None or tick <= until):
        yield tick
        tick = ticks.first(cron, tick)
