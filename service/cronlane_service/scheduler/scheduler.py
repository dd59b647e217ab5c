"""Fires each tick at its instant: sleeps to the next one, woken by writes, never polling."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta

import structlog

from cronlane_service.domain.clock import Clock
from cronlane_service.domain.ports import Database, Topic, Transaction
from cronlane_service.usecases.firing import Pass
from cronlane_service.usecases.ticks import Ticks

log = structlog.get_logger(__name__)

LONGEST_SLEEP = timedelta(seconds=1)
"""The clock is looked at this often, so that a step of it is noticed. The database is not asked."""
GAP = timedelta(seconds=5)
"""So long between two looks at the clock means that the machine slept or its clock stepped: nobody watched."""
RETRY = timedelta(seconds=1)


class Scheduler:
    """One thread. ``tick`` is one pass, and answers when the next one is wanted."""

    def __init__(self, database: Database, ticks: Ticks, clock: Clock) -> None:
        self._database, self._ticks, self._clock = database, ticks, clock
        self._looked_at = self._watching_since = clock.now()
        self._wake = threading.Condition()
        self._woken = self._stopped = False
        self._thread = threading.Thread(target=self._run, name="cronlane-scheduler")
        database.listen(Topic.CRONS, lambda _key: self.wake())

    def start(self) -> None:
        self._looked_at = self._watching_since = self._clock.now()
        self._thread.start()
        log.info("scheduler_started")

    def wake(self) -> None:
        """Makes the thread look at the database again, now."""
        with self._wake:
            self._woken = True
            self._wake.notify()

    def stop(self) -> None:
        """Answers when the thread is gone; a pass under way is finished."""
        with self._wake:
            self._stopped = True
            self._wake.notify()
        if self._thread.is_alive():
            self._thread.join()
        log.info("scheduler_stopped")

    def tick(self) -> datetime | None:
        """Fires what is due; answers the next due instant, None when there is none."""
        while True:
            done = self._database.submit(self._fire).result()
            _report(done)
            if done.next_due is None or done.next_due > self._look():
                return done.next_due

    def _fire(self, tx: Transaction) -> Pass:
        now = self._look()  # the instant decided at, so that the clock cannot leap in between
        return self._ticks.fire(tx, self._watching_since, now)

    def _run(self) -> None:
        while not self._stopped:
            self._sleep_until(self._pass())

    def _pass(self) -> datetime | None:
        try:
            return self.tick()
        except Exception:
            # Whatever it was (the database away, a fault of ours), crons must go on: look again soon. What came due
            # meanwhile was not watched.
            log.exception("scheduler_failed")
            self._looked_at = self._watching_since = self._clock.now() + RETRY
            return self._watching_since

    def _sleep_until(self, instant: datetime | None) -> None:
        with self._wake:
            while not (self._woken or self._stopped):
                now = self._look()
                left = LONGEST_SLEEP if instant is None else instant - now
                if left <= timedelta(0):
                    break
                self._wake.wait(min(left, LONGEST_SLEEP).total_seconds())
            self._woken = False

    def _look(self) -> datetime:
        """The present instant. What came due in a gap since the last look counts as missed."""
        now = self._clock.now()
        if now - self._looked_at > GAP:
            self._watching_since = now
            log.warning("scheduler_gap", seconds=(now - self._looked_at).total_seconds())
        self._looked_at = now
        return now


def _report(done: Pass) -> None:
    for tick in done.ticks:
        log.info(
            f"tick_{tick.outcome}",
            cron_id=tick.cron_id,
            scheduled_for=tick.scheduled_for.isoformat(),
            run_id=tick.run_id,
            reason=tick.reason,
            count=tick.count,
        )
    for cron_id, reason in done.disabled.items():
        log.warning("cron_disabled", cron_id=cron_id, reason=reason)
