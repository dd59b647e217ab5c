"""What a cron and a thread are on the wire, field by field."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message

from builders import AGENT, NOON
from cronlane.v1.crons_pb2 import SearchCronsResponse
from cronlane_service.domain.lifetimes import PruneStrategy, Ttl
from cronlane_service.domain.models import CronCounters, OnCompletion, RunTemplate, ThreadStatus
from cronlane_service.domain.policies import CatchUp, DstPolicy, Fold, Gap, Overlap, Policies
from cronlane_service.domain.runs import MultitaskStrategy, RunError, RunStatus
from cronlane_service.rpc.convert import crons, threads
from store.rows import cron, later, thread

ETAG = '"20261122120000000000"'
PLAIN: dict[str, Any] = {
    "assistant_id": AGENT,
    "schedule": "* * * * *",
    "enabled": True,
    "next_run_date": "2026-11-22T12:00:00Z",
    "due_at": "2026-11-22T12:00:00Z",
    "metadata": {"text": "{}"},
    "extra": {"text": "{}"},
    "created_at": "2026-11-22T12:00:00Z",
    "updated_at": "2026-11-22T12:00:00Z",
    "etag": ETAG,
    "counters": {},
}


def told(message: Message) -> dict[str, Any]:
    """All that is set."""
    return MessageToDict(message, preserving_proto_field_name=True)


@pytest.mark.parametrize("answer", [crons.cron, crons.written])
def test_of_a_plain_cron_nothing_is_said_that_it_does_not_have(answer: Any) -> None:
    made = cron()
    assert told(answer(made)) == {"cron_id": made.cron_id, **PLAIN}
    assert told(answer(cron(cron_id=made.cron_id, policies=Policies(), run=RunTemplate()))) == told(answer(made))


def test_what_a_cron_hands_to_its_runs_is_said_as_it_was_asked_for() -> None:
    run = RunTemplate(
        input="[1.0]",
        config="{}",
        context='{"a":1}',
        interrupt_before=("one", "two"),
        interrupt_after=("*",),
        multitask_strategy=MultitaskStrategy.ROLLBACK,
        stream_mode=("values", "messages-tuple", "a word of a later version"),
        stream_subgraphs=False,
        stream_resumable=True,
        durability="exit",
        webhook="https://example.com",
    )
    made = cron(run=run)
    assert told(crons.written(made)) == {
        "cron_id": made.cron_id,
        **PLAIN,
        "input": {"text": "[1.0]"},
        "config": {"text": "{}"},
        "context": {"text": '{"a":1}'},
        "interrupt_before": ["one", "two"],
        "interrupt_after": ["*"],
        "multitask_strategy": "MULTITASK_STRATEGY_ROLLBACK",
        "stream_mode": ["STREAM_MODE_VALUES", "STREAM_MODE_MESSAGES_TUPLE", "STREAM_MODE_UNSPECIFIED"],
        "stream_subgraphs": False,
        "stream_resumable": True,
        "durability": "DURABILITY_EXIT",
        "webhook": "https://example.com",
    }


def test_what_has_become_of_a_cron_is_said() -> None:
    changes: dict[str, Any] = {
        "thread_id": "a thread",
        "timezone": "Europe/Berlin",
        "end_time": later(1),
        "paused_at": later(2),
        "next_run_date": None,
        "disabled_reason": "why",
        "note": "",
    }
    counters = CronCounters(1, 2, 3, 4, failures_in_a_row=5, last_outcome=RunStatus.TIMEOUT)
    made = cron(owner="me", enabled=False, on_run_completed=OnCompletion.KEEP, counters=counters, **changes)
    said = {name: text for name, text in PLAIN.items() if name not in {"next_run_date", "due_at"}}
    assert told(crons.written(made)) == {
        **said,
        "cron_id": made.cron_id,
        "thread_id": "a thread",
        "user_id": "me",
        "enabled": False,
        "timezone": "Europe/Berlin",
        "end_time": "2026-11-22T12:00:01Z",
        "paused_at": "2026-11-22T12:00:02Z",
        "disabled_reason": "why",
        "note": "",
        "on_run_completed": "ON_COMPLETION_KEEP",
        "counters": {"fired": 1, "missed": 2, "skipped": 3, "failed": 4},
        "failures_in_a_row": 5,
        "last_outcome": "RUN_STATUS_TIMEOUT",
    }


def test_of_its_policies_those_are_said_that_are_not_as_by_default() -> None:
    policies = Policies(
        start_time=NOON,
        max_runs=3,
        jitter=timedelta(seconds=1.5),
        dst_policy=DstPolicy(Gap.SKIP, Fold.BOTH),
        catch_up=CatchUp.ALL,
        catch_up_window=timedelta(0),
        overlap=Overlap.QUEUE,
        pause_after_failures=2,
    )
    made = cron(schedule="every 1d phase 8h", policies=policies)
    assert told(crons.written(made)) == {
        "cron_id": made.cron_id,
        **PLAIN,
        "schedule": "every 1d phase 8h",
        "every": {"interval": "86400s", "phase": "28800s"},
        "start_time": "2026-11-22T12:00:00Z",
        "max_runs": 3,
        "jitter": "1.500s",
        "dst_policy": {"gap": "GAP_POLICY_SKIP", "fold": "FOLD_POLICY_BOTH"},
        "catch_up": "CATCH_UP_ALL",
        "catch_up_window": "0s",
        "overlap": "OVERLAP_QUEUE",
        "pause_after_failures": 2,
    }


def test_a_cron_that_is_too_long_to_be_kept_is_answered_all_the_same() -> None:
    metadata = '{"long":"' + "x" * 3000 + '"}'
    for note in ("before", "after"):
        made = cron(metadata=metadata, note=note)
        assert crons.cron(made) == crons.written(made)


@pytest.mark.parametrize(
    "change",
    [{"status": ThreadStatus.BUSY}, {"values": "{}"}, {"values": '"' + "x" * 3000 + '"'}, {"error": RunError("E", "")}],
    ids=["status", "values", "long values", "error"],
)
def test_a_thread_that_was_answered_before_is_answered_as_it_is_now(change: dict[str, Any]) -> None:
    before = thread()
    for each in (before, replace(before, **change), before):
        assert threads.thread(each) == threads.written(each)


def test_a_page_lists_short_and_long_crons_in_their_order() -> None:
    found = [cron(), cron(metadata='{"long":"' + "x" * 3000 + '"}'), cron()]
    page = SearchCronsResponse(total=3)
    for repeated in (1, 2):
        crons.fill(page, found)
        assert list(page.crons) == [crons.written(each) for each in found] * repeated
    assert page.total == 3


def test_a_thread_says_what_it_has() -> None:
    new = thread(metadata='{"a":1}')
    plain: dict[str, Any] = {
        "thread_id": new.thread_id,
        "created_at": "2026-11-22T12:00:00Z",
        "updated_at": "2026-11-22T12:00:00Z",
        "state_updated_at": "2026-11-22T12:00:00Z",
        "metadata": {"text": '{"a":1}'},
        "status": "THREAD_STATUS_IDLE",
        "config": {"text": "{}"},
        "interrupts": {"text": "{}"},
        "etag": ETAG,
    }
    assert told(threads.thread(new)) == plain
    ran = thread(
        thread_id=new.thread_id,
        metadata='{"a":1}',
        status=ThreadStatus.ERROR,
        values="{}",
        error=RunError("ValueError", "no"),
        ttl=Ttl(timedelta(minutes=1), PruneStrategy.KEEP_LATEST),
        updated_at=later(1),
    )
    assert told(threads.thread(ran)) == {
        **plain,
        "updated_at": "2026-11-22T12:00:01Z",
        "etag": '"20261122120001000000"',
        "status": "THREAD_STATUS_ERROR",
        "values": {"text": "{}"},
        "error": {"error": "ValueError", "message": "no"},
        "ttl": {"strategy": "PRUNE_STRATEGY_KEEP_LATEST", "duration": "60s"},
    }
    assert told(threads.thread(thread(thread_id=new.thread_id, metadata='{"a":1}', ttl=Ttl(None)))) == plain
