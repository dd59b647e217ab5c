"""Fires each tick at its instant: sleeps to the next one, woken by writes, never polling."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import wait
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial

import structlog

from cronlane_service.domain.clock import Clock
from cronlane_service.domain.errors import CronsChanged, Overloaded, StoreUnavailable
from cronlane_service.domain.ports import Database, Topic, Transaction
from cronlane_service.scheduler.reports import report
from cronlane_service.usecases.firing import Pass, merged
from cronlane_service.usecases.lookahead import FIRST
from cronlane_service.usecases.plain import Prepared
from cronlane_service.usecases.ticks import Ticks

log = structlog.get_logger(__name__)

LONGEST_SLEEP = timedelta(seconds=1)
"""The clock is looked at this often, so that a step of it is noticed. The database is not asked."""
GAP = timedelta(seconds=5)
"""So long between two looks at the clock means that the machine slept or its clock stepped: nobody watched. What came
due within it can still be fired by who was there."""
RETRY = timedelta(seconds=1)
READY = timedelta(seconds=2)
"""So long before they are due, crons are read, batch by batch: one that is changed until then has them read again."""
SIDE_BY_SIDE = 3
"""Batches that are begun side by side when nothing is known of them but that there should be some."""
MOST_READY = 32 * 1024 * 1024
"""Bytes of batches, after which no further one is prepared: some 50,000 of the usual ticks."""
_AT_ONCE, _NEVER = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


class Scheduler:
    """One thread. ``tick`` is one pass, and answers when the next one is wanted."""

    def __init__(self, database: Database, ticks: Ticks, clock: Clock) -> None:
        self._database, self._ticks, self._clock = database, ticks, clock
        self._looked_at = self._watching_since = clock.now()
        self._untold: datetime | None = None  # since when there are runs of which nobody was told
        self._prepared: deque[Prepared] = deque()  # batches that are to be fired next, in turn
        self._prepared_for = _NEVER
        self._wake = threading.Condition()
        self._wanted = _NEVER  # the next pass, as far as is known since the last one began
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name="cronlane-scheduler")
        database.listen(Topic.CRONS, self.hear)

    def start(self) -> None:
        self._looked_at = self._watching_since = self._clock.now()
        self._thread.start()
        log.info("scheduler_started")

    def hear(self, due: str) -> None:
        """Of a cron that is due then (ISO 8601; "": at once). Nothing wakes for a later one than is known."""
        self._want(datetime.fromisoformat(due) if due else _AT_ONCE)

    def _want(self, instant: datetime) -> None:
        with self._wake:
            if instant < self._wanted:
                self._wanted = instant
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
            done = self._fired()
            self._untold = done.untold
            report(done, self._clock.now())
            now = self._look()
            if done.next_due is None or done.next_due > now:
                self._ticks.ahead.passed(now)
                return done.next_due

    def _fired(self) -> Pass:
        try:
            return self._fired_prepared() or self._fired_together()
        except (StoreUnavailable, Overloaded):
            raise
        except Exception as error:
            # Something that a row holds, most likely: the other crons must not wait for who puts it right.
            log.warning("firing_one_by_one", exc_info=error)
            return self._database.submit(self._fire_apart).result()

    def _fired_together(self) -> Pass:
        """As many batches as are due, if they can be written at the same time."""
        most = 1 if self._database.alone else SIDE_BY_SIDE
        batches = min(self._ticks.batches(self._look()), most)
        return self._written([self._fire] * max(batches, 1))

    def _fired_prepared(self) -> Pass | None:
        """What was prepared; None: nothing was for now, or it is out of date."""
        if self._prepared and self._prepared[0].last[0] > self._look():
            return None
        try:
            return self._fired_in_turn() if self._database.alone else self._fired_side_by_side()
        except CronsChanged:
            self._prepared.clear()
            return None

    def _fired_side_by_side(self) -> Pass | None:
        """All batches that were prepared. Other servers have prepared the same: what they fire is left to them."""
        batches = [partial(self._fire, prepared=each) for each in self._prepared]
        self._prepared.clear()
        return self._written(batches) if batches else None

    def _written(self, batches: Sequence[Callable[[Transaction], Pass]]) -> Pass:
        writing = self._database.submit_beside(batches)
        wait(writing)
        if failed := [each for each in writing if each.exception() is not None]:
            self._untold = self._untold or self._looked_at  # the others may have made runs
            failed[0].result()
        return merged([each.result() for each in writing])

    def _fired_in_turn(self) -> Pass | None:
        """A batch that was prepared, or can be; if none is left, the next one is while this one is written."""
        prepared = self._prepared.popleft() if self._prepared else self._prepare(self._look())
        if prepared is None:
            return None
        written = self._database.submit(partial(self._fire, prepared=prepared))
        try:
            if not self._prepared and (following := self._prepare(self._look(), prepared.last)):
                self._prepared.append(following)
        finally:
            wait([written])
        return written.result()

    def _prepare(self, until: datetime, after: tuple[datetime, str] = FIRST) -> Prepared | None:
        return self._database.read_now(lambda tx: self._ticks.prepare(tx, until, after))

    def _fire(self, tx: Transaction, prepared: Prepared | None = None) -> Pass:
        now = self._look()  # the instant decided at, so that the clock cannot leap in between
        return self._ticks.fire(tx, self._watched_since, now, self._untold, prepared)

    def _fire_apart(self, tx: Transaction) -> Pass:
        now = self._look()
        return self._ticks.fire_apart(tx, self._watched_since, now, self._untold)

    @property
    def _watched_since(self) -> datetime:
        """What came due before that was missed. Another server may be about to fire what came due since."""
        return self._watching_since if self._database.alone else self._watching_since - GAP

    def _run(self) -> None:
        while not self._stopped:
            with self._wake:
                self._wanted = _NEVER  # before the pass: it may not see what is heard of from here on
            self._want(self._pass() or _NEVER)
            self._sleep()

    def _pass(self) -> datetime | None:
        # Whatever it was (the database away, a fault of ours), crons must go on: look again soon. What came due
        # meanwhile was not watched.
        try:
            return self.tick()
        except (StoreUnavailable, Overloaded) as error:
            log.warning("scheduler_failed", problem=str(error))
        except Exception:
            log.exception("scheduler_failed")
        self._untold = self._untold or self._looked_at  # it may have been committed all the same
        self._looked_at = self._watching_since = self._clock.now() + RETRY
        return self._watching_since

    def _sleep(self) -> None:
        """Until the next pass is wanted, or this is to stop."""
        while not self._stopped and (left := (wanted := self._wanted) - self._look()) > timedelta(0):
            began = self._clock.now()
            busy = self._look_ahead(began) or self._prepare_next(wanted, left)
            took = max(self._clock.now() - began, timedelta(0))
            # Other threads have as much time as looking ahead took.
            longest = min(left - took, took if busy else _idle(left))
            with self._wake:
                if self._wanted == wanted and not self._stopped:
                    self._wake.wait(longest.total_seconds())

    def _look_ahead(self, now: datetime) -> bool:
        """A few milliseconds' work; whether there was any."""
        ahead = self._ticks.ahead
        if ahead.find_some():
            return True
        if not ahead.wants_page(now):
            return False
        try:
            self._database.read_now(ahead.read_page)
        except StoreUnavailable:
            return False  # firing will say so
        return True

    def _prepare_next(self, wanted: datetime, left: timedelta) -> bool:
        """One more batch of the next pass, shortly before it; whether there was any."""
        if left > READY or self._prepared_for == wanted or sum(each.size for each in self._prepared) > MOST_READY:
            return False
        prepared = None
        with suppress(StoreUnavailable, ArithmeticError, LookupError, RecursionError, TypeError, ValueError):
            # If there is something wrong with it, firing will say so.
            prepared = self._prepare(wanted, self._prepared[-1].last if self._prepared else FIRST)
        if prepared is None:
            self._prepared_for = wanted
            return False
        self._prepared.append(prepared)
        return True

    def _look(self) -> datetime:
        """The present instant. What came due in a gap since the last look counts as missed."""
        now = self._clock.now()
        if now - self._looked_at > GAP:
            self._watching_since = now
            log.warning("scheduler_gap", seconds=(now - self._looked_at).total_seconds())
        self._looked_at = now
        return now


def _idle(left: timedelta) -> timedelta:
    """How long to sleep at most with nothing to do: what is due then has to be prepared in time."""
    return min(LONGEST_SLEEP, left - READY if left > READY else left)
