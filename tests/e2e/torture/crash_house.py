"""A file in which much is due at once, and the steps that are to survive a crash at each of their statements."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from builders import NOON, FakeClock, counting_ids, cron_draft
from cronlane_service.domain.drafts import ThreadDraft
from cronlane_service.domain.models import Cron, OnCompletion
from cronlane_service.domain.policies import CatchUp, Overlap, Policies
from cronlane_service.domain.runs import CancelAction, MultitaskStrategy, Outcome, Run, RunError, RunStatus
from cronlane_service.store import SqlDatabase, open_database
from cronlane_service.usecases.assistants import Assistants
from cronlane_service.usecases.attempts import Attempts
from cronlane_service.usecases.crons import Crons
from cronlane_service.usecases.threads import Threads
from cronlane_service.usecases.ticks import Ticks

WATCHING_SINCE = NOON + timedelta(seconds=45)
NOW = NOON + timedelta(seconds=65)
LEASE = timedelta(seconds=30)
HOOK = "http://10.0.0.1/hook"

POLICIES = (
    Policies(),
    Policies(catch_up=CatchUp.ALL),
    Policies(catch_up=CatchUp.SKIP),
    Policies(max_runs=2),
    Policies(overlap=Overlap.SKIP),
    Policies(overlap=Overlap.QUEUE),
    Policies(jitter=timedelta(seconds=5), pause_after_failures=1),
)
DUMPED = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name"


class House:
    """The use cases over one file; the clock stands still, and ids begin with a number of the house's own."""

    def __init__(self, path: Path, number: int) -> None:
        self.clock = FakeClock(NOW)
        ids = counting_ids()
        new_id: Callable[[], str] = lambda: f"{number:08}{ids()[8:]}"  # noqa: E731
        self.database: SqlDatabase = open_database(str(path))
        self.database.migrate()
        self.database.start()
        self.assistants = Assistants(self.clock, new_id, ["agent"])
        self.crons, self.threads = Crons(self.clock, new_id), Threads(self.clock, new_id)
        self.attempts, self.ticks = Attempts(self.clock, ["agent"]), Ticks(self.clock, new_id)

    def do(self, use_case: Callable[..., Any], *given: Any) -> Any:
        return self.database.submit(lambda tx: use_case(tx, *given)).result(20)

    def fire(self) -> Any:
        return self.do(self.ticks.fire, WATCHING_SINCE, NOW)

    def claim(self) -> list[Run]:
        return list(self.do(self.attempts.claim, "worker", LEASE, 30))

    def running(self) -> list[Run]:
        query = "SELECT run_id FROM runs WHERE status = 'running' ORDER BY run_id"

        def found(tx: Any) -> list[Run]:
            return [tx.runs.find(run_id) for (run_id,) in tx.runs._connection.execute(query)]

        return self.database.read_now(found)


@contextmanager
def opened(path: Path, number: int) -> Any:
    house = House(path, number)
    try:
        yield house
    finally:
        house.database.stop()


def furnish(path: Path) -> None:
    """Crons of all kinds, made at noon, that have something due now."""
    with opened(path, 1) as house:
        house.clock.advance(seconds=-65)
        house.do(house.assistants.sync)
        for policies in POLICIES:
            _cron(house, policies=policies, webhook=HOOK)
        _cron(house, on_run_completed=OnCompletion.KEEP)
        for strategy in (None, MultitaskStrategy.INTERRUPT, MultitaskStrategy.ROLLBACK, MultitaskStrategy.REJECT):
            thread_id = house.do(house.threads.create, "", ThreadDraft()).thread_id
            for _ in range(2):
                _cron(house, thread_id=thread_id, multitask_strategy=strategy)
        poisoned = replace(_cron(house), schedule="no schedule")
        house.do(lambda tx: tx.crons.save(poisoned))


def _cron(house: House, **draft: Any) -> Cron:
    made: Cron = house.do(house.crons.create, "", cron_draft("* * * * * */30", **draft))
    return made


def _finish(house: House, outcome: Outcome, choose: Callable[[Run], bool]) -> None:
    run = next(filter(choose, house.running()))
    assert house.do(house.attempts.finish, run, outcome)


def _cancelled(house: House) -> None:
    """Of a run that is to be rolled back."""
    run = next(run for run in house.running() if not run.temporary)
    wished = replace(run, cancel=CancelAction.ROLLBACK)
    house.do(lambda tx: tx.runs.save(wished))


SUCCESS = Outcome(RunStatus.SUCCESS, values='{"n": 1}')
ERROR = Outcome(RunStatus.ERROR, error=RunError("ValueError", "no such luck"))

# What is done before, and what is to be cut off after each of its statements.
Step = Callable[[House], Any]
NOTHING: Step = lambda house: None  # noqa: E731
STEPS: dict[str, tuple[tuple[Step, ...], Step]] = {
    "fire": ((), House.fire),
    "claim": ((House.fire,), House.claim),
    "finish_stateless": ((House.fire, House.claim), lambda house: _finish(house, SUCCESS, lambda run: run.temporary)),
    "fail_on_a_thread": ((House.fire, House.claim), lambda house: _finish(house, ERROR, lambda run: not run.temporary)),
    "roll_back": (
        (House.fire, House.claim, _cancelled),
        lambda house: _finish(house, Outcome(RunStatus.INTERRUPTED), lambda run: run.cancel is not None),
    ),
    "hand_back": ((House.fire, House.claim), lambda house: house.do(house.attempts.hand_back, house.running()[0])),
    "recover": ((House.fire, House.claim), lambda house: house.do(house.attempts.recover)),
}


def dump(path: Path) -> dict[str, list[tuple]]:
    """All rows of all tables."""
    with closing(sqlite3.connect(path)) as connection:
        tables = [name for (name,) in connection.execute(DUMPED)]
        return {name: sorted(connection.execute(f"SELECT * FROM {name}"), key=repr) for name in tables}


def complete(path: Path) -> dict[str, list[tuple]]:
    """What a server that is started again makes of it: the ledger and the ends of the runs, without their ids."""
    with opened(path, 3) as house:
        house.do(house.attempts.recover)
        while house.fire().ticks:
            pass
        while claimed := house.claim():
            assert all(
                house.do(lambda tx, runs=claimed: [house.attempts.finish(tx, run, _ending(run)) for run in runs])
            )
    with closing(sqlite3.connect(path)) as connection:
        return {query: connection.execute(query).fetchall() for query in ACCOUNT}


def _ending(run: Run) -> Outcome:
    return SUCCESS if run.cancel is None else Outcome(RunStatus.INTERRUPTED)


ACCOUNT = (
    "SELECT cron_id, scheduled_for, outcome, reason, count, run_status FROM ticks ORDER BY 1, 2",
    "SELECT cron_id, scheduled_for, status, hidden FROM runs ORDER BY 1, 2",
    "SELECT cron_id, enabled, disabled_reason, next_run_date, due_at, fired, missed, skipped FROM crons ORDER BY 1",
    'SELECT status, "values" FROM threads ORDER BY 1, 2',
    "SELECT count(*), count(DISTINCT run_id) FROM webhooks",
    "SELECT count(*) FROM runs WHERE status IN ('pending', 'running')",
)
