"""The scheduler thread: it fires on time, is woken by writes, and survives whatever happens to it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from builders import FakeClock, counting_ids, cron_draft
from cronlane_service.domain import timetable
from cronlane_service.domain.clock import SystemClock
from cronlane_service.domain.drafts import CronDraft, ThreadDraft
from cronlane_service.domain.errors import StoreUnavailable
from cronlane_service.domain.models import TickOutcome
from cronlane_service.domain.ports import Topic
from cronlane_service.domain.queries import RunQuery, Window
from cronlane_service.scheduler.scheduler import Scheduler
from cronlane_service.usecases.assistants import Assistants
from cronlane_service.usecases.crons import Crons
from cronlane_service.usecases.runs import Runs
from cronlane_service.usecases.threads import Threads
from cronlane_service.usecases.ticks import Ticks
from serving import wait_until

EACH_SECOND = "* * * * * *"


class House:
    """A thread of the agent's graph and what acts on it, on one clock."""

    def __init__(self, database: Any, do: Callable[..., Any], clock: Any) -> None:
        new_id = counting_ids()
        self._do = do
        self.ticks = Ticks(clock, new_id)
        self.crons, self.runs = Crons(clock, new_id), Runs(clock, new_id)
        do(Assistants(clock, counting_ids(), ["agent"]).sync)
        self.thread = do(Threads(clock, new_id).create, "", ThreadDraft())
        self.scheduler = Scheduler(database, self.ticks, clock)

    def cron(self, schedule: str) -> Any:
        return self._do(self.crons.create, "", cron_draft(schedule, thread_id=self.thread.thread_id))

    def made(self) -> list[Any]:
        return sorted(
            self._do(self.runs.list, "", self.thread.thread_id, RunQuery(), Window(limit=1000)),
            key=lambda run: run.run_id,
        )


@pytest.fixture
def live(database: Any, do: Callable[..., Any]) -> Iterator[House]:
    house = House(database, do, SystemClock())
    house.scheduler.start()
    yield house
    house.scheduler.stop()


@pytest.fixture
def fired(database: Any) -> Callable[[int], None]:
    """Waits for that many transactions that made runs."""
    seen = threading.Semaphore(0)
    database.listen(Topic.RUNS, lambda _key: seen.release())

    def wait(count: int) -> None:
        for _ in range(count):
            assert seen.acquire(timeout=10), "no run was made within ten seconds"

    return wait


def test_a_pass_fires_what_is_due_and_answers_the_next_instant(database, do) -> None:
    clock = FakeClock()
    house = House(database, do, clock)
    house.cron("* * * * *")
    assert house.scheduler.tick() == clock.now() + timedelta(minutes=1)
    clock.advance(minutes=1)
    assert house.scheduler.tick() == clock.now() + timedelta(minutes=1)
    assert len(house.made()) == 1


def test_a_pass_with_nothing_stored_wants_none(database, do) -> None:
    assert House(database, do, FakeClock()).scheduler.tick() is None


def test_a_new_cron_wakes_the_thread_and_fires_at_its_instant(live, fired) -> None:
    live.cron(EACH_SECOND)
    fired(2)
    runs = live.made()
    late = [run.created_at - run.scheduled_for for run in runs]
    assert all(timedelta(0) <= lag < timedelta(seconds=1) for lag in late), late
    assert runs[1].scheduled_for - runs[0].scheduled_for == timedelta(seconds=1)


def test_a_deleted_cron_fires_no_more(live, fired, do) -> None:
    stopped, other = live.cron(EACH_SECOND), live.cron(EACH_SECOND)
    fired(1)
    do(live.crons.delete, "", stopped.cron_id)
    now = SystemClock().now()
    fired(2)
    later = [run.cron_id for run in live.made() if run.scheduled_for > now]
    assert later
    assert set(later) == {other.cron_id}


def test_a_disabled_cron_fires_no_more(live, fired, do) -> None:
    stopped, _other = live.cron(EACH_SECOND), live.cron(EACH_SECOND)
    fired(1)
    do(live.crons.update, "", stopped.cron_id, {"enabled"}, CronDraft(enabled=False))
    now = SystemClock().now()
    fired(2)
    assert stopped.cron_id not in {run.cron_id for run in live.made() if run.scheduled_for > now}


