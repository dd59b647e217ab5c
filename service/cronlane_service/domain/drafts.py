"""What callers ask to be created or changed, before it is checked against what is stored."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from cronlane_service.domain.models import OnCompletion, RunTemplate


@dataclass(frozen=True, slots=True)
class ThreadDraft:
    thread_id: str | None = None
    metadata: str | None = None
    if_exists_do_nothing: bool = False


@dataclass(frozen=True, slots=True)
class CronDraft:
    """A cron to be created, or the new values of one to be changed."""

    assistant_id: str = ""
    schedule: str = ""
    thread_id: str | None = None
    timezone: str | None = None
    end_time: datetime | None = None
    enabled: bool | None = None
    on_run_completed: OnCompletion | None = None
    metadata: str | None = None
    run: RunTemplate = field(default_factory=RunTemplate)
    extra: str | None = None


@dataclass(frozen=True, slots=True)
class RunDraft:
    assistant_id: str = ""
    metadata: str | None = None
    run: RunTemplate = field(default_factory=RunTemplate)
    create_thread: bool = False
    on_completion: OnCompletion | None = None
    after: timedelta = timedelta(0)
