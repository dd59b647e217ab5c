"""Runs: one at a time on a thread, ended by exactly one attempt."""

from __future__ import annotations

from datetime import timedelta

import pytest

from builders import run_draft
from cronlane_service.domain.drafts import ThreadDraft
from cronlane_service.domain.errors import InvalidField, NotFound, ThreadBusy
from cronlane_service.domain.models import OnCompletion, ThreadStatus
from cronlane_service.domain.queries import RunQuery, Window
from cronlane_service.domain.runs import CancelAction, MultitaskStrategy, Outcome, RunError, RunStatus

LEASE = timedelta(seconds=30)
DONE = Outcome(RunStatus.SUCCESS, values='{"v": 1}')


@pytest.fixture
def thread(house, do):
    return do(house.threads.create, "", ThreadDraft())


@pytest.fixture
def run(house, do, thread):
    return do(house.runs.create, "", thread.thread_id, run_draft())


def claim(house, do, worker="w"):
    return list(do(house.attempts.claim, worker, LEASE, 10))


def status(house, do, thread):
    return do(house.threads.get, "", thread.thread_id).status


def test_runs_of_one_thread_go_one_by_one_in_order(house, do, thread, clock) -> None:
    made = []
    for _ in range(3):
        made.append(do(house.runs.create, "", thread.thread_id, run_draft()).run_id)
        clock.advance(milliseconds=1)
    went = []
    while claimed := claim(house, do):
        assert len(claimed) == 1
        assert claim(house, do) == []
        assert status(house, do, thread) is ThreadStatus.BUSY
        do(house.attempts.finish, claimed[0], DONE)
        went.append(claimed[0].run_id)
    assert went == made
    assert status(house, do, thread) is ThreadStatus.IDLE


@pytest.mark.parametrize(
    ("outcome", "status_after"),
    [
        (DONE, ThreadStatus.IDLE),
        (Outcome(RunStatus.SUCCESS, "{}", '{"t": [{"id": "i", "value": 1}]}', stopped=True), ThreadStatus.INTERRUPTED),
        (Outcome(RunStatus.ERROR, "{}", error=RunError("ValueError", "no")), ThreadStatus.ERROR),
    ],
)
def test_the_end_of_a_run_is_written_on_run_and_thread(house, do, thread, run, outcome, status_after) -> None:
    (claimed,) = claim(house, do)
    assert do(house.attempts.finish, claimed, outcome)
    ended = do(house.runs.get, "", thread.thread_id, run.run_id)
    assert (ended.status, ended.error, ended.attempt) == (outcome.status, outcome.error, 1)
    after = do(house.threads.get, "", thread.thread_id)
    assert (after.status, after.values, after.interrupts, after.error) == (
        status_after,
        outcome.values,
        outcome.interrupts,
        outcome.error,
    )


@pytest.mark.parametrize(
    ("action", "status_after", "error"),
    [
        (CancelAction.INTERRUPT, ThreadStatus.INTERRUPTED, "UserInterrupt"),
        (CancelAction.ROLLBACK, ThreadStatus.IDLE, "UserRollback"),
    ],
)
def test_a_thread_says_that_its_run_was_cancelled_until_the_next_one_ends(
    house, do, thread, run, action, status_after, error
) -> None:
    (claimed,) = claim(house, do)
    do(house.runs.cancel, "", thread.thread_id, run.run_id, action)
    assert do(house.attempts.finish, claimed, Outcome(RunStatus.INTERRUPTED, "{}"))
    after = do(house.threads.get, "", thread.thread_id)
    assert (after.status, after.error.error) == (status_after, error)
    ended = do(lambda tx: tx.runs.find(run.run_id))
    assert ended is None or ended.error is None, "the run itself did not fail"
    do(house.runs.create, "", thread.thread_id, run_draft())
    (claimed,) = claim(house, do)
    do(house.attempts.finish, claimed, DONE)
    assert do(house.threads.get, "", thread.thread_id).error is None


