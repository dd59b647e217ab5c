"""Ticks: what becomes of each instant that a schedule names."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from math import ceil

from cronlane_service.domain import ticks as rules
from cronlane_service.domain.clock import Clock
from cronlane_service.domain.errors import DomainError
from cronlane_service.domain.foreseen import Foreseen
from cronlane_service.domain.models import Cron, CronProgress
from cronlane_service.domain.ports import PENDING, NewId, Topic, Transaction
from cronlane_service.usecases import bursts
from cronlane_service.usecases.bursts import Burst
from cronlane_service.usecases.firing import Firing, Pass, progress
from cronlane_service.usecases.lookahead import FIRST, LookAhead
from cronlane_service.usecases.plain import Plain, Prepared

SHORTLY = timedelta(milliseconds=25)
"""When to look again whether other servers have decided what was due."""
_CANNOT = (DomainError, ArithmeticError, LookupError, RecursionError, TypeError, ValueError)
"""What says that a cron cannot be evaluated or, apart from others, written."""


class Ticks:
    """Fires what is due: ticks, their runs and the crons' next instants in one transaction."""

    def __init__(self, clock: Clock, new_id: NewId, batch: int = 500, burst: Burst | None = None) -> None:
        """``burst``: for who executes runs in this process."""
        self._clock, self._new_id, self._batch, self._burst = clock, new_id, batch, burst or Burst()
        foreseen = Foreseen()
        self._plain = Plain(new_id, foreseen)
        self.ahead = LookAhead(foreseen)

    def fire(
        self,
        tx: Transaction,
        watching_since: datetime,
        now: datetime | None = None,
        untold: datetime | None = None,
        prepared: Prepared | None = None,
    ) -> Pass:
        """Decides every tick of a batch of crons that is due ``now`` (default: by the clock), oldest first.

        ``watching_since``: ticks before it were due while nobody could fire them. ``untold``: of the pass before.
        ``prepared``: the batch, if it was prepared; raises CronsChanged when that is out of date.
        """
        now = now or self._clock.now()
        if prepared is not None:
            done = Pass(alike=self._plain.fire_prepared(tx, prepared, now, watching_since))
            return self._ended(tx, done, now, untold)
        due = tx.firings.due(now, self._batch)
        alike, left = self._plain.fire(tx, due.alike, now, watching_since)
        done = self._fired(tx, tx.crons.find([*left, *due.others]), now, watching_since)
        done.alike = alike
        return self._ended(tx, done, now, untold, found=bool(due))

    def batches(self, now: datetime) -> int:
        """About how many are due by now."""
        return ceil(self.ahead.expected(now) / self._batch)

    def prepare(self, tx: Transaction, until: datetime, after: tuple[datetime, str] = FIRST) -> Prepared | None:
        """A batch that is due by then, of what comes after that cron (by due instant and id); None: it cannot be."""
        return self._plain.prepare(tx, tx.firings.ahead(*after, until, self._batch), until)

    def fire_apart(
        self, tx: Transaction, watching_since: datetime, now: datetime, untold: datetime | None = None
    ) -> Pass:
        """The same, cron by cron, for when ``fire`` failed: what one of them holds cannot keep the others from firing.

        What was decided before is passed over, and a cron of which something cannot be written is disabled.
        """
        due = tx.firings.due(now, self._batch)
        done = Pass()
        for cron in tx.crons.find(due.cron_ids):
            try:
                with tx.apart():
                    alone = self._fired(tx, [cron], now, watching_since, passing_over=True)
            except _CANNOT as error:
                firing = Firing(tx, now, self._new_id, [])
                firing.poisoned(cron, error)
                alone = firing.write()
            done.add(alone)
        return self._ended(tx, done, now, untold, found=bool(due))

    def _fired(
        self,
        tx: Transaction,
        crons: Sequence[Cron],
        now: datetime,
        watching_since: datetime,
        *,
        passing_over: bool = False,
    ) -> Pass:
        if not crons:  # all were plain
            return Pass()
        firing = Firing(tx, now, self._new_id, crons, passing_over=passing_over)
        advanced: list[CronProgress] = []
        for cron in crons:
            try:
                advanced.append(self._decided(firing, cron, now, watching_since))
            except _CANNOT as error:
                firing.poisoned(cron, error)
        tx.crons.advance(advanced)
        return firing.write()

    def _decided(self, firing: Firing, cron: Cron, now: datetime, watching_since: datetime) -> CronProgress:
        """Where the cron stands now. Raises what says that it cannot be evaluated."""
        if cron.unreadable is not None:
            raise ValueError(cron.unreadable)
        if cron.next_run_date is None:
            raise ValueError("it is due, and next_run_date does not say for which tick")
        decision = rules.decide(cron, now, watching_since)
        ticks = firing.cron(cron, decision.ticks)
        advanced = progress(cron, ticks, decision.next_run_date)
        if not decision.ticks and advanced.due_at is not None and advanced.due_at <= now:
            raise ValueError("it is due, and there is nothing to be decided")  # it would be due for ever
        return advanced

    def _ended(
        self, tx: Transaction, done: Pass, now: datetime, untold: datetime | None, *, found: bool = True
    ) -> Pass:
        """With what follows, and who executes runs told."""
        done.next_due = tx.crons.next_due()
        if not found and done.next_due is not None and done.next_due <= now:
            done.next_due = now + SHORTLY  # other servers are at what is due
        more = done.next_due is not None and done.next_due <= now
        self._burst.note(now, more)
        done.untold = _told(tx, now, untold or (now if done.made_runs or more else None), more)
        return done


def _told(tx: Transaction, now: datetime, untold: datetime | None, more: bool) -> datetime | None:
    """Wakes who executes runs, unless more ticks are due at once. Since when he waits to be told."""
    if untold is None or (more and now - untold < bursts.LONGEST):
        return untold
    tx.notify(Topic.RUNS, PENDING)
    return None