def test_a_batch_of_ticks_is_one_log_line_and_each_tick_one_for_who_wants_to_know_more(database, do) -> None:
    clock = FakeClock()
    house = House(database, do, clock)
    cron = house.cron("* * * * *")
    do(house.crons.create, "", cron_draft("3 * * * *"))
    clock.advance(minutes=3, seconds=1)
    with capture_logs() as logs:
        house.scheduler.tick()
    (told,) = [line for line in logs if line["log_level"] == "info"]
    expected = {"event": "ticks_decided", "log_level": "info", "fired": 2, "missed": 2, "late_ms": 121_000.0}
    assert told == expected
    logs = [line for line in logs if line.get("cron_id") == cron.cron_id]
    events = [(line["event"], line["cron_id"]) for line in logs if "cron_id" in line]
    assert events == [("tick_missed", cron.cron_id)] * 2 + [("tick_fired", cron.cron_id)]


def test_a_failing_store_stops_no_later_pass(database, do, fired) -> None:
    house = House(database, do, SystemClock())
    house.cron(EACH_SECOND)
    failures = iter([StoreUnavailable("gone"), RuntimeError("a fault of ours"), RuntimeError("and once more")])

    def failing(fire: Callable[..., Any]) -> Callable[..., Any]:
        def fail(tx: Any, *instants: Any) -> Any:
            if (failure := next(failures, None)) is not None:
                raise failure
            return fire(tx, *instants)

        return fail

    house.ticks.fire, house.ticks.fire_apart = failing(house.ticks.fire), failing(house.ticks.fire_apart)
    with capture_logs() as logs:
        house.scheduler.start()
        fired(1)
        house.scheduler.stop()
    away, fault = [line for line in logs if line["event"] == "scheduler_failed"]
    assert (away["log_level"], "exc_info" in away) == ("warning", False), "the database is away: one line is enough"
    assert (fault["log_level"], fault["exc_info"]) == ("error", True)


def test_who_executes_runs_is_told_of_a_burst_also_when_the_rest_of_it_does_not_come(database, do) -> None:
    clock = FakeClock()
    house = House(database, do, clock)
    house.ticks._batch = 1
    _first, *rest = [do(house.crons.create, "", cron_draft()) for _ in range(3)]
    fire, told = house.ticks.fire, []
    failures = iter([None, StoreUnavailable("gone")])

    def failing(tx: Any, *instants: Any) -> Any:
        if (failure := next(failures, None)) is not None:
            raise failure
        return fire(tx, *instants)

    house.ticks.fire = failing
    database.listen(Topic.RUNS, told.append)
    clock.advance(minutes=1)
    with pytest.raises(StoreUnavailable):
        house.scheduler.tick()
    for cron in rest:
        do(house.crons.delete, "", cron.cron_id)
    assert not told
    house.scheduler.tick()
    do(lambda tx: None)  # the listeners of what was committed before have been told
    assert len(told) == 1


def test_who_executes_runs_is_told_also_when_it_was_not_known_whether_they_were_committed(database, do) -> None:
    clock = FakeClock()
    house = House(database, do, clock)
    house.cron("* * * * *")
    fired, told = house.scheduler._fired, []

    def cut_off() -> Any:
        fired()
        raise StoreUnavailable("the connection was lost")

    clock.advance(minutes=1)
    house.scheduler._fired = cut_off
    house.scheduler._pass()
    house.scheduler._fired = fired
    database.listen(Topic.RUNS, told.append)
    house.scheduler._pass()
    do(lambda tx: None)  # the listeners of what was committed before have been told
    assert len(told) == 1


def test_a_clock_that_leaps_forward_collapses_what_it_leapt_over(database, do, fired) -> None:
    clock = FakeClock()
    house = House(database, do, clock)
    cron = house.cron("* * * * *")
    house.scheduler.start()
    clock.advance(minutes=10, seconds=1)
    fired(1)
    house.scheduler.stop()
    outcomes = [tick.outcome for tick in do(lambda tx: tx.ticks.of_cron(cron.cron_id))]
    assert outcomes == [TickOutcome.MISSED] * 9 + [TickOutcome.FIRED]


def test_stopping_before_or_without_starting_is_harmless(database, do) -> None:
    House(database, do, FakeClock()).scheduler.stop()


def test_the_thread_is_no_daemon_and_is_gone_after_stop(database, do) -> None:
    scheduler = House(database, do, SystemClock()).scheduler
    scheduler.start()
    thread = scheduler._thread
    assert not thread.daemon
    scheduler.stop()
    assert not thread.is_alive()


def test_what_follows_the_ticks_that_are_coming_is_found_before_they_come(database, do, monkeypatch) -> None:
    clock = FakeClock()
    house = House(database, do, clock)
    for minute in (1, 1, 2, 59):
        do(house.crons.create, "", cron_draft(f"{minute} * * * *"))
    clock.advance(seconds=5)
    while house.scheduler._look_ahead(clock.now()):
        pass
    clock.advance(seconds=55)
    with monkeypatch.context() as patched:
        patched.setattr(timetable, "parse", lambda *_: pytest.fail("it was found when it was due"))
        house.scheduler.tick()
    assert len(do(lambda tx: tx.runs.active_of_owner("", None))) == 2