def test_an_attempt_that_lost_its_lease_can_write_nothing(house, do, thread, run, clock) -> None:
    (first,) = claim(house, do, "one")
    clock.advance(seconds=31)
    (second,) = claim(house, do, "two")
    assert (first.run_id, second.attempt) == (second.run_id, 2)
    assert not do(house.attempts.finish, first, Outcome(RunStatus.ERROR, values='{"late": 1}'))
    assert do(house.attempts.finish, second, DONE)
    assert not do(house.attempts.finish, second, DONE)
    assert do(house.threads.get, "", thread.thread_id).values == DONE.values


def test_a_renewed_lease_is_kept(house, do, run, clock) -> None:
    claim(house, do, "one")
    clock.advance(seconds=20)
    do(house.attempts.renew, "one", {run.run_id: 1}, LEASE)
    clock.advance(seconds=20)
    assert claim(house, do, "two") == []


def test_a_run_whose_workers_are_lost_too_often_ends_as_an_error(house, do, thread, run, clock) -> None:
    for _ in range(3):
        assert len(claim(house, do)) == 1
        clock.advance(seconds=31)
    assert claim(house, do) == []
    ended = do(house.runs.get, "", thread.thread_id, run.run_id)
    assert (ended.status, ended.error.error) == (RunStatus.ERROR, "WorkerLost")
    assert status(house, do, thread) is ThreadStatus.ERROR


def test_a_run_handed_back_is_started_again_at_once(house, do, run) -> None:
    (first,) = claim(house, do, "one")
    assert do(house.attempts.hand_back, first)
    assert not do(house.attempts.hand_back, first)
    assert [again.attempt for again in claim(house, do, "two")] == [2]


def test_cancelling_a_pending_run_ends_it(house, do, thread, run) -> None:
    do(house.runs.cancel, "", thread.thread_id, run.run_id, CancelAction.INTERRUPT)
    assert do(house.runs.get, "", thread.thread_id, run.run_id).status is RunStatus.INTERRUPTED
    assert status(house, do, thread) is ThreadStatus.IDLE
    with pytest.raises(NotFound):
        do(house.runs.cancel, "", thread.thread_id, run.run_id, CancelAction.INTERRUPT)


def test_cancelling_a_pending_run_leaves_its_thread_busy_while_another_goes_on(house, do, thread, run) -> None:
    claim(house, do)
    second = do(house.runs.create, "", thread.thread_id, run_draft())
    do(house.runs.cancel, "", thread.thread_id, second.run_id, CancelAction.INTERRUPT)
    assert status(house, do, thread) is ThreadStatus.BUSY


def test_a_cancelled_stateless_run_takes_its_thread_with_it(house, do) -> None:
    run = do(house.runs.create, "", None, run_draft())
    do(house.runs.cancel, "", run.thread_id, run.run_id, CancelAction.INTERRUPT)
    with pytest.raises(NotFound):
        do(house.threads.get, "", run.thread_id)
    assert do(house.runs.ending, "", run.thread_id, run.run_id).run.status is RunStatus.INTERRUPTED


def test_a_running_run_is_told_to_stop(house, do, thread, run) -> None:
    (claimed,) = claim(house, do)
    do(house.runs.cancel, "", thread.thread_id, run.run_id, CancelAction.ROLLBACK)
    assert do(house.attempts.held, "w") == {run.run_id: (1, CancelAction.ROLLBACK)}
    assert do(house.attempts.finish, claimed, Outcome(RunStatus.INTERRUPTED, values='{"half": 1}'))
    with pytest.raises(NotFound):
        do(house.runs.get, "", thread.thread_id, run.run_id)
    assert do(house.attempts.purges, 9) == [(thread.thread_id, run.run_id)]
    after = do(house.threads.get, "", thread.thread_id)
    assert (after.status, after.values) == (ThreadStatus.IDLE, None)


def test_deleting_a_run_under_way_takes_it_from_its_worker(house, do, thread, run) -> None:
    (claimed,) = claim(house, do)
    do(house.runs.delete, "", thread.thread_id, run.run_id)
    assert do(house.attempts.held, "w") == {}
    assert not do(house.attempts.finish, claimed, DONE)
    assert status(house, do, thread) is ThreadStatus.IDLE


