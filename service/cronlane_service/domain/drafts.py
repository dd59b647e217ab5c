"""What callers ask to be created or changed, before it is checked against what is stored."""

from __future__ import annotations

from dataclasses import field
from datetime import datetime, timedelta

from cronlane_service.domain.immutable import immutable
from cronlane_service.domain.lifetimes import Ttl
from cronlane_service.domain.models import OnCompletion, RunTemplate
from cronlane_service.domain.policies import DEFAULT, Policies
from cronlane_service.domain.runs import RunStatus
from cronlane_service.domain.states import Supersteps


@immutable
class ThreadDraft:
    thread_id: str | None = None
    metadata: str | None = None
    if_exists_do_nothing: bool = False
    ttl: Ttl | None = None
    supersteps: Supersteps = ()


@immutable
class AssistantDraft:
    """An assistant to be created, or the new values of one to be changed."""

    graph_id: str = ""
    assistant_id: str | None = None
    config: str | None = None
    context: str | None = None
    metadata: str | None = None
    name: str | None = None
    description: str | None = None
    if_exists_do_nothing: bool = False


@immutable
class CronDraft:
    """A cron to be created, or the new values of one to be changed; ``at`` and ``every`` are schedules too."""

    assistant_id: str = ""
    schedule: str = ""
    at: datetime | None = None
    every: tuple[timedelta, timedelta] | None = None  # interval and phase
    thread_id: str | None = None
    timezone: str | None = None
    end_time: datetime | None = None
    enabled: bool | None = None
    on_run_completed: OnCompletion | None = None
    metadata: str | None = None
    run: RunTemplate = field(default_factory=RunTemplate)
    extra: str | None = None
    policies: Policies = DEFAULT
    note: str | None = None


@immutable
class RunSelection:
    """Either runs of one thread, or the active ones of all; ``status`` None with ``every``: pending and running."""

    thread_id: str | None = None
    run_ids: tuple[str, ...] = ()
    every: bool = False
    status: RunStatus | None = None


@immutable
class RunDraft:
    assistant_id: str = ""
    metadata: str | None = None
    run: RunTemplate = field(default_factory=RunTemplate)
    create_thread: bool = False
    on_completion: OnCompletion | None = None
    after: timedelta = timedelta(0)
    checkpoint: str | None = None
    checkpoint_id: str | None = None
    recorded: bool = False
