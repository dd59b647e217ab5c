"""Firing: one tick row an instant, at most one run a tick, all in one transaction."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from builders import AGENT, NOON, cron_draft, run_draft
from cronlane_service.domain.drafts import ThreadDraft
from cronlane_service.domain.errors import AlreadyExists, NotFound
from cronlane_service.domain.models import CronProgress, OnCompletion, ThreadStatus, TickOutcome
from cronlane_service.domain.queries import RunQuery, ThreadQuery, Window
from cronlane_service.domain.runs import MultitaskStrategy, RunStatus

MINUTE = timedelta(minutes=1)


@pytest.fixture
def thread(house, do):
    return do(house.threads.create, "", ThreadDraft(metadata='{"mine": 1}'))


def ledger(do, cron):
    return [(tick.scheduled_for, tick.outcome) for tick in do(lambda tx: tx.ticks.of_cron(cron.cron_id))]


def test_nothing_fires_before_its_instant(house, do, clock) -> None:
    do(house.crons.create, "", cron_draft())
    clock.advance(seconds=59, microseconds=999_999)
    done = do(house.ticks.fire, NOON)
    assert (done.ticks, done.runs, done.next_due) == ([], [], NOON + MINUTE)


def test_a_tick_makes_one_run_on_the_crons_thread(house, do, clock, thread) -> None:
    cron = do(
        house.crons.create,
        "",
        cron_draft(
            thread_id=thread.thread_id, input='{"x":  1.0}', metadata='{"why": "cron"}', config='{"tags":["t"]}'
        ),
    )
    clock.advance(seconds=60, microseconds=5)
    done = do(house.ticks.fire, NOON)
    assert done.next_due == NOON + 2 * MINUTE
    (run,) = do(house.runs.list, "", thread.thread_id, RunQuery(), Window())
    assert (run.status, run.cron_id, run.scheduled_for) == (RunStatus.PENDING, cron.cron_id, NOON + MINUTE)
    assert run.created_at == clock.now()
    assert '"input":{"x":  1.0}' in run.kwargs
    kwargs = json.loads(run.kwargs)
    assert kwargs["config"]["configurable"]["cron_id"] == cron.cron_id
    assert kwargs["config"]["tags"] == ["t"]
    metadata = json.loads(run.metadata)
    expected = {"created_by": "system", "mine": 1, "graph_id": "agent", "assistant_id": AGENT, "why": "cron"}
    assert metadata == expected
    busy = do(house.threads.get, "", thread.thread_id)
    assert busy.status is ThreadStatus.BUSY
    assert ledger(do, cron) == [(NOON + MINUTE, TickOutcome.FIRED)]
    unchanged = do(house.crons.get, "", cron.cron_id)
    assert (unchanged.updated_at, unchanged.next_run_date) == (cron.updated_at, NOON + 2 * MINUTE)


@pytest.mark.parametrize("kept", [OnCompletion.KEEP, OnCompletion.DELETE])
def test_a_stateless_tick_gets_a_thread_that_is_kept_or_deleted(house, do, clock, work, kept) -> None:
    cron = do(house.crons.create, "", cron_draft(on_run_completed=kept, metadata='{"job": "x"}'))
    clock.advance(minutes=1)
    (run,) = do(house.ticks.fire, NOON).runs
    own = do(house.threads.get, "", run.thread_id)
    assert json.loads(own.metadata) == {"job": "x", "graph_id": "agent", "assistant_id": AGENT}
    work()
    found = do(house.threads.count, "", ThreadQuery(metadata='{"job": "x"}'))
    assert found == (1 if kept is OnCompletion.KEEP else 0)
    ending = do(house.runs.ending, "", run.thread_id, run.run_id)
    assert (ending.run.status, ending.values) == (RunStatus.SUCCESS, '{"n": 1.0}')
    if kept is OnCompletion.DELETE:
        with pytest.raises(NotFound):
            do(house.runs.get, "", run.thread_id, run.run_id)
        assert do(house.attempts.purges, 9) == [(run.thread_id, "")]
    assert ledger(do, cron) == [(NOON + MINUTE, TickOutcome.FIRED)]


def test_missed_ticks_collapse_into_the_latest_and_each_has_its_row(house, do, clock, thread) -> None:
    cron = do(house.crons.create, "", cron_draft(thread_id=thread.thread_id))
    clock.advance(minutes=10, seconds=1)
    done = do(house.ticks.fire, clock.now())
    assert len(done.runs) == 1
    assert done.runs[0].scheduled_for == NOON + 10 * MINUTE
    outcomes = [TickOutcome.MISSED] * 9 + [TickOutcome.FIRED]
    assert ledger(do, cron) == [(NOON + n * MINUTE, outcome) for n, outcome in enumerate(outcomes, 1)]


def test_every_slot_runs_while_the_scheduler_watches(house, do, clock, thread) -> None:
    do(house.crons.create, "", cron_draft("* * * * * *", thread_id=thread.thread_id))
    clock.advance(seconds=3.5)
    assert [run.scheduled_for.second for run in do(house.ticks.fire, NOON).runs] == [1, 2, 3]


def test_a_busy_thread_skips_the_tick_of_a_rejecting_cron_and_says_so(house, do, clock, thread, work) -> None:
    draft = cron_draft(thread_id=thread.thread_id, multitask_strategy=MultitaskStrategy.REJECT)
    cron = do(house.crons.create, "", draft)
    do(house.runs.create, "", thread.thread_id, run_draft())
    clock.advance(minutes=1)
    assert do(house.ticks.fire, NOON).runs == []
    work()
    clock.advance(minutes=1)
    assert len(do(house.ticks.fire, NOON).runs) == 1
    assert [outcome for _, outcome in ledger(do, cron)] == [TickOutcome.SKIPPED_BUSY, TickOutcome.FIRED]


@pytest.mark.parametrize("strategy", [MultitaskStrategy.INTERRUPT, MultitaskStrategy.ROLLBACK])
def test_a_tick_can_push_the_earlier_runs_of_its_thread_aside(house, do, clock, thread, strategy) -> None:
    draft = cron_draft("* * * * * *", thread_id=thread.thread_id, multitask_strategy=strategy)
    do(house.crons.create, "", draft)
    clock.advance(seconds=3)
    runs = do(house.ticks.fire, NOON).runs
    stored = do(house.runs.list, "", thread.thread_id, RunQuery(), Window())
    assert [run.run_id for run in stored if run.status is RunStatus.PENDING] == [runs[-1].run_id]
    assert len(stored) == (3 if strategy is MultitaskStrategy.INTERRUPT else 1)


@pytest.mark.parametrize("strategy", [MultitaskStrategy.INTERRUPT, MultitaskStrategy.ROLLBACK])
def test_the_tick_of_a_run_that_the_same_pass_pushes_aside_says_how_it_ended(
    house, do, clock, thread, strategy
) -> None:
    for _ in range(3):
        do(house.crons.create, "", cron_draft(thread_id=thread.thread_id, multitask_strategy=strategy))
    clock.advance(seconds=60)
    do(house.ticks.fire, NOON)
    query = "SELECT run_status FROM ticks ORDER BY run_id"
    assert do(lambda tx: tx.ticks._connection.execute(query)) == [("interrupted",), ("interrupted",), (None,)]


def test_a_poisoned_cron_is_disabled_with_its_reason_and_the_others_fire(house, do, clock, database, thread) -> None:
    bad = do(house.crons.create, "", cron_draft(thread_id=thread.thread_id))
    good = do(house.crons.create, "", cron_draft())

    def poison(tx):
        tx.crons.save(replace(bad, schedule="not a schedule"))

    do(poison)
    clock.advance(minutes=1)
    done = do(house.ticks.fire, NOON)
    assert [run.cron_id for run in done.runs] == [good.cron_id]
    disabled = do(house.crons.get, "", bad.cron_id)
    assert not disabled.enabled
    assert "not a schedule" in disabled.disabled_reason
    assert ledger(do, bad) == [(NOON + MINUTE, TickOutcome.ERROR)]


def test_a_poisoned_cron_that_missed_ticks_does_not_hold_up_the_others(house, do, clock) -> None:
    bad = do(house.crons.create, "", cron_draft())
    good = do(house.crons.create, "", cron_draft())
    do(lambda tx: tx.crons.save(replace(bad, run=replace(bad.run, config="[1]"))))
    clock.advance(minutes=3, seconds=1)
    done = do(house.ticks.fire, clock.now())
    assert [run.cron_id for run in done.runs] == [good.cron_id]
    assert not do(house.crons.get, "", bad.cron_id).enabled
    outcomes = [TickOutcome.MISSED, TickOutcome.MISSED, TickOutcome.ERROR]
    assert ledger(do, bad) == [(NOON + n * MINUTE, outcome) for n, outcome in enumerate(outcomes, 1)]


def test_a_tick_is_decided_once(house, do, clock, thread) -> None:
    cron = do(house.crons.create, "", cron_draft(thread_id=thread.thread_id))
    clock.advance(minutes=1)
    do(house.ticks.fire, NOON)
    do(lambda tx: tx.crons.advance([CronProgress(cron.cron_id, NOON + MINUTE, NOON + MINUTE)]))
    with pytest.raises(AlreadyExists):
        do(house.ticks.fire, NOON)
    assert len(do(house.runs.list, "", thread.thread_id, RunQuery(), Window())) == 1


def test_no_tick_comes_after_the_end_time_and_one_at_it_does(house, do, clock, thread) -> None:
    cron = do(house.crons.create, "", cron_draft(thread_id=thread.thread_id, end_time=NOON + 2 * MINUTE))
    clock.advance(minutes=1)
    do(house.ticks.fire, NOON)
    clock.advance(minutes=4)
    do(house.ticks.fire, NOON)
    assert [at for at, _ in ledger(do, cron)] == [NOON + MINUTE, NOON + 2 * MINUTE]
    after = do(house.crons.get, "", cron.cron_id)
    assert after.enabled
    assert after.next_run_date is None


def test_a_batch_leaves_the_rest_for_the_next_pass(house, do, clock) -> None:
    for _ in range(5):
        do(house.crons.create, "", cron_draft())
    clock.advance(minutes=1)
    house.ticks._batch = 2
    sizes = [len(do(house.ticks.fire, NOON).runs) for _ in range(4)]
    assert sizes == [2, 2, 1, 0]