def test_a_delayed_run_waits_for_its_time(house, do, thread, clock) -> None:
    run = do(house.runs.create, "", thread.thread_id, run_draft(after=timedelta(seconds=5)))
    assert run.created_at == clock.now() + timedelta(seconds=5)
    assert claim(house, do) == []
    assert do(house.attempts.next_available) == run.created_at
    clock.advance(seconds=5)
    assert len(claim(house, do)) == 1


def test_a_run_that_was_to_wait_for_a_time_gone_by_starts_at_once(house, do, thread, clock) -> None:
    run = do(house.runs.create, "", thread.thread_id, run_draft(after=timedelta(seconds=-5)))
    assert run.created_at == clock.now()
    assert len(claim(house, do)) == 1


def test_a_rejected_run_is_not_made(house, do, thread, run) -> None:
    with pytest.raises(ThreadBusy):
        do(house.runs.create, "", thread.thread_id, run_draft(multitask_strategy=MultitaskStrategy.REJECT))
    assert len(do(house.runs.list, "", thread.thread_id, RunQuery(), Window())) == 1


def test_an_unknown_graph_is_a_wrong_field_and_an_unknown_assistant_is_not_found(house, do, thread) -> None:
    with pytest.raises(InvalidField, match="registered graphs: agent") as refused:
        do(house.runs.create, "", thread.thread_id, run_draft(assistant_id="nobody"))
    assert refused.value.field == "assistant_id"
    with pytest.raises(NotFound, match="Thread or assistant not found"):
        do(house.runs.create, "", thread.thread_id, run_draft(assistant_id="0192f0c4-0000-7000-8000-0000000000ff"))


def test_a_missing_thread_is_made_only_on_request(house, do) -> None:
    missing = "0192f0c4-0000-7000-8000-0000000000ff"
    with pytest.raises(NotFound):
        do(house.runs.create, "", missing, run_draft())
    assert do(house.runs.create, "", missing, run_draft(create_thread=True)).thread_id == missing


def test_a_stateless_run_keeps_its_thread_on_request(house, do, work) -> None:
    run = do(house.runs.create, "", None, run_draft(on_completion=OnCompletion.KEEP, metadata='{"k": 1}'))
    work()
    assert do(house.threads.get, "", run.thread_id).status is ThreadStatus.IDLE


@pytest.mark.parametrize(
    ("draft", "field"),
    [
        (run_draft(assistant_id=""), "assistant_id"),
        (run_draft(input="nope"), "input"),
        (run_draft(metadata="1"), "metadata"),
        (run_draft(command='{"go": 1}'), "command.go"),
    ],
)
def test_a_bad_run_names_its_field(house, do, thread, draft, field) -> None:
    with pytest.raises(InvalidField) as refused:
        do(house.runs.create, "", thread.thread_id, draft)
    assert refused.value.field == field


def test_a_request_repeated_after_its_run_was_deleted_makes_no_second_one(house, do, thread) -> None:
    request_id = "0192f0c4-0000-7000-8000-0000000000aa"
    run = do(house.runs.create, "", thread.thread_id, run_draft(), request_id)
    assert do(house.runs.create, "", thread.thread_id, run_draft(), request_id) == run
    do(house.runs.delete, "", thread.thread_id, run.run_id)
    with pytest.raises(NotFound):
        do(house.runs.create, "", thread.thread_id, run_draft(), request_id)
    assert do(house.runs.list, "", thread.thread_id, RunQuery(), Window()) == []


def test_what_is_kept_for_a_while_is_swept(house, do, clock, work) -> None:
    run = do(house.runs.create, "", None, run_draft(), "0192f0c4-0000-7000-8000-0000000000aa")
    work()
    assert do(house.attempts.sweep) == 0
    clock.advance(hours=25)
    assert do(house.attempts.sweep) == 2
    with pytest.raises(NotFound):
        do(house.runs.ending, "", run.thread_id, run.run_id)
