"""A database, the use cases, and pools that work for them."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from builders import counting_ids, run_draft
from cronlane_service.domain.clock import SystemClock
from cronlane_service.domain.drafts import CronDraft, ThreadDraft
from cronlane_service.domain.models import Cron
from cronlane_service.domain.ports import Topic
from cronlane_service.domain.runs import Run
from cronlane_service.runner.local import LocalGraphs
from cronlane_service.runner.pool import RunnerPool
from cronlane_service.store import open_database
from cronlane_service.usecases.assistants import Assistants
from cronlane_service.usecases.attempts import Attempts
from cronlane_service.usecases.crons import Crons
from cronlane_service.usecases.manual_runs import ManualRuns
from cronlane_service.usecases.runs import Runs
from cronlane_service.usecases.threads import Threads
from runner.sample import loaded

INPUT = '{"steps":["input"]}'
NO_GRACE, GRACE = timedelta(0), timedelta(seconds=20)


class House:
    """A database, the use cases, and pools that work for them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.database = open_database(str(folder / "cronlane.db"))
        self.database.migrate()
        self.database.start()
        clock, new_id = SystemClock(), counting_ids()
        self.attempts, self.runs, self.threads = Attempts(clock, ["agent"]), Runs(clock, new_id), Threads(clock, new_id)
        self.crons, self.manual = Crons(clock, new_id), ManualRuns(clock, new_id)
        self._changes = threading.Semaphore(0)
        for topic in Topic:
            self.database.listen(topic, lambda _key: self._changes.release())
        self.do(Assistants(clock, counting_ids(), ["agent"]).sync)
        self.pools: list[RunnerPool] = []

    def do(self, use_case: Callable[..., Any], *args: Any) -> Any:
        return self.database.submit(lambda tx: use_case(tx, *args)).result(10)

    def pool(self, graph: Any, *, attempts: Any = None, database: Any = None, **options: Any) -> RunnerPool:
        graphs = LocalGraphs(loaded(graph), self.folder / "checkpoints.db")
        named = {"worker": f"worker-{len(self.pools)}", **options}
        pool = RunnerPool(database or self.database, attempts or self.attempts, graphs, SystemClock(), **named)
        pool.graphs = graphs  # type: ignore[attr-defined]
        pool.start()
        self.pools.append(pool)
        return pool

    def thread(self) -> str:
        return self.do(self.threads.create, "", ThreadDraft()).thread_id

    def run(self, thread_id: str | None = None, **draft: Any) -> Run:
        return self.do(self.runs.create, "", thread_id, run_draft(**{"input": INPUT, **draft}))

    def cron(self, draft: CronDraft) -> Cron:
        return self.do(self.crons.create, "", draft)

    def triggered(self, cron: Cron) -> Run:
        """A run of the cron, made now."""
        run_id = self.do(self.manual.trigger, "", cron.cron_id).run_id
        return self.do(lambda tx: tx.runs.find(run_id))

    def find(self, run: Run) -> Run | None:
        return self.do(lambda tx: tx.runs.find(run.run_id))

    def wait_until(self, condition: Callable[[], Any], description: str) -> Any:
        """Looks again when the database has said that something happened, and now and then."""
        for _ in range(500):
            if found := condition():
                break
            self._changes.acquire(timeout=0.03)
        assert found, description
        return found

    def ended(self, run: Run) -> Run:
        def over() -> Run | None:
            found = self.find(run)
            return None if found is None or found.status.active else found

        return self.wait_until(over, f"run {run.run_id} did not end")

    def close(self) -> None:
        for pool in self.pools:
            pool.stop(NO_GRACE)
        self.database.stop()


def steps(values: str | None) -> list[str]:
    return json.loads(values or "{}")["steps"]
