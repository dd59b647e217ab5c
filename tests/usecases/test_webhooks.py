from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from builders import FakeClock, cron_draft, run_draft
from cronlane_service.domain.drafts import ThreadDraft
from cronlane_service.domain.errors import InvalidField
from cronlane_service.domain.runs import CancelAction, MultitaskStrategy, Outcome, Run, RunError, RunStatus
from cronlane_service.domain.webhooks import Hosts, Webhook
from cronlane_service.usecases.crons import Crons
from cronlane_service.usecases.runs import Runs
from cronlane_service.usecases.webhooks import LEASE, Webhooks

URL = "https://hooks.example.com/done"
Do = Callable[..., Any]


@pytest.fixture
def webhooks(clock: FakeClock) -> Webhooks:
    return Webhooks(clock)


@pytest.fixture
def noted(do: Do, webhooks: Webhooks) -> Callable[[], dict[str, Any]]:
    """Takes up the one call that is to be made: its body, after a look at whose it is."""

    def noted() -> dict[str, Any]:
        (webhook,) = do(webhooks.claim, 10)
        assert webhook.url == URL
        body: dict[str, Any] = json.loads(webhook.body)
        assert body["run_id"] == webhook.run_id
        return body

    return noted


def started(house: SimpleNamespace, do: Do) -> Run:
    (run,) = do(house.attempts.claim, "worker", timedelta(seconds=30), 10)
    return run


def test_a_run_that_ends_well_is_told_with_its_values(
    house: SimpleNamespace, do: Do, work: Do, noted: Do, clock: FakeClock
) -> None:
    run = do(house.runs.create, "", None, run_draft(webhook=URL))
    assert json.loads(run.kwargs)["webhook"] == URL
    clock.advance(seconds=2)
    work(Outcome(RunStatus.SUCCESS, values='{"n": 1.0}'))
    body = noted()
    assert (body["run_id"], body["status"], body["values"]) == (run.run_id, "success", {"n": 1.0})
    assert body["kwargs"]["temporary"] is True, "its thread is gone, and the values are told all the same"
    assert body["run_ended_at"] == body["updated_at"] == "2026-11-22T12:00:02.000000+00:00"
    assert "error" not in body


def test_a_run_that_fails_is_told_with_its_error(house: SimpleNamespace, do: Do, work: Do, noted: Do) -> None:
    do(house.runs.create, "", None, run_draft(webhook=URL))
    work(Outcome(RunStatus.ERROR, values='{"n": 0}', error=RunError("ValueError", "no luck")))
    body = noted()
    assert (body["status"], body["values"]) == ("error", {"n": 0})
    assert body["error"] == {"error": "ValueError", "message": "no luck"}


def test_a_run_without_a_webhook_is_told_nobody(house: SimpleNamespace, do: Do, work: Do, webhooks: Webhooks) -> None:
    run = do(house.runs.create, "", None, run_draft())
    assert json.loads(run.kwargs)["webhook"] is None
    work()
    assert do(webhooks.claim, 10) == []


def test_a_cancelled_run_is_told_whether_it_was_running_or_not(house: SimpleNamespace, do: Do, noted: Do) -> None:
    thread = do(house.threads.create, "", ThreadDraft())
    pending = do(house.runs.create, "", thread.thread_id, run_draft(webhook=URL))
    do(house.runs.cancel, "", thread.thread_id, pending.run_id, CancelAction.INTERRUPT)
    body = noted()
    assert (body["run_id"], body["status"], body["run_started_at"]) == (pending.run_id, "interrupted", None)
    assert body["error"]["error"] == "UserInterrupt"

    running = do(house.runs.create, "", thread.thread_id, run_draft(webhook=URL))
    attempt = started(house, do)
    do(house.runs.cancel, "", thread.thread_id, running.run_id, CancelAction.INTERRUPT)
    do(house.attempts.finish, attempt, Outcome(RunStatus.INTERRUPTED, values='{"half": true}'))
    body = noted()
    assert (body["run_id"], body["status"], body["values"]) == (running.run_id, "interrupted", {"half": True})
    assert body["error"]["error"] == "UserInterrupt"


def test_a_run_that_is_rolled_back_is_told_before_it_is_gone(house: SimpleNamespace, do: Do, noted: Do) -> None:
    thread = do(house.threads.create, "", ThreadDraft())
    do(house.runs.create, "", thread.thread_id, run_draft(webhook=URL))
    attempt = started(house, do)
    do(house.runs.cancel, "", thread.thread_id, attempt.run_id, CancelAction.ROLLBACK)
    do(house.attempts.finish, attempt, Outcome(RunStatus.INTERRUPTED))
    assert noted()["error"]["error"] == "UserRollback"
    pending = do(house.runs.create, "", thread.thread_id, run_draft(webhook=URL))
    do(house.runs.cancel, "", thread.thread_id, pending.run_id, CancelAction.ROLLBACK)
    assert noted()["error"]["error"] == "UserRollback"


def test_a_run_that_another_one_pushes_aside_is_told(house: SimpleNamespace, do: Do, noted: Do) -> None:
    thread = do(house.threads.create, "", ThreadDraft())
    first = do(house.runs.create, "", thread.thread_id, run_draft(webhook=URL))
    do(
        house.runs.create,
        "",
        thread.thread_id,
        run_draft(multitask_strategy=MultitaskStrategy.INTERRUPT),
    )
    assert noted()["run_id"] == first.run_id


