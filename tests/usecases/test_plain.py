"""Plain crons are fired by the dozen, with the outcome that they would have one by one."""

from __future__ import annotations

import itertools
import json
import uuid
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builders import AGENT, NOON, cron_draft
from cronlane_service.domain import kwargs
from cronlane_service.domain.alike import Fired, FiredAlike, Kind
from cronlane_service.domain.drafts import CronDraft, ThreadDraft
from cronlane_service.domain.launch import Origin, launch
from cronlane_service.domain.models import Assistant, OnCompletion, RunTemplate
from cronlane_service.domain.policies import CatchUp, Overlap, Policies
from cronlane_service.domain.queries import CronQuery, Window
from cronlane_service.domain.runs import MultitaskStrategy
from cronlane_service.store import firings
from cronlane_service.usecases import placement
from cronlane_service.usecases.crons import Crons
from cronlane_service.usecases.patterns import Patterns

MINUTE = timedelta(minutes=1)
words = st.sampled_from(["run_id", "thread_id", "cron_id", "%", "%(run_id)s", "%%", "é", "\\", '"', "x"])
objects = st.dictionaries(words, st.one_of(words, st.integers(), st.dictionaries(words, words, max_size=2)), max_size=3)
texts = objects.map(lambda value: json.dumps(value, ensure_ascii=False))
configs = st.fixed_dictionaries({}, optional={"configurable": objects, "tags": st.lists(words)}).map(json.dumps)
templates = st.builds(
    RunTemplate,
    config=st.none() | configs,
    context=st.none() | texts,
    multitask_strategy=st.none() | st.sampled_from(MultitaskStrategy),
    stream_mode=st.lists(words, max_size=2).map(tuple),
    stream_resumable=st.none() | st.booleans(),
    durability=st.sampled_from([None, "sync", "exit"]),
    command=st.none() | texts,
    webhook=st.none() | words,
)
kinds = st.builds(Kind, words, st.just(AGENT), st.none() | st.sampled_from(OnCompletion), texts, templates)
assistants = st.builds(
    Assistant, st.just(AGENT), st.just(""), words, words, st.just(NOON), st.just(NOON), configs, texts, texts
)
ids = st.uuids().map(str)


@given(kinds, assistants, st.none() | texts, ids, ids, ids)
@settings(max_examples=300, deadline=None)
def test_a_run_of_a_pattern_is_the_run_that_a_launch_makes(
    kind: Kind, assistant: Assistant, given: str | None, run_id: str, thread_id: str, cron_id: str
) -> None:
    thread = placement.own_thread(thread_id, kind.owner, assistant, kind.metadata, NOON)
    temporary = kind.on_run_completed is not OnCompletion.KEEP
    origin = Origin(metadata=kind.metadata, temporary=temporary, cron_id=cron_id, scheduled_for=NOON - MINUTE)
    expected = launch(run_id, NOON, assistant, thread, replace(kind.run, input=given), origin)
    pattern = Patterns().of(kind, assistant)
    run, busy = pattern.at(NOON)
    told = pattern.told(run_id, thread_id, cron_id, given)
    fired = Fired(cron_id, NOON - MINUTE, None, run_id, thread_id, told, version=0)
    [made] = FiredAlike(run, busy, [fired]).runs
    assert (made, replace(busy, thread_id=thread_id)) == expected
    assert told == kwargs.shortened(made)


def drafts(thread_id: str) -> list[CronDraft]:
    policies = [
        Policies(),
        Policies(jitter=timedelta(seconds=30)),
        Policies(max_runs=2),
        Policies(start_time=NOON + 2 * MINUTE),
        Policies(overlap=Overlap.SKIP),
        Policies(overlap=Overlap.QUEUE),
        Policies(catch_up=CatchUp.SKIP),
        Policies(catch_up=CatchUp.ALL),
    ]
    made = [
        cron_draft(schedule, timezone=zone, policies=each, metadata=json.dumps({"of": f"{schedule} {zone} {number}"}))
        for number, each in enumerate(policies)
        for schedule in ("* * * * *", "2 * * * *", "1-3 12 * * *", "every 1m")
        for zone in (None, "Asia/Tokyo")
    ]
    made.append(cron_draft(input='{"n": 1.0}', on_run_completed=OnCompletion.KEEP, metadata='{"of": "kept"}'))
    made.append(cron_draft(end_time=NOON + MINUTE, metadata='{"of": "ending"}'))
    made.append(cron_draft(thread_id=thread_id, metadata='{"of": "on a thread"}'))
    return made


