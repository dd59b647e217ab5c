"""Runs of a cron that somebody asks for: one now, or those of a time that is past."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import islice

from cronlane_service.domain import ids, ticks
from cronlane_service.domain.clock import Clock
from cronlane_service.domain.errors import InvalidField, NotFound, ThreadBusy
from cronlane_service.domain.models import Cron, Tick, TickOutcome
from cronlane_service.domain.policies import Overlap
from cronlane_service.domain.ports import PENDING, NewId, Topic, Transaction
from cronlane_service.domain.queries import TickQuery
from cronlane_service.domain.runs import MultitaskStrategy, Run
from cronlane_service.domain.ticks import PlannedTick
from cronlane_service.usecases.firing import Firing, progress
from cronlane_service.usecases.requests import Request

MOST = 1000
_MICROSECOND = timedelta(microseconds=1)
_BACKFILLED = "backfilled"


@dataclass(frozen=True, slots=True)
class Backfilled:
    """The ticks that were run by it, oldest first, and how many of its time had been run before."""

    ticks: Sequence[Tick]
    already_run: int


class ManualRuns:
    """Both also work on a cron that is paused or has ended."""

    def __init__(self, clock: Clock, new_id: NewId) -> None:
        self._clock, self._new_id = clock, new_id

    def trigger(self, tx: Transaction, owner: str, cron_id: str, request_id: str | None = None) -> Run:
        """One run, now, whatever ``overlap`` says about skipping. Raises ThreadBusy when its thread rejects it."""
        cron = _cron(tx, owner, cron_id)
        request = Request(tx, owner, request_id, "trigger", cron.cron_id) if request_id else None
        if request and (made := request.done()) is not None:
            return _made(tx, made)
        now = self._clock.now()
        firing = Firing(tx, now, self._new_id, [_unskipped(cron, Overlap.ALLOW)])
        instant = _free_instant(tx, cron, now)
        (tick,) = firing.cron(_unskipped(cron, Overlap.ALLOW), [PlannedTick(instant, TickOutcome.TRIGGERED)])
        if tick.run_id is None:
            raise ThreadBusy(cron.thread_id or "")
        (run,) = firing.write().runs
        tx.notify(Topic.RUNS, PENDING)
        if request:
            request.record(run.run_id, now)
        return run

    def backfill(
        self, tx: Transaction, owner: str, cron_id: str, start: datetime, end: datetime, request_id: str | None = None
    ) -> Backfilled:
        """A run for each tick from ``start`` to ``end``, both included, that was not run yet.

        On a thread they are enqueued; of a cron that skips or queues they go one after another. Raises InvalidField.
        """
        cron = _cron(tx, owner, cron_id)
        request = Request(tx, owner, request_id, "backfill", cron.cron_id, start, end) if request_id else None
        there = {tick.scheduled_for: tick for tick in _rows(tx, cron, start, end)}
        if request and (made := request.done()) is not None:
            return _again(there, datetime.fromisoformat(made))
        now = self._clock.now()
        instants = _past_instants(cron, start, end, now)
        wanted = [instant for instant in instants if not _was_run(there.get(instant))]
        replaced = [there[instant] for instant in wanted if instant in there]
        rests = _rests(cron, replaced, sorted(there), end, now)
        tx.ticks.delete(cron.cron_id, [tick.scheduled_for for tick in replaced])
        tx.ticks.insert_many(rests)
        fired = self._fire(tx, cron, wanted, now)
        _count(tx, cron, [*fired, *rests], replaced)
        if request:
            request.record(now.isoformat(), now)
        return Backfilled(fired, len(instants) - len(wanted))

    def _fire(self, tx: Transaction, cron: Cron, instants: Sequence[datetime], now: datetime) -> Sequence[Tick]:
        patient = _unskipped(cron, Overlap.QUEUE)
        patient = replace(patient, run=replace(patient.run, multitask_strategy=MultitaskStrategy.ENQUEUE))
        firing = Firing(tx, now, self._new_id, [patient])
        ticks = firing.cron(patient, [PlannedTick(each, TickOutcome.FIRED, _BACKFILLED) for each in instants])
        if firing.write().made_runs:
            tx.notify(Topic.RUNS, PENDING)
        return ticks


def _cron(tx: Transaction, owner: str, cron_id: str) -> Cron:
    cron_id = ids.parse("cron", cron_id)
    cron = tx.crons.get(owner, cron_id)
    if cron is None:
        raise NotFound("cron", cron_id, f"Cron '{cron_id}' not found")
    return cron


def _unskipped(cron: Cron, instead: Overlap) -> Cron:
    """The cron without skipping what overlaps: what was asked for is to be run."""
    if cron.policies.overlap is not Overlap.SKIP:
        return cron
    return replace(cron, policies=replace(cron.policies, overlap=instead))


def _made(tx: Transaction, run_id: str) -> Run:
    run = tx.runs.find(run_id)
    if run is None:
        raise NotFound("run", run_id, f"Run '{run_id}' was made by this request and is gone")
    return run


def _free_instant(tx: Transaction, cron: Cron, now: datetime) -> datetime:
    """Now, or as soon as the ledger has room; never a whole second, where ticks of schedules are."""
    instant = now
    while not instant.microsecond or tx.ticks.list(cron.owner, cron.cron_id, TickQuery(start=instant, end=instant), 1):
        instant += _MICROSECOND
    return instant


def _rows(tx: Transaction, cron: Cron, start: datetime, end: datetime) -> Sequence[Tick]:
    """All rows of that time, triggered ones among them, which are many only if somebody made it so."""
    return tx.ticks.list(cron.owner, cron.cron_id, TickQuery(start=start, end=end), 100 * MOST)


def _past_instants(cron: Cron, start: datetime, end: datetime, now: datetime) -> Sequence[datetime]:
    """Those of the schedule, within its bounds, that the scheduler is not about to decide."""
    if end < start:
        raise InvalidField("end_time", "must not be before start_time")
    if end > now:
        raise InvalidField("end_time", "must not be in the future")
    bounds = [end if cron.end_time is None else min(end, cron.end_time)]
    if cron.enabled and cron.next_run_date is not None:
        bounds.append(cron.next_run_date - _MICROSECOND)
    begin = start if cron.policies.start_time is None else max(start, cron.policies.start_time)
    found = list(islice(ticks.times(cron).between(begin, min(bounds)), MOST + 1))
    if len(found) > MOST:
        raise InvalidField("end_time", f"the schedule has more than {MOST} ticks in that time")
    return found


def _was_run(tick: Tick | None) -> bool:
    return tick is not None and tick.outcome is TickOutcome.FIRED


def _rests(
    cron: Cron, replaced: Sequence[Tick], there: Sequence[datetime], end: datetime, now: datetime
) -> Sequence[Tick]:
    """Of rows that stand for several missed ticks, what is left of them after ``end``."""
    found = []
    for tick in replaced:
        covered = len(list(islice(ticks.times(cron).between(tick.scheduled_for, end), tick.count)))
        following = ticks.times(cron).next(end)
        if covered < tick.count and following is not None and tick.scheduled_for == there[-1]:
            found.append(replace(tick, scheduled_for=following, count=tick.count - covered, decided_at=now))
    return found


def _again(there: Mapping[datetime, Tick], decided_at: datetime) -> Backfilled:
    """What the same request answered before."""
    mine = [tick for tick in there.values() if tick.reason == _BACKFILLED and tick.decided_at == decided_at]
    earlier = [tick for tick in there.values() if _was_run(tick) and tick.decided_at < decided_at]
    return Backfilled(mine, len(earlier))


def _count(tx: Transaction, cron: Cron, written: Sequence[Tick], replaced: Sequence[Tick]) -> None:
    more, less = progress(cron, written, cron.next_run_date), progress(cron, replaced, None)
    tx.crons.advance(
        [replace(more, missed=more.missed - less.missed, skipped=more.skipped - less.skipped)],
    )
