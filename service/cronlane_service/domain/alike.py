"""Crons that differ in their id, their time and their input alone, and what is made when these fire together.

Most crons are plain: stateless, with none of the policies that look at more than the instant. A batch of them is fired
by a few patterns and a handful of values for each.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import NamedTuple

from cronlane_service.domain import kwargs
from cronlane_service.domain.immutable import immutable
from cronlane_service.domain.models import OnCompletion, RunTemplate, Thread, Tick, TickOutcome
from cronlane_service.domain.runs import Run


@immutable
class Kind:
    """What plain crons have in common; the template is without its input."""

    owner: str
    assistant_id: str
    on_run_completed: OnCompletion | None
    metadata: str
    run: RunTemplate


class Member(NamedTuple):
    """A plain cron of some kind, and its tick that is due."""

    cron_id: str
    schedule: str
    timezone: str | None
    tick: datetime
    input: str | None
    version: int  # another one: it was changed


@dataclass(slots=True)
class Alike:
    """Plain crons of one kind."""

    kind: Kind
    members: list[Member] = field(default_factory=list)


@dataclass(slots=True)
class Due:
    """A batch of due crons: the plain ones by kind, the ids of the others in their order."""

    alike: Sequence[Alike]
    others: Sequence[str]

    @property
    def cron_ids(self) -> Sequence[str]:
        return [*(member.cron_id for alike in self.alike for member in alike.members), *self.others]

    def __bool__(self) -> bool:
        return bool(self.alike or self.others)


class Fired(NamedTuple):
    """A tick of a plain cron that fired, and the cron's next instant."""

    cron_id: str
    scheduled_for: datetime
    following: datetime | None
    run_id: str
    thread_id: str
    told: str  # the run's kwargs, shortened
    version: int  # of the cron, when it was read


@dataclass(slots=True)
class FiredAlike:
    """Ticks that fired, with the run and the thread that those of all of them are like."""

    run: Run
    thread: Thread
    fired: list[Fired] = field(default_factory=list)

    @property
    def tick(self) -> Tick:
        """What the rows of all of them are like."""
        return Tick("", self.run.created_at, self.run.owner, self.run.created_at, TickOutcome.FIRED)

    @property
    def ticks(self) -> list[Tick]:
        return [
            replace(self.tick, cron_id=each.cron_id, scheduled_for=each.scheduled_for, run_id=each.run_id)
            for each in self.fired
        ]

    @property
    def runs(self) -> list[Run]:
        return [
            replace(
                self.run,
                run_id=each.run_id,
                thread_id=each.thread_id,
                cron_id=each.cron_id,
                scheduled_for=each.scheduled_for,
                kwargs=self._kwargs(each),
            )
            for each in self.fired
        ]

    def _kwargs(self, fired: Fired) -> str:
        run = self.run
        usual = kwargs.usual(
            fired.run_id, fired.thread_id, run.graph_id, run.assistant_id, run.owner, fired.cron_id, run.temporary
        )
        return kwargs.restored(fired.told, usual)
