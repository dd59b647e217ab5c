"""What goes in comes out, to the letter and to the microsecond."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cronlane_service.domain.models import (
    Assistant,
    Cron,
    CronCounters,
    OnCompletion,
    RunTemplate,
    Thread,
    ThreadStatus,
    Tick,
    TickOutcome,
)
from cronlane_service.domain.policies import CatchUp, DstPolicy, Fold, Gap, Overlap, Policies
from cronlane_service.domain.runs import CancelAction, MultitaskStrategy, Run, RunError, RunStatus
from cronlane_service.store import SqlDatabase, open_database
from cronlane_service.store.connection import Connection
from cronlane_service.store.instants import loaded, stored
from cronlane_service.store.transaction import Transaction

text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
instants = st.datetimes(datetime(1970, 1, 1), datetime(9999, 12, 31, 23, 59, 59, 999999), timezones=st.just(UTC))
json_texts = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=6,
).flatmap(
    lambda value: st.sampled_from(
        [
            json.dumps(value),
            json.dumps(value, ensure_ascii=False),
            json.dumps(value, indent=1, separators=(" , ", " : ")),
        ]
    )
)
ids = st.uuids().map(str)
errors = st.none() | st.builds(RunError, text, text)


def maybe(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | strategy


names = st.lists(text, max_size=3).map(tuple)
templates = st.builds(
    RunTemplate,
    input=maybe(json_texts),
    config=maybe(json_texts),
    context=maybe(json_texts),
    interrupt_before=names,
    interrupt_after=names,
    multitask_strategy=maybe(st.sampled_from(MultitaskStrategy)),
    stream_mode=names,
    stream_subgraphs=maybe(st.booleans()),
    stream_resumable=maybe(st.booleans()),
    durability=maybe(st.sampled_from(["sync", "async", "exit"])),
    command=maybe(json_texts),
    feedback_keys=names,
    webhook=maybe(text),
)
threads = st.builds(
    Thread,
    thread_id=ids,
    owner=text,
    created_at=instants,
    updated_at=instants,
    state_updated_at=instants,
    metadata=json_texts,
    status=st.sampled_from(ThreadStatus),
    config=json_texts,
    values=maybe(json_texts),
    interrupts=json_texts,
    error=errors,
)
assistants = st.builds(
    Assistant,
    assistant_id=ids,
    owner=text,
    graph_id=text,
    name=text,
    created_at=instants,
    updated_at=instants,
    config=json_texts,
    context=json_texts,
    metadata=json_texts,
    version=st.integers(1, 2**31 - 1),
    description=maybe(text),
)
numbers = st.integers(0, 2_000_000_000)
limits = st.integers(1, 2**31 - 1)
spans = st.timedeltas(timedelta(0), timedelta(days=999))
crons = st.builds(
    Cron,
    cron_id=ids,
    owner=text,
    assistant_id=ids,
    thread_id=maybe(ids),
    schedule=text,
    timezone=maybe(text),
    end_time=maybe(instants),
    enabled=st.booleans(),
    on_run_completed=maybe(st.sampled_from(OnCompletion)),
    next_run_date=maybe(instants),
    metadata=json_texts,
    created_at=instants,
    updated_at=instants,
    run=templates,
    extra=json_texts,
    disabled_reason=maybe(text),
    policies=st.builds(
        Policies,
        start_time=maybe(instants),
        max_runs=maybe(limits),
        jitter=st.timedeltas(timedelta(0), timedelta(days=1)),
        dst_policy=st.builds(DstPolicy, gap=st.sampled_from(Gap), fold=st.sampled_from(Fold)),
        catch_up=st.sampled_from(CatchUp),
        catch_up_window=maybe(spans),
        overlap=st.sampled_from(Overlap),
        pause_after_failures=maybe(limits),
    ),
    due_at=maybe(instants),
    paused_at=maybe(instants),
    note=maybe(text),
    counters=st.builds(
        CronCounters,
        fired=numbers,
        missed=numbers,
        skipped=numbers,
        failed=numbers,
        failures_in_a_row=numbers,
        last_outcome=maybe(st.sampled_from(RunStatus)),
    ),
)
ticks = st.builds(
    Tick,
    cron_id=ids,
    scheduled_for=instants,
    owner=text,
    decided_at=instants,
    outcome=st.sampled_from(TickOutcome),
    reason=maybe(text),
    run_id=maybe(ids),
    count=st.integers(1, 2**31 - 1),
)
runs = st.builds(
    Run,
    run_id=ids,
    owner=text,
    thread_id=ids,
    assistant_id=ids,
    graph_id=text,
    created_at=instants,
    updated_at=instants,
    status=st.sampled_from(RunStatus),
    metadata=json_texts,
    kwargs=json_texts,
    multitask_strategy=st.sampled_from(MultitaskStrategy),
    temporary=st.booleans(),
    cron_id=maybe(ids),
    scheduled_for=maybe(instants),
    available_at=maybe(instants),
    attempt=st.integers(0, 2**31 - 1),
    worker=maybe(text),
    lease_until=maybe(instants),
    cancel=maybe(st.sampled_from(CancelAction)),
    error=errors,
    started_at=maybe(instants),
    ended_at=maybe(instants),
    values=maybe(json_texts),
    interrupts=maybe(json_texts),
    hidden=st.booleans(),
    queued=st.booleans(),
)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def own_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if request.param == "postgresql":
        with request.getfixturevalue("postgres_databases").lent() as url:
            yield url
    else:
        yield str(tmp_path_factory.mktemp("round-trips") / "cronlane.db")


@pytest.fixture(scope="module")
def transaction(own_url: str) -> Iterator[Transaction]:
    """One transaction for all examples, never committed: the disk would be waited for at each."""
    database: SqlDatabase = open_database(own_url)
    database.migrate()
    connection = Connection(database._engine)
    connection.begin_write()
    yield Transaction(connection)
    connection.rollback()
    connection.close()
    database.stop()


@given(instants)
def test_an_instant_keeps_its_microsecond(instant: datetime) -> None:
    assert loaded(stored(instant)) == instant
    assert loaded(stored(instant)).tzinfo is UTC


def test_an_instant_without_a_zone_is_refused() -> None:
    with pytest.raises(TypeError):
        stored(datetime(2026, 1, 1))


@settings(deadline=None)
@given(first=threads, second=threads)
def test_a_thread_comes_back_as_it_went_in(transaction: Transaction, first: Thread, second: Thread) -> None:
    assert transaction.threads.insert(first)
    assert transaction.threads.get(first.owner, first.thread_id) == first
    changed = replace(second, thread_id=first.thread_id)
    transaction.threads.save(changed)
    assert transaction.threads.find([first.thread_id]) == {first.thread_id: changed}
    assert transaction.threads.delete(first.thread_id)


@settings(deadline=None)
@given(first=assistants, second=assistants)
def test_an_assistant_comes_back_as_it_went_in(transaction: Transaction, first: Assistant, second: Assistant) -> None:
    transaction.assistants.upsert(first)
    assert transaction.assistants.get(first.owner, first.assistant_id) == first
    changed = replace(second, assistant_id=first.assistant_id)
    transaction.assistants.upsert(changed)
    assert transaction.assistants.find([first.assistant_id]) == {first.assistant_id: changed}


@settings(deadline=None)
@given(first=crons, second=crons)
def test_a_cron_comes_back_as_it_went_in(transaction: Transaction, first: Cron, second: Cron) -> None:
    transaction.crons.insert(first)
    assert transaction.crons.get(first.owner, first.cron_id) == first
    changed = replace(second, cron_id=first.cron_id, counters=first.counters)  # counted elsewhere
    transaction.crons.save(changed)
    assert transaction.crons.get(changed.owner, first.cron_id) == changed
    assert transaction.crons.delete(changed.owner, first.cron_id)


@settings(deadline=None)
@given(tick=ticks)
def test_a_tick_comes_back_as_it_went_in(transaction: Transaction, tick: Tick) -> None:
    cron_id = f"{tick.cron_id} {transaction.ticks._connection.execute('SELECT count(*) FROM ticks')[0][0]}"
    made = replace(tick, cron_id=cron_id)
    transaction.ticks.insert_many([made])
    assert transaction.ticks.of_cron(cron_id) == [made]


@settings(deadline=None)
@given(first=runs, second=runs)
def test_a_run_comes_back_as_it_went_in(transaction: Transaction, first: Run, second: Run) -> None:
    transaction.runs.insert_many([first])
    assert transaction.runs.get(first.owner, first.thread_id, first.run_id, hidden=True) == first
    changed = replace(second, run_id=first.run_id)
    transaction.runs.save(changed)
    assert transaction.runs.find(first.run_id) == changed
    assert transaction.runs.delete(first.run_id)
    assert transaction.runs.find(first.run_id) is None
