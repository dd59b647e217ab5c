"""Ticks as they are written: their rows, their runs, the threads of these."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from cronlane_service.domain import ticks as rules
from cronlane_service.domain.alike import FiredAlike
from cronlane_service.domain.errors import NotFound
from cronlane_service.domain.launch import Origin, launch
from cronlane_service.domain.models import Assistant, Cron, CronProgress, OnCompletion, Thread, Tick, TickOutcome
from cronlane_service.domain.policies import Overlap
from cronlane_service.domain.ports import NewId, Transaction
from cronlane_service.domain.runs import MultitaskStrategy, Run
from cronlane_service.usecases import placement

_WITH_RUN = (TickOutcome.FIRED, TickOutcome.TRIGGERED)
_SKIPPED = (TickOutcome.SKIPPED_BUSY, TickOutcome.SKIPPED_OVERLAP)


@dataclass(slots=True)
class Pass:
    """What one pass over the due crons decided."""

    single_ticks: list[Tick] = field(default_factory=list)
    single_runs: list[Run] = field(default_factory=list)
    alike: list[FiredAlike] = field(default_factory=list)  # those of plain crons
    disabled: dict[str, str] = field(default_factory=dict)  # cron id to reason
    next_due: datetime | None = None  # not after now: call again
    untold: datetime | None = None  # since when there are runs of which who executes them was not told

    @property
    def oldest(self) -> datetime | None:
        """The first of the instants that were decided."""
        alike = (each.scheduled_for for alike in self.alike for each in alike.fired)
        return min([*(tick.scheduled_for for tick in self.single_ticks), *alike], default=None)

    @property
    def ticks(self) -> list[Tick]:
        return self.single_ticks + [tick for alike in self.alike for tick in alike.ticks]

    def add(self, other: Pass) -> None:
        """What was decided for other crons."""
        self.single_ticks += other.single_ticks
        self.single_runs += other.single_runs
        self.disabled |= other.disabled

    @property
    def made_runs(self) -> bool:
        return bool(self.single_runs) or any(alike.fired for alike in self.alike)

    @property
    def runs(self) -> list[Run]:
        return self.single_runs + [run for alike in self.alike for run in alike.runs]


def merged(passes: Sequence[Pass]) -> Pass:
    """Passes at the same time as one: each left to the others what they had locked."""
    together = Pass()
    for each in passes:
        together.add(each)
        together.alike += each.alike
    # Who found nothing left it to the others of these.
    knowing = [each for each in passes if each.made_runs or each.single_ticks] or passes
    together.next_due = min((each.next_due for each in knowing if each.next_due is not None), default=None)
    together.untold = min((each.untold for each in passes if each.untold is not None), default=None)
    return together


def progress(cron: Cron, ticks: Sequence[Tick], next_run_date: datetime | None) -> CronProgress:
    """Where a cron stands after these ticks. Raises InvalidField."""
    fired = sum(tick.outcome is TickOutcome.FIRED for tick in ticks)
    following = None if rules.exhausted(cron, fired) else next_run_date
    return CronProgress(
        cron_id=cron.cron_id,
        next_run_date=following,
        due_at=rules.due_at(cron, following),
        fired=fired,
        missed=sum(tick.count for tick in ticks if tick.outcome is TickOutcome.MISSED),
        skipped=sum(tick.outcome in _SKIPPED for tick in ticks),
    )


class Firing:
    """Ticks of crons in the making: reads what their crons need at once, and writes at once."""

    def __init__(
        self, tx: Transaction, now: datetime, new_id: NewId, crons: Sequence[Cron], *, passing_over: bool = False
    ) -> None:
        """``passing_over``: ticks that have a row already are left as they are; else they fail `write`."""
        self._tx, self._now, self._new_id, self._passing_over = tx, now, new_id, passing_over
        self._assistants: Mapping[str, Assistant] = tx.assistants.find([cron.assistant_id for cron in crons])
        named = [cron.thread_id for cron in crons if cron.thread_id is not None]
        self._threads: dict[str, Thread] = dict(tx.threads.find(named))
        self._active: dict[str, list[Run]] = {}
        for run in tx.runs.active(named):
            self._active.setdefault(run.thread_id, []).append(run)
        skipping = [cron.cron_id for cron in crons if cron.policies.overlap is Overlap.SKIP]
        self._at_work = set(tx.runs.crons_at_work(skipping)) if skipping else set()
        self._touched: dict[str, Thread] = {}
        self._new_threads: list[Thread] = []
        self._deciding: dict[str, datetime] = {}  # cron id to the tick that was reached
        self._written = (0, 0)  # how many of the pass's runs and ticks are stored already
        self._done = Pass()

    def cron(self, cron: Cron, planned: Sequence[rules.PlannedTick]) -> Sequence[Tick]:
        """Notes the ticks, and makes a run for each that fires. Raises NotFound, having noted nothing.

        Raises ValueError for JSON that is none; what was noted until then stands, see `poisoned`.
        """
        if cron.assistant_id not in self._assistants:
            raise NotFound("assistant", cron.assistant_id, f"its assistant {cron.assistant_id} is gone")
        if cron.thread_id is not None and cron.thread_id not in self._threads:
            raise NotFound("thread", cron.thread_id, f"its thread {cron.thread_id} is gone")
        noted = len(self._done.single_ticks)
        for plan in self._undecided(cron, planned) if self._passing_over else planned:
            self._deciding[cron.cron_id] = plan.scheduled_for
            tick = Tick(
                cron_id=cron.cron_id,
                scheduled_for=plan.scheduled_for,
                owner=cron.owner,
                decided_at=self._now,
                outcome=plan.outcome,
                reason=plan.reason,
                count=plan.count,
            )
            self._done.single_ticks.append(self._fired(cron, tick) if plan.outcome in _WITH_RUN else tick)
        return self._done.single_ticks[noted:]

    def _undecided(self, cron: Cron, planned: Sequence[rules.PlannedTick]) -> Sequence[rules.PlannedTick]:
        if not planned:
            return planned
        there = self._tx.ticks.decided(cron.cron_id, planned[0].scheduled_for, planned[-1].scheduled_for)
        return [plan for plan in planned if plan.scheduled_for not in there]

    def _fired(self, cron: Cron, tick: Tick) -> Tick:
        assistant = self._assistants[cron.assistant_id]
        strategy = cron.run.multitask_strategy
        if cron.thread_id is None:
            if cron.policies.overlap is Overlap.SKIP and cron.cron_id in self._at_work:
                reason = "an earlier run of the cron was unfinished"
                return replace(tick, outcome=TickOutcome.SKIPPED_OVERLAP, reason=reason)
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
            queued=cron.thread_id is None and cron.policies.overlap is Overlap.QUEUE,
        )
        run, busy = launch(self._new_id(), self._now, assistant, thread, cron.run, origin)
        self._keep(cron, run, busy)
        return replace(tick, run_id=run.run_id)

    def _make_room(self, thread_id: str, active: list[Run], strategy: MultitaskStrategy | None) -> None:
        if strategy in placement.CANCELS and active:
            self._write_noted()  # runs of this pass may be among the cancelled, and their ticks say so
            placement.make_room(self._tx, strategy, active, self._now)
            self._active[thread_id] = list(self._tx.runs.active([thread_id]))

    def _write_noted(self) -> None:
        """The runs, their own threads and the ticks, as multi-row statements."""
        runs, ticks = self._written
        self._tx.threads.insert_many(self._new_threads)
        self._tx.runs.insert_many(self._done.single_runs[runs:])
        self._tx.ticks.insert_many(self._done.single_ticks[ticks:])
        self._new_threads, self._written = [], (len(self._done.single_runs), len(self._done.single_ticks))

    def _keep(self, cron: Cron, run: Run, busy: Thread) -> None:
        self._done.single_runs.append(run)
        self._at_work.add(cron.cron_id)
        if cron.thread_id is None:
            self._new_threads.append(busy)
        else:
            self._threads[cron.thread_id] = self._touched[cron.thread_id] = busy
            self._active[cron.thread_id].append(run)

    def poisoned(self, cron: Cron, error: Exception) -> None:
        """A cron that cannot be evaluated is disabled with the reason, and the tick at which it failed says so.

        Ticks of it that were noted before that one stand: each has one row.
        """
        reason = f"{error}"
        self._done.disabled[cron.cron_id] = reason
        self._tx.crons.disable(cron.cron_id, reason, self._now)
        failed = self._deciding.get(cron.cron_id) or cron.next_run_date or cron.due_at or self._now
        noted = {tick.scheduled_for for tick in self._done.single_ticks if tick.cron_id == cron.cron_id}
        if failed not in noted and not self._tx.ticks.decided(cron.cron_id, failed, failed):
            tick = Tick(cron.cron_id, failed, cron.owner, self._now, TickOutcome.ERROR, reason)
            self._done.single_ticks.append(tick)

    def write(self) -> Pass:
        """Everything noted. Whoever executes runs is not told."""
        self._write_noted()
        for thread in self._touched.values():
            self._tx.threads.save(thread)
        return self._done
