"""Rows that somebody wrote past the service: each hurts nobody but itself."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from builders import AGENT, cron_draft, run_draft
from cronlane_service.domain.drafts import ThreadDraft
from cronlane_service.domain.models import CronCounters, TickOutcome
from cronlane_service.domain.queries import AssistantQuery, CronQuery, RunQuery, ThreadQuery, TickQuery, Window
from cronlane_service.domain.runs import Outcome, RunStatus
from cronlane_service.domain.webhooks import Webhook
from cronlane_service.store.statements import MOST_COUNTED
from cronlane_service.usecases.zones import Zones
from store.engines import ON_SQLITE
from store.house import House
from store.rows import later

LEASE = timedelta(seconds=30)
ABSURD, MOST = 2**63 - 1, 2**31 - 1

# What is put into a cron's row, and a word of the reason with which it is disabled.
POISONS: dict[str, tuple[str, str]] = {
    "an unknown zone": ("timezone = 'Mars/Olympus'", "timezone"),
    "a zone with a path": ("timezone = '../../etc/passwd'", "timezone"),
    "no schedule": ("schedule = 'whenever'", "schedule"),
    "an empty schedule": ("schedule = ''", "schedule"),
    "a schedule that never comes": ("schedule = '0 0 30 2 *'", "schedule"),
    "a random schedule": ("schedule = 'R R * * *'", "schedule"),
    "an interval of nothing": ("schedule = 'every 0s'", "schedule"),
    "metadata that are no JSON": ("metadata = '{''not'': json}'", "metadata"),
    "metadata that are a list": ("metadata = '[1]'", "object"),
    "input that is no JSON": ("input = '{'", "input"),
    "config that is no JSON": ("config = 'x'", "config"),
    "config that is a number": ("config = '7'", "object"),
    "context that is cut off": ("context = '{\"a\":'", "context"),
    "nodes that are no list": ("interrupt_before = '{}'", "interrupt_before"),
    "modes that are no texts": ("stream_mode = '[1]'", "stream_mode"),
    "an assistant that is gone": ("assistant_id = '00000000-0000-0000-0000-000000000000'", "assistant"),
    "a thread that is gone": ("thread_id = '00000000-0000-0000-0000-000000000000'", "thread"),
    "an unknown overlap": ("overlap = 'sometimes'", "overlap"),
    "an unknown catch-up": ("catch_up = 'perhaps'", "catch_up"),
    "an unknown strategy": ("multitask_strategy = 'fight'", "multitask_strategy"),
    "an unknown completion": ("on_run_completed = 'burn'", "on_run_completed"),
    "an unknown durability": ("durability = 'paper'", "durability"),
    "an unknown gap": ("gap = 'leap'", "gap"),
    "an unknown outcome": ("last_outcome = 'fine'", "last_outcome"),
    "an end beyond the calendar": (f"end_time = {ABSURD}", "end_time"),
    "a start before the calendar": (f"start_time = {-ABSURD}", "start_time"),
    "a creation beyond the calendar": (f"created_at = {ABSURD}", "created_at"),
    "a tick before the calendar": (f"next_run_date = {-ABSURD}", "next_run_date"),
    "no tick": ("next_run_date = NULL", "next_run_date"),
    "due before the calendar": (f"due_at = {-ABSURD}", "due_at"),
    "due beyond the calendar": (f"due_at = {ABSURD}", "due_at"),
    "jitter into the past": ("jitter = -3600000000", "jitter"),
    "jitter without end": (f"jitter = {ABSURD}", "jitter"),
    "runs below zero": ("max_runs = -1", "max_runs"),
    "a count at its end": (f"fired = {MOST}", "fired"),
}
ON_SQLITE_ALONE: dict[str, tuple[str, str]] = {
    "text for a count": ("fired = 'many'", "fired"),
    "text for an instant": ("created_at = 'yesterday'", "created_at"),
    "text for when it is due": ("due_at = 'soon'", "due_at"),
    "bytes for a schedule": ("schedule = x'2a'", "schedule"),
    "bytes for metadata": ("metadata = x'7b7d'", "metadata"),
    "a text that is no UTF-8": ("timezone = CAST(x'fffe' AS TEXT)", "timezone"),
    "a fraction": ("next_run_date = 1.5e300", "next_run_date"),
}


@pytest.fixture
def poisons(url: str) -> dict[str, tuple[str, str]]:
    return POISONS if url.startswith("postgresql") else POISONS | ON_SQLITE_ALONE


@pytest.mark.timeout(120)
def test_poisoned_crons_are_disabled_with_their_reasons_and_all_others_fire(
    house: House, poisons: dict[str, tuple[str, str]]
) -> None:
    bad: dict[str, Any] = {}
    good = set()
    for name, (change, _) in poisons.items():  # among the good ones
        bad[name] = house.cron()
        house.poisoned("crons", "cron_id", bad[name].cron_id, change)
        good |= {house.cron().cron_id for _ in range(1000 // len(poisons) + 1)}
    house.clock.advance(minutes=1)
    assert house.scheduler.tick() == later(120), "the pass ends, and the good ones come again"
    fired = [run.cron_id for run in house.do(lambda tx: tx.runs.active_of_owner("", None))]
    assert len(fired) == len(good) >= 1000
    assert set(fired) == good
    for name, cron in bad.items():
        found = house.do(house.crons.get, "", cron.cron_id)
        assert (found.enabled, found.due_at) == (False, None), name
        assert poisons[name][1] in found.disabled_reason, (name, found.disabled_reason)
        ledger = house.do(lambda tx, of=cron.cron_id: tx.ticks.of_cron(of))
        assert [(tick.outcome, tick.reason) for tick in ledger] == [(TickOutcome.ERROR, found.disabled_reason)], name


def test_a_search_shows_what_can_be_read_of_a_poisoned_cron(house: House, poisons: dict[str, tuple[str, str]]) -> None:
    for change, _ in poisons.values():
        house.poisoned("crons", "cron_id", house.cron().cron_id, change)
    found = house.do(lambda tx: tx.crons.search("", CronQuery(), Window(limit=100)))
    assert len(found.items) == found.total == len(poisons)
    assert sum("durability is 'paper'" in (cron.unreadable or "") for cron in found.items) == 1


def test_a_poisoned_cron_can_be_put_right_and_deleted(house: House) -> None:
    cron = house.cron()
    house.poisoned("crons", "cron_id", cron.cron_id, "overlap = 'sometimes', note = 'mine'")
    house.clock.advance(minutes=1)
    house.scheduler.tick()
    mended = house.do(house.crons.resume, "", cron.cron_id, None)
    assert (mended.enabled, mended.unreadable, mended.disabled_reason) == (True, None, None)
    house.clock.advance(minutes=1)
    house.scheduler.tick()
    (run,) = house.do(lambda tx: tx.runs.active_of_owner("", None))
    assert run.cron_id == cron.cron_id
    house.do(house.crons.delete, "", cron.cron_id)


def test_a_poisoned_zone_does_not_keep_a_server_from_starting(house: House) -> None:
    bad = [house.cron(cron_draft(timezone="Europe/Berlin")) for _ in range(3)]
    changes = ("overlap = 'sometimes'", "timezone = 'Mars/Olympus'", f"start_time = {-ABSURD}")
    for cron, change in zip(bad, changes, strict=True):
        house.poisoned("crons", "cron_id", cron.cron_id, change)
    zones = Zones(house.clock)
    assert set(house.do(zones.changed)) == {"Europe/Berlin"}
    assert house.do(zones.retime, ["Europe/Berlin", "Mars/Olympus"], "")[1] == 0


def test_a_poisoned_run_is_ended_with_its_reason_and_the_others_are_claimed(house: House) -> None:
    changes = (
        "multitask_strategy = 'fight'",
        f"created_at = {-ABSURD}",
        f"cancel = 'x', attempt = {MOST}",
    )
    bad = [house.do(house.runs.create, "", None, run_draft(on_completion="keep")) for _ in changes]
    for run, change in zip(bad, changes, strict=True):
        house.poisoned("runs", "run_id", run.run_id, change)
    good = house.do(house.runs.create, "", None, run_draft())
    assert [run.run_id for run in house.claimed()] == [good.run_id]
    for run in bad:
        ended = house.do(lambda tx, of=run.run_id: tx.runs.find(of))
        assert (ended.status, ended.error.error) == (RunStatus.ERROR, "UnreadableRow")
        assert "cannot be read" in ended.error.message


def test_a_run_that_was_tried_more_often_than_can_be_counted_is_ended(house: House, url: str) -> None:
    counts = [str(MOST)] if url.startswith("postgresql") else [str(MOST), "'often'"]
    bad = [house.do(house.runs.create, "", None, run_draft(on_completion="keep")) for _ in counts]
    for run, attempt in zip(bad, counts, strict=True):
        house.poisoned("runs", "run_id", run.run_id, f"attempt = {attempt}")
    assert house.claimed() == []
    errors = [house.do(lambda tx, of=run.run_id: tx.runs.find(of)).error.error for run in bad]
    assert errors == ["WorkerLost"] * len(counts)


def test_a_run_whose_kwargs_are_no_json_can_be_ended(house: House) -> None:
    run = house.do(house.runs.create, "", None, run_draft(webhook="https://example.com/hook"))
    house.poisoned("runs", "run_id", run.run_id, "kwargs = '{', recorded = true")
    (claimed,) = house.claimed()
    assert house.do(house.attempts.finish, claimed, Outcome(RunStatus.ERROR))


def test_an_instant_beyond_the_calendar_is_waited_for_by_nobody(house: House) -> None:
    run = house.do(house.runs.create, "", None, run_draft())
    house.poisoned("runs", "run_id", run.run_id, f"available_at = {ABSURD}")
    assert house.do(house.attempts.next_available) > later(10**9)
    assert house.claimed() == []


def test_a_poisoned_thread_does_not_keep_its_cron_from_firing(house: House) -> None:
    thread = house.do(house.threads.create, "", ThreadDraft())
    cron = house.cron(cron_draft(thread_id=thread.thread_id))
    change = f"status = 'asleep', created_at = {ABSURD}, ttl = {ABSURD}, ttl_strategy = 'burn', expires_at = {ABSURD}"
    house.poisoned("threads", "thread_id", thread.thread_id, change)
    house.clock.advance(minutes=1)
    house.scheduler.tick()
    assert [run.cron_id for run in house.claimed()] == [cron.cron_id]
    assert house.do(house.threads.expire) == 0


def test_every_search_answers_beside_a_poisoned_row(house: House) -> None:
    thread = house.do(house.threads.create, "", ThreadDraft())
    run = house.do(house.runs.create, "", thread.thread_id, run_draft())
    cron = house.cron()
    house.clock.advance(minutes=1)
    house.scheduler.tick()
    house.poisoned("threads", "thread_id", thread.thread_id, f"status = 'asleep', updated_at = {ABSURD}")
    house.poisoned("runs", "run_id", run.run_id, "status = 'lost', cancel = 'x'")
    house.poisoned("assistants", "assistant_id", AGENT, f"created_at = {ABSURD}, version = {-MOST}")
    house.poisoned("ticks", "cron_id", cron.cron_id, f"outcome = 'x', decided_at = {ABSURD}")
    pages = [
        house.do(lambda tx: tx.threads.search("", ThreadQuery(), Window())).items,
        house.do(lambda tx: tx.runs.list("", thread.thread_id, RunQuery(), Window())),
        house.do(lambda tx: tx.assistants.search("", AssistantQuery(), Window())).items,
        house.do(lambda tx: tx.ticks.list("", cron.cron_id, TickQuery(), 10)),
    ]
    assert [len(page) for page in pages] == [2, 1, 1, 1]


def test_a_poisoned_webhook_does_not_hold_up_the_others(house: House) -> None:
    now = house.clock.now()
    for number in range(3):
        house.do(lambda tx, n=number: tx.webhooks.insert(Webhook(f"run-{n}", "", "https://a.example", "{}", now, now)))
    house.poisoned("webhooks", "run_id", "run-0", f"created_at = {ABSURD}")
    house.poisoned("webhooks", "run_id", "run-1", f"attempts = {MOST}")
    claimed = house.do(lambda tx: tx.webhooks.claim(now, later(60), 10))
    assert {webhook.run_id for webhook in claimed} == {"run-0", "run-1", "run-2"}
    house.sql(f"UPDATE webhooks SET next_attempt_at = {ABSURD}")
    assert house.do(lambda tx: tx.webhooks.next_due()) > later(10**9)


def test_a_cron_that_failed_more_often_than_can_be_counted_fails_on(house: House) -> None:
    cron = house.cron()
    house.poisoned("crons", "cron_id", cron.cron_id, f"failed = {MOST}, failures_in_a_row = {MOST}")
    house.do(lambda tx: tx.crons.run_ended(cron.cron_id, RunStatus.ERROR))
    counters = house.do(house.crons.get, "", cron.cron_id).counters
    assert counters == CronCounters(failed=MOST_COUNTED, failures_in_a_row=MOST_COUNTED, last_outcome=RunStatus.ERROR)


@ON_SQLITE
def test_a_text_that_is_no_utf8_spoils_no_other_row(house: House) -> None:
    for _ in range(2):
        house.do(house.threads.create, "", ThreadDraft())
    house.sql("UPDATE threads SET metadata = CAST(x'7b2261223a22ff227d' AS TEXT)")
    found = house.do(lambda tx: tx.threads.search("", ThreadQuery(), Window())).items
    assert [thread.metadata for thread in found] == ['{"a":"\ufffd"}'] * 2
