"""What a search asks for, and what it answers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Generic, TypeVar

from cronlane_service.domain.immutable import immutable
from cronlane_service.domain.models import ThreadStatus, TickOutcome
from cronlane_service.domain.runs import RunStatus

T = TypeVar("T")

THREAD_SORTS = ("thread_id", "status", "created_at", "updated_at", "state_updated_at")
CRON_SORTS = ("cron_id", "assistant_id", "thread_id", "next_run_date", "end_time", "created_at", "updated_at")
ASSISTANT_SORTS = ("assistant_id", "graph_id", "name", "created_at", "updated_at")


@immutable
class Window:
    """Which part of an ordered result: ``sort_by`` names a column, ties go by id in the same direction."""

    limit: int = 10
    offset: int = 0
    sort_by: str = "created_at"
    descending: bool = True


@immutable
class Page(Generic[T]):
    items: Sequence[T]
    total: int  # of all pages


@immutable
class ThreadQuery:
    metadata: str | None = None
    values: str | None = None
    status: ThreadStatus | None = None
    ids: tuple[str, ...] = ()


@immutable
class CronQuery:
    assistant_id: str | None = None
    thread_id: str | None = None
    enabled: bool | None = None
    metadata: str | None = None


@immutable
class RunQuery:
    status: RunStatus | None = None


@immutable
class AssistantQuery:
    metadata: str | None = None
    graph_id: str | None = None
    name: str | None = None  # a part of it, in any case


@immutable
class TickQuery:
    """``start`` and ``end`` are of scheduled_for, both included."""

    outcome: TickOutcome | None = None
    start: datetime | None = None
    end: datetime | None = None