def fired(house: Any, do: Any, clock: Any, steps: list[tuple[float, float]]) -> dict[str, Any]:
    """What the crons come to: their ledgers, counts and next instants, and what their runs are told."""
    thread = do(house.threads.create, "", ThreadDraft())
    numbers = itertools.count(1)
    crons_of_their_own = Crons(
        clock, lambda: str(uuid.UUID(int=(7 << 76) | (11 << 60) | next(numbers)))
    )  # jitter goes by id
    crons = [do(crons_of_their_own.create, "", draft) for draft in drafts(thread.thread_id)]
    for seconds, watched in steps:
        clock.advance(seconds=seconds)
        while do(house.ticks.fire, clock.now() - timedelta(seconds=watched)).next_due <= clock.now():
            pass
    found = {}
    for cron in crons:
        now = do(house.crons.get, "", cron.cron_id)
        ledger = do(lambda tx, of=cron.cron_id: tx.ticks.of_cron(of))
        runs = [do(lambda tx, of=tick.run_id: tx.runs.find(of)) for tick in ledger if tick.run_id]
        names = {of: name for run in runs for of, name in ((run.run_id, "a run"), (run.thread_id, "a thread"))}
        names[cron.cron_id] = "the cron"
        text = repr([now, ledger, runs, [do(lambda tx, of=run.thread_id: tx.threads.find([of])) for run in runs]])
        for of, name in names.items():
            text = text.replace(of, name)
        found[cron.metadata] = text
    return found


@pytest.mark.parametrize(
    "steps",
    [
        pytest.param([(60, 60)] * 4, id="on time"),
        pytest.param([(61.5, 61.5)] * 3, id="a little late"),
        pytest.param([(240, 0), (60, 60)], id="away for minutes"),
        pytest.param([(240, 240), (60, 60)], id="held up for minutes"),
        pytest.param([(150, 70), (60, 60)], id="away, and then held up"),
    ],
)
def test_crons_come_to_the_same_by_the_dozen_and_one_by_one(
    house: Any, do: Any, clock: Any, steps: list[tuple[float, float]]
) -> None:
    by_the_dozen = fired(house, do, clock, steps)
    clock._now = NOON
    do(clear)
    house.ticks._plain.fire = lambda tx, due, *_: ([], [each.cron_id for alike in due for each in alike.members])
    one_by_one = fired(house, do, clock, steps)
    assert len(by_the_dozen) == len(drafts(""))
    assert by_the_dozen == one_by_one


def test_nothing_is_kept_of_crons_with_long_texts_and_they_fire_as_the_others(house: Any, do: Any, clock: Any) -> None:
    firings._kind.cache_clear()
    text = json.dumps({"tags": ["x" * firings._LONGEST]})
    crons = [do(house.crons.create, "", cron_draft(config=config)) for config in (text, None, text)]
    clock.advance(minutes=1)
    assert do(house.ticks.fire, NOON).next_due == NOON + 2 * MINUTE
    runs = do(lambda tx: tx.runs.active_of_owner("", None))
    assert {run.cron_id for run in runs} == {cron.cron_id for cron in crons}
    assert sum("x" * firings._LONGEST in run.kwargs for run in runs) == 2
    assert firings._kind.cache_info().currsize == 1
    assert len(house.ticks._plain._patterns._known) == 1


def clear(tx: Any) -> None:
    for cron in tx.crons.search("", CronQuery(), Window(limit=1000)).items:
        tx.crons.delete(cron.owner, cron.cron_id)
    for run in tx.runs.active_of_owner("", None):
        tx.runs.delete(run.run_id)
    tx.ticks.delete_before(NOON + timedelta(days=1), 100_000)
