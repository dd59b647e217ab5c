"""Crons: checked before anything is written, changed whole or not at all."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from builders import AGENT, NOON, cron_draft
from cronlane_service.domain.drafts import CronDraft, ThreadDraft
from cronlane_service.domain.errors import (
    ContextAndConfigurable,
    EmptyUpdate,
    EtagMismatch,
    InvalidField,
    NotFound,
    RequestIdReused,
)
from cronlane_service.domain.models import OnCompletion, RunTemplate
from cronlane_service.domain.queries import CronQuery, Window

REQUEST = "0192f0c4-0000-7000-8000-0000000000aa"


def test_creating_a_cron_names_its_next_tick_and_makes_no_run(house, do, work) -> None:
    cron = do(house.crons.create, "", cron_draft("27 15 * * *"))
    assert cron.next_run_date == NOON.replace(hour=15, minute=27)
    assert (cron.assistant_id, cron.thread_id, cron.enabled) == (AGENT, None, True)
    assert cron.on_run_completed is OnCompletion.DELETE
    assert work() == []


def test_a_thread_cron_has_no_on_run_completed(house, do) -> None:
    thread = do(house.threads.create, "", ThreadDraft())
    cron = do(house.crons.create, "", cron_draft(thread_id=thread.thread_id, on_run_completed=OnCompletion.KEEP))
    assert cron.on_run_completed is None


@pytest.mark.parametrize(
    ("draft", "field"),
    [
        (CronDraft(schedule="* * * * *"), "assistant_id"),
        (CronDraft(assistant_id="agent"), "schedule"),
        (cron_draft("61 * * * *"), "schedule"),
        (cron_draft("0 0 30 2 *"), "schedule"),
        (cron_draft(timezone="Mars/Olympus"), "timezone"),
        (cron_draft(timezone=""), "timezone"),
        (cron_draft(thread_id="nope"), "thread_id"),
        (cron_draft(metadata="[]"), "metadata"),
        (cron_draft(input="7"), "input"),
        (cron_draft(input="{"), "input"),
        (cron_draft(config="[]"), "config"),
        (cron_draft(config='{"configurable": 1}'), "config.configurable"),
        (cron_draft(config='{"recursion_limit": 0}'), "config.recursion_limit"),
        (cron_draft(context='"x"'), "context"),
    ],
)
def test_bad_input_names_its_field_and_writes_nothing(house, do, draft, field) -> None:
    with pytest.raises(InvalidField) as refused:
        do(house.crons.create, "", draft)
    assert refused.value.field == field
    assert do(house.crons.count, "", CronQuery()) == 0


def test_context_and_configurable_together_are_refused(house, do) -> None:
    with pytest.raises(ContextAndConfigurable):
        do(house.crons.create, "", cron_draft(context='{"a": 1}', config='{"configurable": {"b": 2}}'))


@pytest.mark.parametrize("changes", [{"assistant_id": "nobody"}, {"thread_id": REQUEST}])
def test_an_unknown_assistant_or_thread_is_not_found(house, do, changes) -> None:
    with pytest.raises(NotFound):
        do(house.crons.create, "", cron_draft(**changes))
    assert do(house.crons.count, "", CronQuery()) == 0


def test_an_update_changes_what_it_names_and_merges_metadata(house, do, clock) -> None:
    cron = do(house.crons.create, "", cron_draft(metadata='{"a": 1, "b": 1.0}', extra='{"x": 1, "stream_mode": "v"}'))
    clock.advance(seconds=1)
    draft = CronDraft(schedule="0 0 * * *", metadata='{"a": null}', run=RunTemplate(input="[1]"))
    named = {"schedule", "metadata", "input", "stream_mode"}
    changed = do(house.crons.update, "", cron.cron_id, named, draft)
    assert changed == do(house.crons.get, "", cron.cron_id)
    assert changed.next_run_date == NOON.replace(hour=0) + timedelta(days=1)
    assert changed.metadata == '{"a":null,"b":1.0}'
    assert changed.run.input == "[1]"
    assert changed.extra == '{"x":1}'
    assert changed.updated_at == clock.now() > changed.created_at


def test_an_end_time_can_be_cleared(house, do) -> None:
    cron = do(house.crons.create, "", cron_draft(end_time=NOON - timedelta(days=1)))
    assert cron.next_run_date is None
    changed = do(house.crons.update, "", cron.cron_id, {"end_time"}, CronDraft())
    assert changed.end_time is None
    assert changed.next_run_date == NOON + timedelta(minutes=1)


@pytest.mark.parametrize(
    ("named", "draft", "error"),
    [
        (set(), CronDraft(), EmptyUpdate),
        ({"schedule"}, CronDraft(schedule="0 0 30 2 *"), InvalidField),
        ({"schedule", "timezone"}, CronDraft(schedule="0 0 * * *", timezone="nowhere"), InvalidField),
        ({"schedule"}, CronDraft(), InvalidField),
        ({"thread_id"}, CronDraft(thread_id=REQUEST), InvalidField),
        ({"multitask_strategy"}, CronDraft(), InvalidField),
        ({"input"}, CronDraft(run=RunTemplate(input="nope")), InvalidField),
    ],
)
def test_a_refused_update_changes_nothing(house, do, named, draft, error) -> None:
    cron = do(house.crons.create, "", cron_draft())
    with pytest.raises(error):
        do(house.crons.update, "", cron.cron_id, named, draft)
    assert do(house.crons.get, "", cron.cron_id) == cron


def test_disabling_keeps_the_next_date_and_enabling_looks_forward(house, do, clock, work) -> None:
    cron = do(house.crons.create, "", cron_draft())
    off = do(house.crons.update, "", cron.cron_id, {"enabled"}, CronDraft(enabled=False))
    assert off.next_run_date == cron.next_run_date
    clock.advance(minutes=10, seconds=30)
    do(house.ticks.fire, NOON)
    assert work() == []
    on = do(house.crons.update, "", cron.cron_id, {"enabled"}, CronDraft(enabled=True))
    assert on.next_run_date == NOON + timedelta(minutes=11)


def test_a_stale_etag_is_refused(house, do, clock) -> None:
    cron = do(house.crons.create, "", cron_draft())
    clock.advance(seconds=1)
    changed = do(house.crons.update, "", cron.cron_id, {"enabled"}, CronDraft(enabled=False), cron.etag)
    with pytest.raises(EtagMismatch):
        do(house.crons.delete, "", cron.cron_id, cron.etag)
    do(house.crons.delete, "", cron.cron_id, changed.etag)


def test_a_request_id_makes_one_cron_however_often_it_comes(house, do) -> None:
    first = do(house.crons.create, "", cron_draft(), REQUEST)
    assert do(house.crons.create, "", cron_draft(), REQUEST) == first
    assert do(house.crons.count, "", CronQuery()) == 1
    with pytest.raises(RequestIdReused):
        do(house.crons.create, "", cron_draft("0 0 * * *"), REQUEST)


def test_one_owner_never_sees_the_crons_of_another(house, do) -> None:
    cron = do(house.crons.create, "ada", cron_draft())
    assert do(house.crons.count, "bob", CronQuery()) == 0
    assert do(house.crons.search, "bob", CronQuery(), Window()).items == []
    for attempt in (house.crons.get, house.crons.delete):
        with pytest.raises(NotFound):
            do(attempt, "bob", cron.cron_id)


def test_a_search_takes_the_name_of_a_graph(house, do) -> None:
    cron = do(house.crons.create, "", cron_draft(metadata=json.dumps({"n": {"x": 1, "y": 2}})))
    query = CronQuery(assistant_id="agent", metadata='{"n": {"x": 1}}')
    assert do(house.crons.search, "", query, Window()).items == [cron]
    assert do(house.crons.count, "", CronQuery(assistant_id="other")) == 0


@pytest.mark.parametrize(
    ("window", "field"),
    [
        (Window(limit=0), "limit"),
        (Window(limit=1001), "limit"),
        (Window(offset=-1), "offset"),
        (Window(sort_by="x"), "sort_by"),
    ],
)
def test_a_search_names_what_is_wrong_with_its_window(house, do, window, field) -> None:
    with pytest.raises(InvalidField) as refused:
        do(house.crons.search, "", CronQuery(), window)
    assert refused.value.field == field


def test_deleting_a_thread_deletes_its_crons_and_runs(house, do, clock) -> None:
    thread = do(house.threads.create, "", ThreadDraft())
    cron = do(house.crons.create, "", cron_draft(thread_id=thread.thread_id))
    do(house.threads.delete, "", thread.thread_id)
    with pytest.raises(NotFound):
        do(house.crons.get, "", cron.cron_id)
    assert do(house.attempts.purges, 10) == [(thread.thread_id, "")]
