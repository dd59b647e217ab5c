"""Runs, as workers see them: claimed with a lease, tried, and ended by exactly one attempt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from cronlane_service.domain.clock import Clock
from cronlane_service.domain.events import RunEvent
from cronlane_service.domain.ports import PENDING, Topic, Transaction
from cronlane_service.domain.runs import AttemptOutcome, CancelAction, Outcome, PastAttempt, Run, RunError, RunStatus
from cronlane_service.domain.webhooks import CANCELLED, ROLLED_BACK
from cronlane_service.usecases import outcomes, placement, recording, webhooks
from cronlane_service.usecases.bursts import Burst

HIDDEN_FOR = timedelta(hours=1)
"""How long a run whose thread is gone can still be waited for."""


LONGEST_PAUSE = timedelta(minutes=1)
"""Between two tries at a run."""
REMEMBERED = 100
"""So many of its past attempts does a run remember."""
_ENDLESS = 1_000_000

STRANDED_AFTER = timedelta(seconds=30)
"""For so long a run can wait for a server that has loaded its graph before it is worth a word."""

SHORTLY = timedelta(milliseconds=50)
"""When to look again for a run on whose thread another server was at work."""


class Attempts:
    """What a worker can do with runs."""

    def __init__(
        self,
        clock: Clock,
        graphs: Sequence[str],
        most: int = 3,
        keep_ticks: timedelta = timedelta(days=30),
        pause: timedelta = timedelta(0),
        burst: Burst | None = None,
    ) -> None:
        """``graphs``: those that this process has loaded; it takes up no runs of others.

        ``most``: how often a run is tried when its workers are lost. ``keep_ticks``: for how long the ledger is.
        ``pause``: before the second of these tries; it doubles from try to try, up to LONGEST_PAUSE.
        ``burst``: of ticks that this process fires.
        """
        self._clock, self._graphs = clock, graphs
        self._most, self._keep_ticks, self._pause = most, keep_ticks, pause
        self._burst = burst or Burst()

    def claim(self, tx: Transaction, worker: str, lease: timedelta, limit: int) -> Sequence[Run]:
        """Makes runs this worker's; one that was lost too often, or cannot be read, is ended instead."""
        now = self._clock.now()
        if self._burst.until(now) is not None:
            return []
        for run in tx.runs.lost(now):
            self._lose(tx, run, now)
        claimed = tx.runs.claim(worker, now, now + lease, limit, self._graphs)
        hopeless = {run.run_id: error for run in claimed if (error := _hopeless(run)) is not None}
        for run in claimed:
            if run.run_id in hopeless:
                self.finish(tx, run, Outcome(RunStatus.ERROR, error=hopeless[run.run_id]))
        return [run for run in claimed if run.run_id not in hopeless]

    def _lose(self, tx: Transaction, run: Run, now: datetime) -> None:
        """Takes a run from a worker that gave no sign of life, and lets it wait for another."""
        run = replace(run, history=_remembered(run, AttemptOutcome.LOST, now))
        lost = [past for past in run.history if past.outcome is AttemptOutcome.LOST]
        if len(lost) >= self._most or run.unreadable is not None:
            error = _hopeless(run) or RunError("WorkerLost", _told_of(lost))
            tx.runs.save(run)
            self.finish(tx, run, Outcome(RunStatus.ERROR, error=error))
            return
        pause = min(self._pause * 2 ** min(len(lost) - 1, 30), max(LONGEST_PAUSE, self._pause))
        waiting = replace(run, attempt=run.attempt + 1, worker=None, lease_until=now + pause, updated_at=now)
        tx.runs.save(waiting)

    def renew(self, tx: Transaction, worker: str, held: Mapping[str, int], lease: timedelta) -> None:
        tx.runs.renew(worker, held, self._clock.now() + lease)

    def held(self, tx: Transaction, worker: str) -> Mapping[str, tuple[int, CancelAction | None]]:
        return tx.runs.held(worker)

    def next_available(self, tx: Transaction) -> datetime | None:
        now = self._clock.now()
        if (later := self._burst.until(now)) is not None:
            return later
        return now + SHORTLY if tx.runs.left(now, self._graphs) else tx.runs.next_available(now)

    def stranded(self, tx: Transaction) -> Sequence[str]:
        """The graphs that runs have been waiting for, and that are not loaded here."""
        now = self._clock.now()
        return tx.runs.stranded(now - STRANDED_AFTER, now, self._graphs)

    def recover(self, tx: Transaction) -> int:
        """Ends all leases: for a server that knows itself to be alone on its database."""
        return tx.runs.release(self._clock.now())

    def hand_back(self, tx: Transaction, run: Run) -> bool:
        """Makes the run pending again, for another worker. False when it is not this attempt's any more."""
        current = _owned(tx, run)
        if current is None:
            return False
        pending = replace(
            current,
            status=RunStatus.PENDING,
            updated_at=self._clock.now(),
            worker=None,
            lease_until=None,
            history=_remembered(current, AttemptOutcome.HANDED_BACK, self._clock.now()),
        )
        tx.runs.save(pending)
        tx.notify(Topic.RUNS, PENDING)
        return True

    def record(self, tx: Transaction, run: Run, happened: Sequence[RunEvent]) -> bool:
        """Keeps what happened in it, for those who follow it; False, and nothing, when the attempt lost the run."""
        if _owned(tx, run) is None:
            return False
        recording.append(tx, run, happened, self._clock.now())
        return True

    def finish(self, tx: Transaction, run: Run, outcome: Outcome, recorded: bool = False) -> bool:
        """Writes how the attempt ended, on run, tick and thread; False, and nothing, when it lost the run.

        ``recorded``: some of what happened in it was, though it was not to be from its start.
        """
        current = _owned(tx, run)
        if current is None:
            return False
        now = self._clock.now()
        if recorded or current.recorded:
            recording.conclude(tx, current, outcome, now)
        rolled_back = current.cancel is CancelAction.ROLLBACK and outcome.status is RunStatus.INTERRUPTED
        outcomes.record(tx, current, outcome.status, outcome.error, now)
        if rolled_back:
            tx.runs.delete(run.run_id)
            tx.purges.insert(run.thread_id, run.run_id)
        else:
            tx.runs.end(_ended(current, outcome, now))
        told = _told(outcome, rolled_back)
        self._conclude(tx, current, replace(outcome, error=told), rolled_back, now)
        webhooks.note(tx, _ended(current, outcome, now), outcome.values, told, now)
        tx.notify(Topic.RUN_ENDED, run.run_id)
        tx.notify(Topic.RUNS, PENDING)
        return True

    def _conclude(self, tx: Transaction, run: Run, outcome: Outcome, rolled_back: bool, now: datetime) -> None:
        """What the run's end means for its thread."""
        placement.drop_own_thread(tx, run)
        thread = tx.threads.find([run.thread_id]).get(run.thread_id)
        if thread is None:
            return
        busy = bool(tx.runs.active([run.thread_id]))
        tx.threads.save(outcomes.settled(thread, outcome, rolled_back, busy, now))

    def purges(self, tx: Transaction, limit: int) -> Sequence[tuple[str, str]]:
        """Checkpoints to be deleted: thread id, and run id or "" for all of the thread."""
        return tx.purges.list(limit)

    def purged(self, tx: Transaction, thread_id: str, run_id: str) -> None:
        tx.purges.delete(thread_id, run_id)

    def sweep(self, tx: Transaction, limit: int = 500) -> int:
        """Deletes what is kept only for a while; answers how many rows went."""
        now = self._clock.now()
        gone = tx.runs.delete_hidden(now - HIDDEN_FOR, limit)
        gone += tx.events.delete_expired(now, limit)
        gone += tx.ticks.delete_before(now - self._keep_ticks, limit)
        return gone + tx.requests.delete_before(now - timedelta(hours=24), limit)


