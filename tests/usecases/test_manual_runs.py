"""Runs that somebody asks for, and the ledger as it is read."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
import uuid_utils

from builders import NOON, run_draft
from cronlane_service.domain.drafts import ThreadDraft
from cronlane_service.domain.errors import InvalidField, NotFound, RequestIdReused, ThreadBusy
from cronlane_service.domain.models import TickOutcome
from cronlane_service.domain.policies import CatchUp, Overlap
from cronlane_service.domain.queries import TickQuery
from cronlane_service.domain.runs import MultitaskStrategy
from cronlane_service.usecases.ledger import Ledger
from cronlane_service.usecases.manual_runs import ManualRuns

MINUTE, SECOND = timedelta(minutes=1), timedelta(seconds=1)
ANYBODY = "00000000-0000-7000-8000-00000000ffff"


@pytest.fixture
def manual(clock):
    return ManualRuns(clock, lambda: str(uuid_utils.uuid7()))


@pytest.fixture
def ledger(do):
    def ledger(cron):
        ticks = do(lambda tx: tx.ticks.of_cron(cron.cron_id))
        return [((tick.scheduled_for - NOON) / MINUTE, tick.outcome.value) for tick in ticks]

    return ledger


def counters(house, do, cron):
    found = do(house.crons.get, "", cron.cron_id).counters
    return found.fired, found.missed, found.skipped


def test_a_triggered_run_is_outside_the_schedule(house, create, do, clock, manual, ledger) -> None:
    cron = create(max_runs=1)
    runs = [do(manual.trigger, "", cron.cron_id) for _ in range(2)]
    assert len({run.run_id for run in runs}) == 2
    assert {run.cron_id for run in runs} == {cron.cron_id}
    assert [outcome for _, outcome in ledger(cron)] == ["triggered", "triggered"]
    assert counters(house, do, cron) == (0, 0, 0)
    after = do(house.crons.get, "", cron.cron_id)
    assert (after.next_run_date, after.etag) == (cron.next_run_date, cron.etag)
    clock.advance(minutes=1)
    assert len(do(house.ticks.fire, NOON).runs) == 1


def test_the_same_request_triggers_once(create, do, manual, ledger) -> None:
    cron, other = create(), create()
    request_id = str(uuid.uuid4())
    first, again = (do(manual.trigger, "", cron.cron_id, request_id) for _ in range(2))
    assert first == again
    assert len(ledger(cron)) == 1
    with pytest.raises(RequestIdReused):
        do(manual.trigger, "", other.cron_id, request_id)


def test_a_paused_cron_and_one_that_skips_can_be_triggered(house, create, do, manual) -> None:
    cron = create(overlap=Overlap.SKIP, enabled=False)
    assert [do(manual.trigger, "", cron.cron_id).queued for _ in range(2)] == [False, False]


def test_a_busy_thread_can_reject_a_triggered_run(house, create, do, manual, ledger) -> None:
    thread = do(house.threads.create, "", ThreadDraft())
    cron = create(thread_id=thread.thread_id, multitask_strategy=MultitaskStrategy.REJECT)
    do(house.runs.create, "", thread.thread_id, run_draft())
    with pytest.raises(ThreadBusy):
        do(manual.trigger, "", cron.cron_id)
    assert ledger(cron) == []


def test_nobodys_cron_cannot_be_triggered_or_backfilled(do, create, manual) -> None:
    mine = create()
    for cron_id, owner in ((ANYBODY, ""), (mine.cron_id, "ann")):
        with pytest.raises(NotFound):
            do(manual.trigger, owner, cron_id)
        with pytest.raises(NotFound):
            do(manual.backfill, owner, cron_id, NOON, NOON)


def test_a_backfill_runs_what_was_not_run(house, create, do, clock, manual, ledger) -> None:
    cron = create()
    clock.advance(minutes=2)
    do(house.ticks.fire, NOON)
    clock.advance(minutes=4)
    do(house.ticks.fire, clock.now() + SECOND)
    assert [outcome for _, outcome in ledger(cron)] == ["fired", "fired", "missed", "missed", "missed", "fired"]
    done = do(manual.backfill, "", cron.cron_id, NOON - 2 * MINUTE, clock.now())
    assert [(tick.scheduled_for - NOON) / MINUTE for tick in done.ticks] == [-2, -1, 0, 3, 4, 5]
    assert all(tick.run_id and tick.reason == "backfilled" for tick in done.ticks)
    assert done.already_run == 3
    assert ledger(cron) == [(n, "fired") for n in range(-2, 7)]
    assert counters(house, do, cron) == (9, 0, 0)
    again = do(manual.backfill, "", cron.cron_id, NOON - 2 * MINUTE, clock.now())
    assert (again.ticks, again.already_run) == ([], 9)


def test_the_same_backfill_twice_creates_nothing_twice(create, do, clock, manual) -> None:
    cron = create()
    request_id = str(uuid.uuid4())
    asked = ("", cron.cron_id, NOON - 5 * MINUTE, NOON - MINUTE, request_id)
    first = do(manual.backfill, *asked)
    assert len(first.ticks) == 5
    clock.advance(seconds=1)
    assert do(manual.backfill, *asked) == first


def test_a_backfill_leaves_to_the_scheduler_what_it_has_to_decide(create, do, clock, manual, ledger, house) -> None:
    cron = create()
    clock.advance(minutes=3)
    assert do(manual.backfill, "", cron.cron_id, NOON, clock.now()).ticks[-1].scheduled_for == NOON
    assert len(do(house.ticks.fire, NOON).runs) == 3
    assert ledger(cron) == [(n, "fired") for n in range(4)]


def test_what_was_backfilled_while_paused_is_not_missed_when_it_goes_on(house, create, do, clock, manual, ledger):
    cron = create()
    do(house.crons.pause, "", cron.cron_id, None)
    clock.advance(minutes=5)
    do(manual.backfill, "", cron.cron_id, NOON + 2 * MINUTE, NOON + 3 * MINUTE)
    do(house.crons.resume, "", cron.cron_id, None)
    assert [outcome for _, outcome in ledger(cron)] == ["missed", "fired", "fired", "missed", "missed"]
    assert counters(house, do, cron) == (2, 3, 0)


def test_a_row_that_stands_for_many_ticks_keeps_those_that_were_not_backfilled(house, create, do, clock, manual):
    cron = create("* * * * * *")
    clock.advance(seconds=3000)
    do(house.ticks.fire, clock.now() + SECOND)
    closing = NOON + 1000 * SECOND
    do(manual.backfill, "", cron.cron_id, closing, closing + 99 * SECOND)
    ticks = {tick.scheduled_for: tick for tick in do(lambda tx: tx.ticks.of_cron(cron.cron_id))}
    assert ticks[closing].outcome is TickOutcome.FIRED
    rest = ticks[closing + 100 * SECOND]
    assert (rest.outcome, rest.count) == (TickOutcome.MISSED, 2999 - 999 - 100)
    assert sum(tick.count for tick in ticks.values()) == 3000
    assert counters(house, do, cron) == (101, 2899, 0)


def test_backfilled_runs_go_one_after_another_where_runs_must_not_overlap(create, do, manual, work) -> None:
    cron = create(overlap=Overlap.SKIP)
    done = do(manual.backfill, "", cron.cron_id, NOON - 3 * MINUTE, NOON - MINUTE)
    taken = [[run.run_id for run in work()] for _ in range(3)]
    assert taken == [[tick.run_id] for tick in done.ticks]


@pytest.mark.parametrize(
    ("start", "end", "problem"),
    [(0, 1, "future"), (-1, -2, "before"), (-2000, -1, "more than 1000")],
)
def test_a_backfill_has_bounds(create, do, manual, start, end, problem) -> None:
    cron = create()
    with pytest.raises(InvalidField, match=problem):
        do(manual.backfill, "", cron.cron_id, NOON + start * MINUTE, NOON + end * MINUTE)


def test_the_ledger_is_read_in_pages_oldest_first(house, create, do, clock) -> None:
    cron = create(catch_up=CatchUp.LATEST)
    clock.advance(minutes=7)
    do(house.ticks.fire, clock.now() + SECOND)
    pages, token = [], ""
    while True:
        page = do(Ledger().list, "", cron.cron_id, TickQuery(), 3, token)
        pages.append([(tick.scheduled_for - NOON) / MINUTE for tick in page.ticks])
        token = page.next_token
        if not token:
            break
    assert pages == [[1, 2, 3], [4, 5, 6], [7]]
    fired = do(Ledger().list, "", cron.cron_id, TickQuery(TickOutcome.FIRED), 3, "")
    assert [tick.scheduled_for for tick in fired.ticks] == [NOON + 7 * MINUTE]


def test_a_page_token_is_for_the_request_that_got_it(house, create, do, clock) -> None:
    cron = create()
    clock.advance(minutes=7)
    do(house.ticks.fire, NOON)
    token = do(Ledger().list, "", cron.cron_id, TickQuery(), 3, "").next_token
    for query, asked in ((TickQuery(TickOutcome.FIRED), token), (TickQuery(), "x"), (TickQuery(), token[:-5])):
        with pytest.raises(InvalidField) as refused:
            do(Ledger().list, "", cron.cron_id, query, 3, asked)
        assert refused.value.field == "page_token"
    with pytest.raises(InvalidField):
        do(Ledger().list, "", cron.cron_id, TickQuery(), 1001, "")


def test_the_ledger_outlives_the_cron_and_is_its_owners_alone(house, create, do, clock) -> None:
    cron, quiet = create(), create("0 0 1 1 *")
    clock.advance(minutes=1)
    do(house.ticks.fire, NOON)
    assert do(Ledger().list, "", quiet.cron_id, TickQuery(), 3, "").ticks == []
    do(house.crons.delete, "", cron.cron_id)
    assert len(do(Ledger().list, "", cron.cron_id, TickQuery(), 3, "").ticks) == 1
    for owner, cron_id in (("ann", cron.cron_id), ("", ANYBODY)):
        with pytest.raises(NotFound):
            do(Ledger().list, owner, cron_id, TickQuery(), 3, "")


def test_the_ledger_is_trimmed_after_its_time(house, create, do, clock, ledger) -> None:
    cron = create("0 * * * *")
    clock.advance(days=29)
    do(house.ticks.fire, NOON)
    clock.advance(days=2)
    do(house.ticks.fire, NOON)
    before = len(ledger(cron))
    assert do(house.attempts.sweep, 10) == 0
    clock.advance(days=29)
    while do(house.attempts.sweep, 10):
        pass
    assert 0 < len(ledger(cron)) < before
    assert counters(house, do, cron)[0] == before, "the counters stay"