def test_a_run_whose_workers_were_lost_is_told(house: SimpleNamespace, do: Do, noted: Do, clock: FakeClock) -> None:
    do(house.runs.create, "", None, run_draft(webhook=URL))
    for _ in range(4):
        do(house.attempts.claim, "worker", timedelta(seconds=1), 10)
        clock.advance(seconds=2)
    body = noted()
    assert (body["status"], body["error"]["error"], body["values"]) == ("error", "WorkerLost", None)


def test_an_attempt_that_lost_its_run_tells_nobody(
    house: SimpleNamespace, do: Do, webhooks: Webhooks, clock: FakeClock
) -> None:
    do(house.runs.create, "", None, run_draft(webhook=URL))
    lost = started(house, do)
    clock.advance(seconds=31)
    started(house, do)
    assert do(house.attempts.finish, lost, Outcome(RunStatus.SUCCESS)) is False
    assert do(webhooks.claim, 10) == []


def test_runs_of_a_cron_carry_its_webhook_and_its_id(
    house: SimpleNamespace, do: Do, work: Do, noted: Do, clock: FakeClock
) -> None:
    cron = do(house.crons.create, "", cron_draft(webhook=URL))
    assert do(house.crons.get, "", cron.cron_id).run.webhook == URL
    do(house.ticks.fire, clock.advance(minutes=1))
    work()
    body = noted()
    assert body["kwargs"]["config"]["configurable"]["cron_id"] == cron.cron_id
    assert body["kwargs"]["webhook"] == URL


def test_a_crons_webhook_is_changed_and_cleared(house: SimpleNamespace, do: Do) -> None:
    cron = do(house.crons.create, "", cron_draft())
    changed = do(house.crons.update, "", cron.cron_id, {"webhook"}, cron_draft(webhook=URL))
    assert changed.run.webhook == do(house.crons.get, "", cron.cron_id).run.webhook == URL
    assert do(house.crons.update, "", cron.cron_id, {"webhook"}, cron_draft()).run.webhook is None


def test_a_webhook_that_may_not_be_called_is_refused_and_nothing_is_written(
    house: SimpleNamespace, do: Do, clock: FakeClock
) -> None:
    here = "http://127.0.0.1:8123/runs"
    cron = do(house.crons.create, "", cron_draft(webhook=URL))
    for refused in (
        lambda: do(house.runs.create, "", None, run_draft(webhook=here)),
        lambda: do(house.crons.create, "", cron_draft(webhook=here)),
        lambda: do(house.crons.update, "", cron.cron_id, {"webhook"}, cron_draft(webhook=here)),
    ):
        with pytest.raises(InvalidField, match="Webhook host blocked: loopback") as caught:
            refused()
        assert caught.value.field == "webhook"
    assert do(house.crons.get, "", cron.cron_id) == cron
    new_id = iter(f"00000000-0000-7000-8000-00000000f{n:03x}" for n in range(9)).__next__
    do(Crons(clock, new_id, Hosts.ANY).create, "", cron_draft(webhook=here))
    do(Runs(clock, new_id, Hosts.ANY).create, "", None, run_draft(webhook=here))


def test_one_that_fails_is_tried_again_later_and_later_and_then_dropped(
    house: SimpleNamespace, do: Do, work: Do, webhooks: Webhooks, clock: FakeClock
) -> None:
    do(house.runs.create, "", None, run_draft(webhook=URL))
    work()
    begun = clock.now()
    tried = []
    for again in (True, True, False):
        (webhook,) = do(webhooks.claim, 10)
        tried.append((clock.now() - begun).total_seconds())
        assert do(webhooks.failed, webhook, "answered 500") is again
        due = do(webhooks.next_due)
        if due is not None:
            assert do(webhooks.claim, 10) == [], "not before its time"
            clock.advance(seconds=(due - clock.now()).total_seconds())
    assert tried == [0, 1, 3.4]
    assert do(webhooks.next_due) is None


def test_what_was_claimed_and_forgotten_is_due_when_its_lease_ends(
    house: SimpleNamespace, do: Do, work: Do, webhooks: Webhooks, clock: FakeClock
) -> None:
    do(house.runs.create, "", None, run_draft(webhook=URL))
    work()
    (lost,) = do(webhooks.claim, 10)
    assert do(webhooks.next_due) == clock.now() + LEASE
    clock.advance(seconds=LEASE.total_seconds())
    (again,) = do(webhooks.claim, 10)
    assert again.attempts == 2
    do(webhooks.answered, lost)
    assert do(webhooks.next_due) is not None, "who lost it cannot say that it is done"
    do(webhooks.answered, again)
    assert do(webhooks.next_due) is None


def test_a_server_that_is_alone_takes_up_at_once_what_the_last_one_left(
    house: SimpleNamespace, do: Do, work: Do, webhooks: Webhooks
) -> None:
    do(house.runs.create, "", None, run_draft(webhook=URL))
    work()
    (left,) = do(webhooks.claim, 10)
    assert do(webhooks.recover) == 1
    (taken,) = do(webhooks.claim, 10)
    assert isinstance(taken, Webhook)
    assert taken.run_id == left.run_id
    do(webhooks.hand_back, taken)
    assert len(do(webhooks.claim, 10)) == 1
