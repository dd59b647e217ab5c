"""What happens in runs: recorded by the attempt that has the run, read by who follows it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from builders import FakeClock, run_draft
from cronlane_service.domain.drafts import RunSelection, ThreadDraft
from cronlane_service.domain.errors import InvalidField, NotFound
from cronlane_service.domain.events import RunEvent
from cronlane_service.domain.ports import Topic
from cronlane_service.domain.runs import CancelAction, Outcome, Run, RunError, RunStatus
from cronlane_service.usecases.streams import Followed, Streams

Do = Callable[..., Any]
PLACE = "1f1e6ae4-b841-6186-8000-8148c17fd0fd"
LEASE = timedelta(seconds=30)
DONE = Outcome(RunStatus.SUCCESS, values="{}")
EVENTS = [RunEvent("values", '{"n": 1}'), RunEvent("values", '{"n": 2}')]


@pytest.fixture
def streams() -> Streams:
    return Streams()


@pytest.fixture
def thread_id(house: SimpleNamespace, do: Do) -> str:
    return str(do(house.threads.create, "", ThreadDraft()).thread_id)


@pytest.fixture
def claimed(house: SimpleNamespace, do: Do, thread_id: str) -> Callable[..., Run]:
    def claimed(**draft: Any) -> Run:
        do(house.runs.create, "", thread_id, run_draft(**draft))
        [run] = do(house.attempts.claim, "worker", LEASE, 1)
        return run

    return claimed


def told(do: Do, streams: Streams, run: Run, after: int = 0, **changes: Any) -> Followed:
    follower = replace(streams.of_new_run(run), **changes)
    return do(streams.following, follower, after, 100)


def named(followed: Followed) -> list[str]:
    return [event.event for event in followed.events]


def test_what_an_attempt_records_is_told_until_the_run_has_ended(
    house: SimpleNamespace, do: Do, streams: Streams, claimed: Callable[..., Run]
) -> None:
    run = claimed(recorded=True)
    assert do(house.attempts.record, run, EVENTS)
    under_way = told(do, streams, run)
    assert ([event.data for event in under_way.events], under_way.over) == ([event.data for event in EVENTS], False)
    do(house.attempts.finish, run, DONE)
    ended = told(do, streams, run, after=under_way.events[-1].seq)
    assert (named(ended), ended.over) == (["protocol/lifecycle", "run_done"], True)
    assert json.loads(ended.events[1].data) == {"status": "run_done", "run_id": run.run_id}


def test_an_attempt_that_lost_its_run_records_nothing(
    house: SimpleNamespace, do: Do, streams: Streams, claimed: Callable[..., Run], clock: FakeClock
) -> None:
    lost = claimed(recorded=True)
    clock.advance(seconds=31)
    [second] = do(house.attempts.claim, "other", LEASE, 1)
    assert second.run_id == lost.run_id
    assert do(house.attempts.record, lost, EVENTS) is False
    assert told(do, streams, lost).events == []
    assert do(house.attempts.record, second, EVENTS[:1])
    assert len(told(do, streams, second).events) == 1


def test_a_failure_is_told_with_the_end(
    house: SimpleNamespace, do: Do, streams: Streams, claimed: Callable[..., Run]
) -> None:
    run = claimed(stream_resumable=True)
    assert run.recorded, "what is to be resumed is recorded"
    do(house.attempts.finish, run, Outcome(RunStatus.ERROR, error=RunError("ValueError", "no „luck“")))
    _, error, done = told(do, streams, run).events
    assert (error.event, done.event) == ("error", "run_done")
    assert json.loads(error.data) == {"error": "ValueError", "message": "no „luck“"}


def test_a_run_whose_workers_were_all_lost_tells_of_it(
    house: SimpleNamespace, do: Do, streams: Streams, claimed: Callable[..., Run], clock: FakeClock
) -> None:
    run = claimed(recorded=True)
    for _ in range(3):
        clock.advance(seconds=31)
        do(house.attempts.claim, "worker", LEASE, 1)
    assert named(told(do, streams, run)) == ["protocol/lifecycle", "error", "run_done"]


def test_of_a_run_that_nobody_follows_nothing_is_written(
    house: SimpleNamespace, do: Do, streams: Streams, claimed: Callable[..., Run]
) -> None:
    run = claimed()
    do(house.attempts.finish, run, DONE)
    assert told(do, streams, run) == Followed([], over=True)
    other = claimed()
    do(house.attempts.finish, other, DONE, recorded=True)
    assert named(told(do, streams, other)) == ["protocol/lifecycle", "run_done"]


def test_the_end_of_a_run_that_was_rolled_back_is_told_to_its_thread(
    house: SimpleNamespace, do: Do, streams: Streams, claimed: Callable[..., Run]
) -> None:
    run = claimed(recorded=True)
    do(house.runs.cancel, "", run.thread_id, run.run_id, CancelAction.ROLLBACK)
    do(house.attempts.finish, run, Outcome(RunStatus.INTERRUPTED))
    assert told(do, streams, run).over
    of_thread = told(do, streams, run, run_id=None)
    assert (named(of_thread), of_thread.over) == (["protocol/lifecycle", "run_done"], False)


def test_events_are_kept_for_a_minute_and_those_of_a_resumable_run_for_an_hour(
    house: SimpleNamespace, do: Do, streams: Streams, claimed: Callable[..., Run], clock: FakeClock
) -> None:
    once = claimed(recorded=True)
    do(house.attempts.finish, once, DONE)
    kept = claimed(stream_resumable=True)
    do(house.attempts.finish, kept, DONE)
    clock.advance(seconds=59)
    do(house.attempts.sweep)
    assert [len(told(do, streams, run).events) for run in (once, kept)] == [2, 2]
    clock.advance(seconds=2)
    do(house.attempts.sweep)
    assert [len(told(do, streams, run).events) for run in (once, kept)] == [0, 2]
    clock.advance(hours=1)
    do(house.attempts.sweep)
    assert told(do, streams, kept).events == []


def test_who_joins_is_told_from_where_they_say_if_the_run_is_resumable(
    house: SimpleNamespace, do: Do, streams: Streams, claimed: Callable[..., Run]
) -> None:
    def joined(run: Run, last_event_id: str) -> list[str]:
        _, follower = do(streams.of_run, "", run.thread_id, run.run_id, last_event_id)
        return [event.data for event in do(streams.following, follower, follower.after, 100).events]

    once = claimed(recorded=True)
    do(house.attempts.record, once, EVENTS)
    first = told(do, streams, once).events[0].seq
    assert [joined(once, each) for each in ("", "-1", str(first))] == [[], [], []]
    do(house.attempts.finish, once, DONE)
    kept = claimed(stream_resumable=True)
    do(house.attempts.record, kept, EVENTS)
    first = told(do, streams, kept).events[0].seq
    everything = [event.data for event in EVENTS]
    assert [joined(kept, each) for each in ("", "-1", "0", str(first))] == [[], everything, everything, everything[1:]]


@pytest.mark.parametrize("wrong", ["x", "-2", "1.0", "٣", "9" * 19, "9" * 400])
def test_an_id_that_no_event_has_is_refused(
    do: Do, streams: Streams, claimed: Callable[..., Run], thread_id: str, wrong: str
) -> None:
    run = claimed()
    for join in (lambda tx: streams.of_run(tx, "", thread_id, run.run_id, wrong),
                 lambda tx: streams.of_thread(tx, "", thread_id, wrong)):  # fmt: skip
        with pytest.raises(InvalidField) as caught:
            do(join)
        assert caught.value.field == "last_event_id"


def test_nobody_follows_what_is_not_theirs(do: Do, streams: Streams, claimed: Callable[..., Run]) -> None:
    run = claimed()
    with pytest.raises(NotFound):
        do(streams.of_run, "bob", run.thread_id, run.run_id, "")
    with pytest.raises(NotFound):
        do(streams.of_thread, "bob", run.thread_id, "")


def test_workers_hear_who_is_followed(database: Any, do: Do, streams: Streams, claimed: Callable[..., Run]) -> None:
    heard: list[str] = []
    database.listen(Topic.WATCHED, heard.append)
    run = claimed()
    do(streams.watch, streams.of_new_run(run))
    do(streams.watch, do(streams.of_thread, "", run.thread_id, ""))
    do(lambda tx: None)  # notices are told before the next write is carried out
    assert heard == [run.run_id, run.thread_id]


def test_a_batch_is_made_whole_or_not_at_all(house: SimpleNamespace, do: Do) -> None:
    made = do(house.runs.create_many, "", [run_draft(), run_draft(metadata='{"n": 1}')])
    assert [run.status for run in made] == [RunStatus.PENDING] * 2
    for drafts, field in (
        ([], "runs"),
        ([run_draft()] * 1001, "runs"),
        ([run_draft(), run_draft(assistant_id="")], "runs[1].assistant_id"),
    ):
        with pytest.raises(InvalidField) as caught:
            do(house.runs.create_many, "", drafts)
        assert caught.value.field == field
        assert str(caught.value).startswith(field)
    assert len(do(lambda tx: tx.runs.active_of_owner("", None))) == 2


def test_runs_are_cancelled_together(
    house: SimpleNamespace, do: Do, claimed: Callable[..., Run], thread_id: str
) -> None:
    running = claimed()
    pending = [do(house.runs.create, "", thread_id, run_draft()) for _ in range(3)]
    stateless = do(house.runs.create, "", None, run_draft())

    def cancel(**selection: Any) -> None:
        do(house.runs.cancel_many, "", RunSelection(**selection), CancelAction.INTERRUPT)

    def status(run: Run) -> RunStatus:
        return do(lambda tx: tx.runs.find(run.run_id)).status

    cancel(thread_id=thread_id, run_ids=(pending[0].run_id, stateless.run_id))
    assert [status(run) for run in (*pending, stateless)] == ["interrupted", "pending", "pending", "pending"]
    with pytest.raises(NotFound):
        cancel(thread_id=thread_id, run_ids=(pending[0].run_id,))
    cancel(every=True, status=RunStatus.PENDING)
    assert [status(run) for run in (*pending, stateless, running)] == [*["interrupted"] * 4, "running"]
    cancel(every=True)
    assert do(lambda tx: tx.runs.find(running.run_id)).cancel is CancelAction.INTERRUPT
    for wrong in (
        {},
        {"run_ids": ("x",)},
        {"thread_id": thread_id, "run_ids": ("x",)},
        {"every": True, "run_ids": ("x",)},
    ):
        with pytest.raises(InvalidField):
            cancel(**wrong)
    with pytest.raises(NotFound):
        do(house.runs.cancel_many, "bob", RunSelection(every=True), CancelAction.INTERRUPT)


def test_who_leaves_cancels_a_run_once_at_most(house: SimpleNamespace, do: Do, claimed: Callable[..., Run]) -> None:
    run = claimed()
    do(house.runs.leave, "", run.thread_id, run.run_id)
    assert do(lambda tx: tx.runs.find(run.run_id)).cancel is CancelAction.INTERRUPT
    do(house.attempts.finish, run, Outcome(RunStatus.INTERRUPTED))
    do(house.runs.leave, "", run.thread_id, run.run_id)


@pytest.mark.parametrize(
    ("draft", "place"),
    [
        ({}, {}),
        ({"checkpoint": "{}"}, {}),
        ({"checkpoint": '{"checkpoint_id": null, "checkpoint_ns": ""}'}, {}),
        (
            {"checkpoint_id": PLACE},
            {"checkpoint_id": PLACE},
        ),
        (
            {"checkpoint": f'{{"thread_id": "t", "checkpoint_ns": "", "checkpoint_id": "{PLACE}"}}'},
            {"checkpoint_id": PLACE, "checkpoint_ns": ""},
        ),
    ],
)
def test_where_a_run_goes_on_from_is_part_of_its_config(
    house: SimpleNamespace, do: Do, thread_id: str, draft: dict[str, str], place: dict[str, str]
) -> None:
    run = do(house.runs.create, "", thread_id, replace(run_draft(), **draft))
    configurable = json.loads(run.kwargs)["config"]["configurable"]
    assert {name: value for name, value in configurable.items() if name.startswith("checkpoint")} == place
    assert configurable["thread_id"] == thread_id


@pytest.mark.parametrize(
    ("draft", "field"),
    [
        ({"checkpoint": "[]"}, "checkpoint"),
        ({"checkpoint": '{"checkpoint_id": 1}'}, "checkpoint_id"),
        ({"checkpoint_id": "x"}, "checkpoint_id"),
        ({"checkpoint_id": "x", "checkpoint": '{"checkpoint_id": "x"}'}, "checkpoint_id"),
        (
            {"checkpoint": f'{{"checkpoint_id": "{PLACE}", "checkpoint_ns": 1}}'},
            "checkpoint.checkpoint_ns",
        ),
        (
            {"checkpoint": f'{{"checkpoint_id": "{PLACE}", "checkpoint_map": 1}}'},
            "checkpoint.checkpoint_map",
        ),
    ],
)
def test_a_place_that_is_none_is_refused(
    house: SimpleNamespace, do: Do, thread_id: str, draft: dict[str, str], field: str
) -> None:
    with pytest.raises(InvalidField) as caught:
        do(house.runs.create, "", thread_id, replace(run_draft(), **draft))
    assert caught.value.field == field