def _hopeless(run: Run) -> RunError | None:
    """Why it is not tried at all."""
    if run.unreadable is not None:
        return RunError("UnreadableRow", run.unreadable)
    if run.attempt > _ENDLESS:
        return RunError("WorkerLost", f"it is said to have been tried {run.attempt} times")
    return None


def _remembered(run: Run, outcome: AttemptOutcome, now: datetime) -> tuple[PastAttempt, ...]:
    past = PastAttempt(run.attempt, run.worker or "", run.started_at or run.created_at, now, outcome)
    return (*run.history, past)[-REMEMBERED:]


def _told_of(lost: Sequence[PastAttempt]) -> str:
    told = [
        f"attempt {past.attempt} on {past.worker} from {past.started_at.isoformat()} to {past.ended_at.isoformat()}"
        for past in lost
    ]
    return f"{len(lost)} attempts were lost with their workers: {'; '.join(told)}"


def _told(outcome: Outcome, rolled_back: bool) -> RunError | None:
    """What is said to have gone wrong."""
    if rolled_back:
        return ROLLED_BACK
    return CANCELLED if outcome.status is RunStatus.INTERRUPTED and outcome.error is None else outcome.error


def _owned(tx: Transaction, run: Run) -> Run | None:
    """The run as it is stored, if this attempt still owns it (fencing)."""
    current = tx.runs.find(run.run_id)
    if current is None or current.status is not RunStatus.RUNNING or current.attempt != run.attempt:
        return None
    return current


def _ended(run: Run, outcome: Outcome, now: datetime) -> Run:
    ended = replace(
        run,
        status=outcome.status,
        error=outcome.error,
        updated_at=now,
        ended_at=now,
        worker=None,
        lease_until=None,
        cancel=None,
    )
    if run.temporary:
        ended = replace(ended, values=outcome.values, interrupts=outcome.interrupts, hidden=True)
    return ended
