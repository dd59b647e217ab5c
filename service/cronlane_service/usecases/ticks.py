"""Ticks: what becomes of each instant that a schedule names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from cronlane_service.domain import ticks as rules
from cronlane_service.domain.clock import Clock
from cronlane_service.domain.errors import DomainError
from cronlane_service.domain.launch import Origin, launch
from cronlane_service.domain.models import (
    Assistant,
    Cron,
    MultitaskStrategy,
    OnCompletion,
    Run,
    Thread,
    Tick,
    TickOutcome,
)
from cronlane_service.domain.ports import NewId, Topic, Transaction
from cronlane_service.usecases import placement


@dataclass(slots=True)
class Pass:
    """What one pass over the due crons decided."""

    ticks: list[Tick] = field(default_factory=list)
    runs: list[Run] = field(default_factory=list)
    disabled: dict[str, str] = field(default_factory=dict)  # cron id to reason
    next_due: datetime | None = None  # not after now: call again


class Ticks:
    """Fires what is due: ticks, their runs and the crons' next instants in one transaction."""

    def __init__(self, clock: Clock, new_id: NewId, batch: int = 500) -> None:
        self._clock, self._new_id, self._batch = clock, new_id, batch

    def fire(self, tx: Transaction, watching_since: datetime) -> Pass:
        """Decides every due tick of a batch of crons, oldest first.

        ``watching_since``: ticks before it were due while nobody could fire them.
        """
        now = self._clock.now()
        crons = tx.crons.due(now, self._batch)
        firing = _Firing(tx, now, self._new_id, crons)
        instants: dict[str, datetime | None] = {}
        for cron in crons:
            try:
                decision = rules.decide(cron, now, watching_since)
                firing.cron(cron, decision.ticks)
                instants[cron.cron_id] = decision.next_run_date
            except (DomainError, ArithmeticError, LookupError, TypeError, ValueError) as error:
                firing.poisoned(cron, error)
        tx.crons.advance(instants)
        done = firing.write()
        done.next_due = tx.crons.next_due()
        return done


class _Firing:
    """One pass in the making: reads what its crons need at once, and writes at once."""

    def __init__(self, tx: Transaction, now: datetime, new_id: NewId, crons: Sequence[Cron]) -> None:
        self._tx, self._now, self._new_id = tx, now, new_id
        self._assistants: Mapping[str, Assistant] = tx.assistants.find([cron.assistant_id for cron in crons])
        named = [cron.thread_id for cron in crons if cron.thread_id is not None]
        self._threads: dict[str, Thread] = dict(tx.threads.find(named))
        self._active: dict[str, list[Run]] = {}
        for run in tx.runs.active(named):
            self._active.setdefault(run.thread_id, []).append(run)
        self._touched: dict[str, Thread] = {}
        self._new_threads: list[Thread] = []
        self._written = 0  # how many of the pass's runs are stored already
        self._done = Pass()

    def cron(self, cron: Cron, planned: Sequence[rules.PlannedTick]) -> None:
        """Notes the ticks, and makes a run for each that fires. Raises DomainError, having noted nothing."""
        if cron.assistant_id not in self._assistants:
            raise DomainError(f"its assistant {cron.assistant_id} is gone")
        if cron.thread_id is not None and cron.thread_id not in self._threads:
            raise DomainError(f"its thread {cron.thread_id} is gone")
        for plan in planned:
            tick = Tick(
                cron_id=cron.cron_id,
                scheduled_for=plan.scheduled_for,
                owner=cron.owner,
                decided_at=self._now,
                outcome=plan.outcome,
                reason=plan.reason,
                count=plan.count,
            )
            self._done.ticks.append(self._fired(cron, tick) if plan.outcome is TickOutcome.FIRED else tick)

    def _fired(self, cron: Cron, tick: Tick) -> Tick:
        assistant = self._assistants[cron.assistant_id]
        strategy = cron.run.multitask_strategy
        if cron.thread_id is None:
            thread = placement.own_thread(self._new_id(), cron.owner, assistant, cron.metadata, self._now)
        else:
            thread = self._threads[cron.thread_id]
            active = self._active.setdefault(cron.thread_id, [])
            if placement.refuses(strategy, active):
                return replace(tick, outcome=TickOutcome.SKIPPED_BUSY, reason="its thread was busy")
            self._make_room(cron.thread_id, active, strategy)
        origin = Origin(
            metadata=cron.metadata,
            temporary=cron.thread_id is None and cron.on_run_completed is not OnCompletion.KEEP,
            cron_id=cron.cron_id,
            scheduled_for=tick.scheduled_for,
        )
        run, busy = launch(self._new_id(), self._now, assistant, thread, cron.run, origin)
        self._keep(cron, run, busy)
        return replace(tick, run_id=run.run_id)

    def _make_room(self, thread_id: str, active: list[Run], strategy: MultitaskStrategy | None) -> None:
        if strategy in placement.CANCELS and active:
            self._write_runs()  # those of this pass may be among the cancelled
            placement.make_room(self._tx, strategy, active, self._now)
            self._active[thread_id] = list(self._tx.runs.active([thread_id]))

    def _write_runs(self) -> None:
        self._tx.threads.insert_many(self._new_threads)
        self._tx.runs.insert_many(self._done.runs[self._written :])
        self._new_threads, self._written = [], len(self._done.runs)

    def _keep(self, cron: Cron, run: Run, busy: Thread) -> None:
        self._done.runs.append(run)
        if cron.thread_id is None:
            self._new_threads.append(busy)
        else:
            self._threads[cron.thread_id] = self._touched[cron.thread_id] = busy
            self._active[cron.thread_id].append(run)

    def poisoned(self, cron: Cron, error: Exception) -> None:
        """A cron that cannot be evaluated is disabled with the reason, and its tick says so."""
        reason = f"{error}"
        self._done.disabled[cron.cron_id] = reason
        self._tx.crons.disable(cron.cron_id, reason, self._now)
        if cron.next_run_date is not None:
            tick = Tick(cron.cron_id, cron.next_run_date, cron.owner, self._now, TickOutcome.ERROR, reason)
            self._done.ticks.append(tick)

    def write(self) -> Pass:
        """Everything noted, as multi-row statements."""
        self._write_runs()
        for thread in self._touched.values():
            self._tx.threads.save(thread)
        self._tx.ticks.insert_many(self._done.ticks)
        if self._done.runs:
            self._tx.notify(Topic.RUNS)
        return self._done