def test_crons_that_come_again_soon_are_looked_ahead_for_as_they_fire(database, do) -> None:
    clock = FakeClock()
    house = House(database, do, clock)
    do(house.crons.create, "", cron_draft(EACH_SECOND))
    while house.scheduler._look_ahead(clock.now()):
        pass
    clock.advance(seconds=1)
    house.scheduler.tick()
    assert house.scheduler._look_ahead(clock.now())
    assert not house.scheduler._look_ahead(clock.now())


def test_looking_ahead_goes_on_through_more_crons_than_a_page_and_then_rests(database, do, monkeypatch) -> None:
    clock = FakeClock()
    house = House(database, do, clock)
    monkeypatch.setattr("cronlane_service.usecases.lookahead._PAGE", 3)
    for minute in range(8):
        do(house.crons.create, "", cron_draft(f"1 12 {22 + minute % 2} * *"))
        do(house.crons.create, "", cron_draft(f"1 {12 + minute} * * *"))
    while house.scheduler._look_ahead(clock.now()):
        pass
    known = house.ticks.ahead._foreseen._known
    assert set(known) == {clock.now() + timedelta(minutes=1)}
    assert set(known.popitem()[1]) == {("1 12 22 * *", None), ("1 12 * * *", None)}
    clock.advance(seconds=10)
    assert not house.scheduler._look_ahead(clock.now())
    clock.advance(seconds=11)
    assert house.scheduler._look_ahead(clock.now())


def counted_passes(scheduler: Scheduler) -> list[datetime]:
    """Grows with each look at the database."""
    passes: list[datetime] = []
    fire = scheduler._ticks.fire

    def firing(*args: Any) -> Any:
        passes.append(args[2])
        return fire(*args)

    scheduler._ticks.fire = firing  # type: ignore[method-assign]
    return passes


def test_a_cron_that_is_due_later_than_another_wakes_nobody(database, do, fired) -> None:
    clock = FakeClock()
    house = House(database, do, clock)
    house.cron("* * * * *")
    passes = counted_passes(house.scheduler)
    house.scheduler.start()
    wait_until(lambda: passes, description="the first look")
    begun = clock.now()
    for minute in range(30, 60):
        changed = do(house.crons.create, "", cron_draft(f"{minute} * * * *"))
        do(house.crons.update, "", changed.cron_id, {"note"}, CronDraft(note="later"))
        do(house.crons.pause, "", changed.cron_id, None)
    clock.advance(minutes=1)
    fired(1)
    house.scheduler.stop()
    assert passes == [begun, clock.now()]


def test_a_cron_that_is_due_earlier_is_waited_for_instead(database, do, fired) -> None:
    clock = FakeClock()
    house = House(database, do, clock)
    later = house.cron("59 * * * *")
    passes = counted_passes(house.scheduler)
    house.scheduler.start()
    wait_until(lambda: passes, description="the first look")
    do(house.crons.update, "", later.cron_id, {"schedule"}, CronDraft(schedule="* * * * *"))
    clock.advance(minutes=1)
    fired(1)
    house.scheduler.stop()


def test_what_is_told_between_a_pass_and_the_sleep_after_it_is_not_slept_over(live, database, fired) -> None:
    told = threading.Event()
    database.listen(Topic.CRONS, lambda _due: told.set())
    look = live.scheduler._pass

    def overtaken() -> datetime | None:
        instant = look()
        live.scheduler._pass = look
        live.cron(EACH_SECOND)
        assert told.wait(10)
        return instant

    live.scheduler._pass = overtaken
    live.scheduler.hear("")
    fired(1)


def test_of_crons_that_eight_threads_make_each_fires_at_its_first_instant(live, do) -> None:
    made: list[Any] = []

    def make() -> None:
        made.extend(live.cron(EACH_SECOND) for _ in range(6))

    threads = [threading.Thread(target=make) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    def first(cron: Any) -> Any:
        return next(iter(do(lambda tx: tx.ticks.of_cron(cron.cron_id))), None)

    for cron in made:
        tick = wait_until(lambda cron=cron: first(cron), description="its first tick")  # type: ignore[misc]
        assert (tick.scheduled_for, tick.outcome) == (cron.next_run_date, TickOutcome.FIRED)


def test_what_cannot_be_told_makes_the_thread_look_at_once(database, do) -> None:
    house = House(database, do, FakeClock())
    passes = counted_passes(house.scheduler)
    house.scheduler.start()
    wait_until(lambda: passes, description="the first look")
    do(lambda tx: tx.notify(Topic.CRONS))
    wait_until(lambda: len(passes) == 2, description="another look")
    house.scheduler.stop()
