"""Threads: pruned, copied, ended, and shown as their state was written."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from builders import FakeClock, cron_draft, run_draft
from cronlane_service.domain.drafts import AssistantDraft, ThreadDraft
from cronlane_service.domain.errors import InvalidField, NotFound, ThreadBusy, ThreadHasNoGraph
from cronlane_service.domain.lifetimes import EARLIER, PruneStrategy, Ttl
from cronlane_service.domain.models import Checkpoint, Thread, ThreadStatus
from cronlane_service.domain.runs import Outcome, RunError, RunStatus
from cronlane_service.domain.states import StateUpdate, Updated

Do = Callable[..., Any]
NOBODY = "00000000-0000-4000-8000-0000000000ff"
HOUR = Ttl(timedelta(hours=1))
PLACE = Checkpoint(NOBODY, "", "c")


def thread(house: SimpleNamespace, do: Do, **draft: Any) -> Thread:
    made: Thread = do(house.threads.create, "", ThreadDraft(**draft))
    return made


def purges(do: Do) -> list[tuple[str, str]]:
    return list(do(lambda tx: tx.purges.list(100)))


def there(house: SimpleNamespace, do: Do, made: Thread) -> bool:
    return bool(do(lambda tx: tx.threads.find([made.thread_id])))


def test_a_thread_ends_when_its_time_is_over(house: SimpleNamespace, do: Do, clock: FakeClock) -> None:
    short, long, endless = (thread(house, do, ttl=ttl) for ttl in (HOUR, Ttl(timedelta(days=1)), None))
    cron = do(house.crons.create, "", cron_draft(thread_id=short.thread_id))
    clock.advance(minutes=59)
    assert do(house.threads.expire) == 0
    clock.advance(minutes=1)
    assert do(house.threads.expire) == 1
    assert [there(house, do, each) for each in (short, long, endless)] == [False, True, True]
    assert purges(do) == [(short.thread_id, "")]
    with pytest.raises(NotFound):
        do(house.crons.get, "", cron.cron_id)


def test_an_update_renews_a_thread(house: SimpleNamespace, do: Do, clock: FakeClock) -> None:
    made = thread(house, do, ttl=HOUR)
    clock.advance(minutes=50)
    do(house.threads.update, "", made.thread_id, '{"a":1}')
    clock.advance(minutes=50)
    assert do(house.threads.expire) == 0
    clock.advance(minutes=10)
    assert do(house.threads.expire) == 1


def test_a_run_renews_a_thread_and_keeps_it_meanwhile(
    house: SimpleNamespace, do: Do, clock: FakeClock, work: Callable[..., Any]
) -> None:
    made = thread(house, do, ttl=HOUR)
    clock.advance(minutes=50)
    do(house.runs.create, "", made.thread_id, run_draft())
    clock.advance(hours=3)
    assert do(house.threads.expire) == 0
    work()
    clock.advance(minutes=59)
    assert do(house.threads.expire) == 0
    clock.advance(minutes=1)
    assert do(house.threads.expire) == 1


def test_a_thread_that_is_to_be_kept_loses_its_past_once(house: SimpleNamespace, do: Do, clock: FakeClock) -> None:
    made = thread(house, do, ttl=Ttl(timedelta(hours=1), PruneStrategy.KEEP_LATEST))
    clock.advance(hours=2)
    assert do(house.threads.expire) == 1
    assert do(house.threads.expire) == 0
    assert purges(do) == [(made.thread_id, EARLIER)]
    assert there(house, do, made)
    do(house.threads.update, "", made.thread_id, "{}")
    clock.advance(hours=2)
    assert do(house.threads.expire) == 1


def test_many_threads_end_in_small_batches(house: SimpleNamespace, do: Do, clock: FakeClock) -> None:
    for _ in range(5):
        thread(house, do, ttl=HOUR)
    clock.advance(hours=2)
    assert [do(house.threads.expire, 2) for _ in range(4)] == [2, 2, 1, 0]


def test_a_ttl_can_be_changed_and_removed(house: SimpleNamespace, do: Do, clock: FakeClock) -> None:
    made = thread(house, do, ttl=HOUR, metadata='{"a":1}')
    changed = do(house.threads.update, "", made.thread_id, None, "", Ttl(timedelta(hours=2)))
    assert (changed.ttl, changed.metadata) == (Ttl(timedelta(hours=2)), '{"a":1}')
    clock.advance(minutes=90)
    assert do(house.threads.expire) == 0
    do(house.threads.update, "", made.thread_id, None, "", Ttl())
    clock.advance(days=999)
    assert do(house.threads.expire) == 0
    assert do(house.threads.get, "", made.thread_id).ttl is None


@pytest.mark.parametrize("after", [timedelta(0), timedelta(minutes=-1), timedelta(days=36526)])
def test_a_ttl_out_of_bounds_is_refused(house: SimpleNamespace, do: Do, after: timedelta) -> None:
    with pytest.raises(InvalidField, match="ttl"):
        thread(house, do, ttl=Ttl(after))
    made = thread(house, do)
    with pytest.raises(InvalidField, match="ttl"):
        do(house.threads.update, "", made.thread_id, None, "", Ttl(after))


def test_an_update_without_anything_moves_updated_at(house: SimpleNamespace, do: Do, clock: FakeClock) -> None:
    made = thread(house, do)
    later = clock.advance(minutes=1)
    changed = do(house.threads.update, "", made.thread_id, None)
    assert (changed.updated_at, changed.state_updated_at, changed.metadata) == (later, made.state_updated_at, "{}")


def test_threads_are_pruned_with_all_that_is_on_them(house: SimpleNamespace, do: Do) -> None:
    made, other = thread(house, do), thread(house, do)
    run = do(house.runs.create, "", made.thread_id, run_draft())
    ids = [made.thread_id, NOBODY, made.thread_id.upper()]
    assert do(house.threads.prune, "", ids, PruneStrategy.DELETE) == [made.thread_id]
    assert (there(house, do, made), there(house, do, other)) == (False, True)
    assert do(lambda tx: tx.runs.find(run.run_id)) is None
    assert purges(do) == [(made.thread_id, "")]


def test_another_owners_threads_are_not_pruned(house: SimpleNamespace, do: Do) -> None:
    made = thread(house, do)
    assert do(house.threads.prune, "bob", [made.thread_id], PruneStrategy.DELETE) == []
    assert there(house, do, made)


def test_only_idle_threads_can_lose_their_past(house: SimpleNamespace, do: Do) -> None:
    busy, idle = thread(house, do), thread(house, do)
    do(house.runs.create, "", busy.thread_id, run_draft())
    ids = [busy.thread_id, idle.thread_id]
    assert do(house.threads.prune, "", ids, PruneStrategy.KEEP_LATEST) == [idle.thread_id]
    assert purges(do) == []


@pytest.mark.parametrize("ids", [["nope"], [NOBODY] * 1001])
def test_wrong_ids_prune_nothing(house: SimpleNamespace, do: Do, ids: list[str]) -> None:
    made = thread(house, do)
    with pytest.raises(InvalidField, match="thread"):
        do(house.threads.prune, "", [made.thread_id, *ids], PruneStrategy.DELETE)
    assert there(house, do, made)


def test_a_copy_shows_what_the_thread_showed(
    house: SimpleNamespace, do: Do, clock: FakeClock, work: Callable[..., Any]
) -> None:
    made = thread(house, do, metadata='{"a":1}', ttl=HOUR)
    do(house.runs.create, "", made.thread_id, run_draft())
    work(Outcome(RunStatus.SUCCESS, '{"n":1}', '{"t":[]}', stopped=True))
    source, later = do(house.threads.get, "", made.thread_id), clock.advance(minutes=5)
    copy = do(house.threads.add, house.threads.copied(source))
    assert do(house.threads.get, "", copy.thread_id) == copy
    assert copy.thread_id[14] == "4"
    assert (copy.values, copy.interrupts, copy.status) == ('{"n":1}', '{"t":[]}', ThreadStatus.INTERRUPTED)
    assert (copy.metadata, copy.config, copy.ttl) == (source.metadata, "{}", None)
    assert {copy.created_at, copy.updated_at, copy.state_updated_at} == {later}


def test_a_copy_of_a_busy_thread_is_idle(house: SimpleNamespace, do: Do, work: Callable[..., Any]) -> None:
    made = thread(house, do)
    do(house.runs.create, "", made.thread_id, run_draft())
    work(Outcome(RunStatus.ERROR, '{"n":1}', error=RunError("E", "m")))
    do(house.runs.create, "", made.thread_id, run_draft())
    copy = house.threads.copied(do(house.threads.get, "", made.thread_id))
    assert (copy.status, copy.error, copy.values) == (ThreadStatus.IDLE, None, '{"n":1}')


def test_checkpoints_of_a_copy_that_did_not_come_to_be_go(house: SimpleNamespace, do: Do) -> None:
    made = thread(house, do)
    do(house.threads.discard, made.thread_id)
    do(house.threads.discard, NOBODY)
    assert purges(do) == [(NOBODY, "")]


def test_state_can_be_written_where_a_graph_is_and_no_run(
    house: SimpleNamespace, do: Do, work: Callable[..., Any]
) -> None:
    made = thread(house, do)
    with pytest.raises(ThreadHasNoGraph):
        do(house.threads.to_update, "", made.thread_id)
    run = do(house.runs.create, "", made.thread_id, run_draft())
    with pytest.raises(ThreadBusy, match=run.run_id):
        do(house.threads.to_update, "", made.thread_id)
    work()
    assert do(house.threads.to_update, "", made.thread_id)[1] == "agent"


def test_a_thread_shows_the_state_that_was_written(
    house: SimpleNamespace, do: Do, clock: FakeClock, work: Callable[..., Any]
) -> None:
    made = thread(house, do)
    do(house.runs.create, "", made.thread_id, run_draft())
    work(Outcome(RunStatus.ERROR, '{"n":1}', error=RunError("E", "m")))
    later = clock.advance(minutes=1)
    left = Updated(PLACE, Outcome(RunStatus.SUCCESS, '{"n":2}', "{}", stopped=True), '{"next":["a"]}')
    shown = do(house.threads.updated, "", made.thread_id, left)
    assert shown == do(house.threads.get, "", made.thread_id)
    assert (shown.values, shown.status, shown.error) == ('{"n":2}', ThreadStatus.INTERRUPTED, None)
    assert (shown.updated_at, shown.state_updated_at) == (later, later)
    do(house.runs.create, "", made.thread_id, run_draft())
    assert do(house.threads.updated, "", made.thread_id, left).status is ThreadStatus.BUSY


def test_a_thread_does_not_show_what_a_run_was_configured_with(house: SimpleNamespace, do: Do) -> None:
    assistant = do(house.assistants.create, "", AssistantDraft("agent", config='{"configurable":{"model":"m"}}'))
    config = '{"tags":["t"],"configurable":{"password":"p"}}'
    for more in ({"config": config}, {"config": '{"tags":["t"]}', "context": '{"password":"p"}'}):
        made = thread(house, do)
        run = do(house.runs.create, "", made.thread_id, run_draft(assistant_id=assistant.assistant_id, **more))
        shown = do(house.threads.get, "", made.thread_id)
        assert json.loads(shown.config) == {"tags": ["t"], "configurable": {"model": "m"}}
        assert json.loads(run.kwargs)["config"]["configurable"].items() >= {"model": "m", "password": "p"}.items()


def test_who_follows_a_thread_is_told_the_state_that_was_written_for_a_minute(
    house: SimpleNamespace, do: Do, clock: FakeClock
) -> None:
    made = thread(house, do)

    def told() -> list[tuple[str, str]]:
        events = do(lambda tx: tx.events.of_thread("", made.thread_id, 0, 10))
        return [(event.event, event.data) for event in events]

    do(house.threads.updated, "", made.thread_id, Updated(PLACE, Outcome(RunStatus.SUCCESS, "{}"), '{"next":["a"]}'))
    assert told() == [("state_update", f'{{"state":{{"next":["a"]}},"thread_id":"{made.thread_id}"}}')]
    clock.advance(seconds=61)
    do(house.attempts.sweep)
    assert told() == []


def test_state_written_to_a_thread_that_is_gone_goes_too(house: SimpleNamespace, do: Do) -> None:
    assert do(house.threads.updated, "", NOBODY, Updated(PLACE, Outcome(RunStatus.SUCCESS, "{}"), "{}")) is None
    assert purges(do) == [(NOBODY, "")]


STEP = StateUpdate('{"n":1}', "node")


@pytest.mark.parametrize(
    ("steps", "field"),
    [
        (((),), "supersteps[0].updates"),
        (((STEP,), (StateUpdate("{}"),)), "supersteps[1].updates[0].as_node"),
        (((STEP, StateUpdate("1", "node")),), "supersteps[0].updates[1].values"),
        (((StateUpdate(None, "node", "[]"),),), "supersteps[0].updates[0].command"),
        (((StateUpdate("{}", "node", "{}"),),), "supersteps[0].updates[0].command"),
    ],
)
def test_a_wrong_superstep_is_named_and_nothing_is_made(house: SimpleNamespace, do: Do, steps: Any, field: str) -> None:
    with pytest.raises(InvalidField) as caught:
        thread(house, do, thread_id=NOBODY, metadata='{"graph_id":"agent"}', supersteps=steps)
    assert caught.value.field == field
    with pytest.raises(NotFound):
        do(house.threads.get, "", NOBODY)


@pytest.mark.parametrize("metadata", [None, "{}", '{"graph_id":7}'])
def test_supersteps_need_a_graph(house: SimpleNamespace, do: Do, metadata: str | None) -> None:
    with pytest.raises(ThreadHasNoGraph):
        thread(house, do, metadata=metadata, supersteps=((STEP,),))


def test_it_is_told_whether_a_thread_was_made(house: SimpleNamespace, do: Do) -> None:
    draft = ThreadDraft(thread_id=NOBODY, if_exists_do_nothing=True)
    request = "00000000-0000-4000-8000-000000000001"
    assert do(house.threads.found_or_made, "", draft, request)[1]
    assert not do(house.threads.found_or_made, "", draft, request)[1]
    assert not do(house.threads.found_or_made, "", draft)[1]
