"""Parts that servers and workers both are made of: a piece of the composition root."""

from __future__ import annotations

import os
import socket
import uuid
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import uuid_utils

from cronlane_service.domain.ports import NewId
from cronlane_service.runner.checkpoints import Checkpoints
from cronlane_service.runner.items import LocalItems
from cronlane_service.runner.local import LocalGraphs
from cronlane_service.runner.pool import RunnerPool
from cronlane_service.store import SqlDatabase, is_postgres, sqlite_path
from cronlane_service.usecases.attempts import Attempts
from cronlane_service.usecases.bursts import Burst

if TYPE_CHECKING:
    from cronlane_service.settings import Settings


def kept(settings: Settings) -> tuple[LocalItems, Path | Checkpoints]:
    """What graphs keep: in the servers' PostgreSQL, or in files beside the SQLite database."""
    if is_postgres(settings.database):
        from cronlane_service.runner.postgres import PostgresCheckpoints

        return LocalItems(settings.database), PostgresCheckpoints(settings.database)
    path = sqlite_path(settings.database)
    return LocalItems(path.with_suffix(".store.db")), path.with_suffix(".checkpoints.db")


def attempts(settings: Settings, database: SqlDatabase, graphs: Sequence[str], burst: Burst | None = None) -> Attempts:
    kept, pause = timedelta(days=settings.tick_retention), timedelta(seconds=settings.retry_pause)
    return Attempts(database.clock, graphs, settings.attempts, kept, pause, burst)


def pool(settings: Settings, database: SqlDatabase, tries: Attempts, graphs: LocalGraphs) -> RunnerPool:
    worker = f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:8]}"
    lease = timedelta(seconds=settings.lease)
    longest = None if settings.run_timeout is None else timedelta(seconds=settings.run_timeout)
    return RunnerPool(database, tries, graphs, database.clock, worker, settings.concurrency, lease, longest)


def new_id() -> NewId:
    """Time-ordered UUIDs, in order also within a millisecond."""
    return lambda: str(uuid_utils.uuid7())
