"""The use cases on one database of either engine, with a clock that stands still."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from builders import FakeClock, counting_ids, cron_draft
from cronlane_service.scheduler.scheduler import Scheduler
from cronlane_service.store import SqlDatabase
from cronlane_service.usecases.assistants import Assistants
from cronlane_service.usecases.attempts import Attempts
from cronlane_service.usecases.crons import Crons
from cronlane_service.usecases.runs import Runs
from cronlane_service.usecases.threads import Threads
from cronlane_service.usecases.ticks import Ticks

LEASE, PAUSE = timedelta(seconds=30), timedelta(seconds=2)


class House:
    """The use cases on one database, with a clock that stands still."""

    def __init__(self, database: SqlDatabase) -> None:
        self.database, self.clock, new_id = database, FakeClock(), counting_ids()
        self.crons, self.runs, self.threads = (kind(self.clock, new_id) for kind in (Crons, Runs, Threads))
        self.attempts = Attempts(self.clock, ["agent"], pause=PAUSE)
        self.scheduler = Scheduler(database, Ticks(self.clock, new_id), self.clock)
        self.assistants = Assistants(self.clock, new_id, ["agent"])
        self.do(self.assistants.sync)

    def do(self, use_case: Callable[..., Any], *args: Any) -> Any:
        return self.database.submit(lambda tx: use_case(tx, *args)).result(60)

    def sql(self, text: str) -> None:
        self.do(lambda tx: tx.threads._connection.execute(text))

    def cron(self, draft: Any = None, owner: str = "") -> Any:
        return self.do(self.crons.create, owner, draft or cron_draft())

    def poisoned(self, table: str, key: str, value: str, change: str) -> None:
        self.sql(f"UPDATE {table} SET {change} WHERE {key} = '{value}'")

    def claimed(self, worker: str = "worker") -> Any:
        return self.do(self.attempts.claim, worker, LEASE, 100)

    def find(self, run: Any) -> Any:
        return self.do(lambda tx: tx.runs.find(run.run_id))
