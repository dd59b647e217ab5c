"""Commands of the thread-centric protocol, and where who follows a thread begins."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from builders import FakeClock, run_draft
from cronlane_service.domain import protocol
from cronlane_service.domain.errors import InvalidField, NotFound, ThreadBusy
from cronlane_service.domain.events import RunEvent
from cronlane_service.domain.runs import CancelAction, MultitaskStrategy, Outcome, Run, RunError, RunStatus
from cronlane_service.usecases.protocol import Protocol
from cronlane_service.usecases.streams import Streams

Do = Callable[..., Any]
THREAD = "01900000-0000-7000-8000-0000000000aa"
LEASE = timedelta(seconds=30)
DONE = Outcome(RunStatus.SUCCESS, values="{}")
ASKS = Outcome(RunStatus.SUCCESS, values="{}", interrupts='{"t":[{"id":"i1","value":"Well?"}]}', stopped=True)


@pytest.fixture
def commands(clock: FakeClock, house: SimpleNamespace) -> Protocol:
    return Protocol(clock, house.runs)


@pytest.fixture
def start(commands: Protocol, do: Do) -> Callable[..., Run]:
    def start(**draft: Any) -> Run:
        run: Run = do(commands.start, "", THREAD, run_draft(**draft)).run
        return run

    return start


@pytest.fixture
def claimed(start: Callable[..., Run], house: SimpleNamespace, do: Do) -> Callable[..., Run]:
    """A run that has told one event."""

    def claimed(**draft: Any) -> Run:
        start(**draft)
        [run] = do(house.attempts.claim, "worker", LEASE, 1)
        assert do(house.attempts.record, run, [protocol.begun(run)])
        return run

    return claimed


@pytest.fixture
def told(commands: Protocol, do: Do) -> Callable[..., list[tuple[str, Any]]]:
    """What somebody is told who comes now."""

    def told(since: int | None = None, owner: str = "") -> list[tuple[str, Any]]:
        follower = do(commands.follow, owner, THREAD, since)
        kept = do(Streams().following, follower, follower.after, 100).events
        events = [event for event in map(protocol.told, kept) if event is not None]
        return [(event.method, json.loads(event.data)) for event in events]

    return told


def test_a_run_is_started_with_all_channels_and_makes_its_thread(start: Callable[..., Run]) -> None:
    run = start(input='{"n": 1.0}', metadata='{"m": 1}')
    kwargs = json.loads(run.kwargs)
    assert (kwargs["input"], kwargs["command"], kwargs["subgraphs"], kwargs["resumable"]) == (
        {"n": 1.0},
        None,
        True,
        True,
    )
    assert protocol.speaks(kwargs["stream_mode"])
    assert run.recorded
    assert run.thread_id == THREAD
    assert json.loads(run.metadata)["m"] == 1


def test_a_busy_thread_rejects_a_run_that_wants_to_be(start: Callable[..., Run]) -> None:
    start()
    with pytest.raises(ThreadBusy):
        start(multitask_strategy=MultitaskStrategy.REJECT)


def test_a_run_says_what_was_told_before_it(
    commands: Protocol, claimed: Callable[..., Run], house: SimpleNamespace, do: Do
) -> None:
    assert do(commands.start, "", "01900000-0000-7000-8000-0000000000bb", run_draft()).after == 0
    do(house.attempts.claim, "worker", LEASE, 1)
    first = claimed()
    do(house.attempts.finish, first, DONE)
    second = do(commands.start, "", THREAD, run_draft())
    [*_, last] = do(Streams().following, do(commands.follow, "", THREAD, 0), 0, 100).events
    assert second.after == last.seq


def test_the_answer_to_a_question_goes_on_with_the_run(
    commands: Protocol, claimed: Callable[..., Run], house: SimpleNamespace, do: Do
) -> None:
    do(house.attempts.finish, claimed(), ASKS)
    more = run_draft(input=None, command='{"update":{"n":1.0}}')
    run = do(commands.respond, "", THREAD, {"i1": '"yes"'}, more).run
    assert json.loads(run.kwargs)["command"] == {"update": {"n": 1.0}, "resume": {"i1": "yes"}}
    for again in ("i1", "i2"):
        with pytest.raises(NotFound) as caught:
            do(commands.respond, "", THREAD, {again: '"yes"'}, run_draft(input=None))
        assert (caught.value.kind, caught.value.name) == ("interrupt", again)
    with pytest.raises(InvalidField):
        do(commands.respond, "", THREAD, {}, run_draft(input=None))


def test_the_input_of_a_run_answers_what_its_thread_asks(
    claimed: Callable[..., Run], start: Callable[..., Run], house: SimpleNamespace, do: Do
) -> None:
    do(house.attempts.finish, claimed(), ASKS)
    kwargs = json.loads(start(input='"yes"').kwargs)
    assert (kwargs["input"], kwargs["command"]) == (None, {"resume": "yes"})


def test_who_comes_is_told_the_whole_run_under_way(
    claimed: Callable[..., Run], told: Callable[..., Any], house: SimpleNamespace, do: Do, clock: FakeClock
) -> None:
    do(house.attempts.finish, claimed(), DONE)
    clock.advance(seconds=20)
    run = claimed()
    do(house.attempts.record, run, [RunEvent(protocol.name("values"), "{}")])
    assert told() == [("lifecycle", {"event": "running", "graph_name": "agent"}), ("values", {})]
    assert len(told(since=0)) == 4, "and everything, if they say so"


def test_of_a_run_that_has_just_ended_everything_is_told(
    claimed: Callable[..., Run], told: Callable[..., Any], house: SimpleNamespace, do: Do, clock: FakeClock
) -> None:
    do(house.attempts.finish, claimed(), DONE)
    assert [data["event"] for _, data in told()] == ["running", "completed"]
    clock.advance(seconds=6)
    assert told() == []


def test_what_is_asked_is_told_until_it_is_answered(
    claimed: Callable[..., Run], told: Callable[..., Any], house: SimpleNamespace, do: Do, clock: FakeClock
) -> None:
    do(house.attempts.finish, claimed(), ASKS)
    clock.advance(seconds=600)
    _, asked, end = told()
    assert asked == ("input.requested", {"interrupt_id": "i1", "payload": "Well?", "value": "Well?"})
    assert end == ("lifecycle", {"event": "interrupted", "graph_name": "agent"})


@pytest.mark.parametrize(
    ("outcome", "error"),
    [
        (Outcome(RunStatus.ERROR, error=RunError("ValueError", "no luck")), "no luck"),
        (Outcome(RunStatus.ERROR, error=RunError("ValueError", "")), "ValueError"),
    ],
)
def test_a_run_that_did_not_end_well_has_failed(
    claimed: Callable[..., Run], told: Callable[..., Any], house: SimpleNamespace, do: Do, outcome: Outcome, error: str
) -> None:
    do(house.attempts.finish, claimed(), outcome)
    assert told()[-1] == ("lifecycle", {"event": "failed", "error": error, "graph_name": "agent"})


def test_a_run_that_is_cancelled_is_interrupted(
    claimed: Callable[..., Run], told: Callable[..., Any], house: SimpleNamespace, do: Do
) -> None:
    do(house.attempts.finish, claimed(), Outcome(RunStatus.INTERRUPTED))
    assert told()[1:] == [("lifecycle", {"event": "interrupted", "graph_name": "agent"})]


def test_a_run_that_is_cancelled_before_it_began_tells_its_end(
    start: Callable[..., Run], told: Callable[..., Any], house: SimpleNamespace, do: Do
) -> None:
    run = start()
    do(house.runs.cancel, "", THREAD, run.run_id, CancelAction.INTERRUPT)
    assert told() == [("lifecycle", {"event": "interrupted", "graph_name": "agent"})]


def test_a_thread_can_be_followed_before_it_is_made(
    commands: Protocol, claimed: Callable[..., Run], do: Do, told: Callable[..., Any]
) -> None:
    follower = do(commands.follow, "", THREAD, None)
    assert not do(Streams().following, follower, follower.after, 100).over
    claimed()
    assert len(do(Streams().following, follower, follower.after, 100).events) == 1
    assert told(owner="somebody else") == []


@pytest.mark.parametrize("since", [-1, 2**63])
def test_a_seq_that_no_event_has_is_refused(commands: Protocol, do: Do, since: int) -> None:
    with pytest.raises(InvalidField):
        do(commands.follow, "", THREAD, since)


def test_an_id_of_no_thread_is_refused(commands: Protocol, do: Do) -> None:
    with pytest.raises(InvalidField):
        do(commands.follow, "", "nope", None)
    with pytest.raises(InvalidField):
        do(commands.start, "", "nope", run_draft())
