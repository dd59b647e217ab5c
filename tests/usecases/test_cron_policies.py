"""Crons with policies, on a real database and a clock that the tests move."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta

import pytest

from builders import NOON, cron_draft
from cronlane_service.domain import zones as domain_zones
from cronlane_service.domain.drafts import CronDraft
from cronlane_service.domain.errors import InvalidField
from cronlane_service.domain.policies import CatchUp, DstPolicy, Fold, Gap, Overlap, Policies
from cronlane_service.domain.runs import Outcome, RunError, RunStatus
from cronlane_service.usecases.previews import Previews
from cronlane_service.usecases.zones import Zones

MINUTE, SECOND = timedelta(minutes=1), timedelta(seconds=1)
FAILED = Outcome(RunStatus.ERROR, error=RunError("ValueError", "no luck"))


@pytest.fixture
def fire(house, do, clock):
    """Passes until nothing is due; the runs made."""

    def fire(watching_since=NOON):
        runs = []
        while (done := do(house.ticks.fire, watching_since)).ticks:
            runs += done.runs
        return runs

    return fire


@pytest.fixture
def read(house, do):
    return lambda cron: do(house.crons.get, "", cron.cron_id)


@pytest.fixture
def outcomes(do):
    return lambda cron: [tick.outcome.value for tick in do(lambda tx: tx.ticks.of_cron(cron.cron_id))]


@pytest.mark.parametrize(("policy", "runs"), [(CatchUp.SKIP, 0), (CatchUp.LATEST, 1), (CatchUp.ALL, 10)])
def test_ten_minutes_down_make_none_one_or_ten_runs(create, fire, clock, outcomes, read, policy, runs) -> None:
    cron = create(catch_up=policy)
    clock.advance(minutes=10, seconds=1)
    assert len(fire(clock.now())) == runs
    assert sorted(outcomes(cron)) == ["fired"] * runs + ["missed"] * (10 - runs)
    counted = read(cron).counters
    assert (counted.fired, counted.missed) == (runs, 10 - runs)


@pytest.mark.parametrize(("policy", "runs"), [(CatchUp.SKIP, 0), (CatchUp.LATEST, 1), (CatchUp.ALL, 24)])
def test_a_clock_that_steps_forward_a_day_follows_the_policy(create, fire, clock, policy, runs) -> None:
    create("0 * * * *", catch_up=policy)
    clock.advance(days=1)
    assert len(fire(clock.now() + SECOND)) == runs


def test_a_clock_that_steps_back_an_hour_fires_nothing_twice(house, create, fire, clock, do, outcomes, read) -> None:
    cron = create()
    clock.advance(minutes=30)
    assert len(fire()) == 30
    clock.advance(hours=-1)
    assert fire() == []
    # Neither does a change that makes the next instant be looked for anew.
    do(house.crons.update, "", cron.cron_id, {"timezone"}, CronDraft(timezone="Asia/Tokyo"))
    assert read(cron).next_run_date == NOON + 31 * MINUTE
    clock.advance(hours=1, minutes=5)
    assert len(fire()) == 5
    assert outcomes(cron) == ["fired"] * 35


def test_disabling_and_enabling_fires_nothing_stale_and_says_what_was_missed(
    house, create, fire, clock, do, outcomes, read
) -> None:
    cron = create(catch_up=CatchUp.ALL)
    clock.advance(minutes=1)
    fire()
    paused = do(house.crons.pause, "", cron.cron_id, "lunch")
    assert (paused.enabled, paused.note, paused.paused_at) == (False, "lunch", clock.now())
    clock.advance(minutes=5)
    assert fire() == []
    assert do(house.crons.pause, "", cron.cron_id, "a long lunch").paused_at == paused.paused_at
    resumed = do(house.crons.resume, "", cron.cron_id, None)
    assert (resumed.enabled, resumed.note, resumed.paused_at) == (True, None, None)
    assert resumed.next_run_date == clock.now() + MINUTE
    assert fire() == []
    clock.advance(minutes=1)
    assert len(fire()) == 1
    assert outcomes(cron) == ["fired", *["missed"] * 5, "fired"]
    assert read(cron).counters.missed == 5


def test_max_runs_ends_a_cron_for_good(house, create, fire, clock, do, read) -> None:
    cron = create(max_runs=2)
    clock.advance(minutes=5)
    assert len(fire()) == 2
    assert (read(cron).next_run_date, read(cron).due_at, read(cron).enabled) == (None, None, True)
    more = do(house.crons.update, "", cron.cron_id, {"max_runs"}, CronDraft(policies=Policies(max_runs=3)))
    assert more.next_run_date == clock.now() + MINUTE


def test_one_instant_comes_once_and_must_lie_ahead(house, create, fire, clock, do, read) -> None:
    once = do(house.crons.create, "", cron_draft("", at=NOON + 90 * SECOND))
    assert (once.schedule, once.next_run_date) == ("at 2026-11-22T12:01:30Z", NOON + 90 * SECOND)
    clock.advance(hours=1)
    assert len(fire()) == 1
    assert read(once).next_run_date is None
    for draft, field in ((cron_draft("", at=NOON), "at"), (cron_draft("at 2026-11-22T12:00:00Z"), "schedule")):
        with pytest.raises(InvalidField, match="in the past") as refused:
            do(house.crons.create, "", draft)
        assert refused.value.field == field


def test_an_interval_comes_at_its_multiples(house, fire, clock, do) -> None:
    cron = do(house.crons.create, "", cron_draft("", every=(90 * SECOND, 30 * SECOND)))
    assert cron.schedule == "every 90s phase 30s"
    clock.advance(minutes=6)
    instants = [run.scheduled_for for run in fire()]
    assert instants == [NOON + seconds * SECOND for seconds in (30, 120, 210, 300)]


@pytest.mark.parametrize(
    "draft",
    [
        cron_draft("* * * * *", at=NOON + MINUTE),
        cron_draft("every 30s", every=(60 * SECOND, 0 * SECOND)),
        cron_draft("", at=NOON + MINUTE, every=(60 * SECOND, 0 * SECOND)),
        cron_draft(""),
    ],
)
def test_a_cron_has_exactly_one_schedule(house, do, draft) -> None:
    with pytest.raises(InvalidField) as refused:
        do(house.crons.create, "", draft)
    assert refused.value.field == "schedule"


def test_a_cron_can_be_sent_back_as_it_was_read(house, do) -> None:
    cron = do(house.crons.create, "", cron_draft("", at=NOON + MINUTE))
    named = {"schedule", "at"}
    same = do(house.crons.update, "", cron.cron_id, named, CronDraft(schedule=cron.schedule, at=NOON + MINUTE))
    assert (same.schedule, same.next_run_date) == (cron.schedule, cron.next_run_date)


def test_a_tick_is_skipped_while_an_earlier_run_of_the_cron_is_unfinished(
    create, fire, clock, work, outcomes, read
) -> None:
    cron = create(overlap=Overlap.SKIP)
    clock.advance(minutes=2)
    assert len(fire()) == 1
    clock.advance(minutes=1)
    assert fire() == []
    work()
    clock.advance(minutes=1)
    assert len(fire()) == 1
    assert outcomes(cron) == ["fired", "skipped_overlap", "skipped_overlap", "fired"]
    assert read(cron).counters.skipped == 2


def test_queued_runs_of_a_cron_go_one_after_another_and_in_order(create, fire, clock, work, do, house) -> None:
    create(overlap=Overlap.QUEUE)
    create()
    clock.advance(minutes=3)
    runs = fire()
    queued = [run.run_id for run in runs if run.queued]
    assert len(queued) == 3
    assert len(runs) == 6
    taken = [[run.run_id for run in work() if run.queued] for _ in range(4)]
    assert taken == [[each] for each in queued] + [[]]


def test_a_queued_run_goes_on_when_the_one_before_it_is_cancelled(create, fire, clock, do, house) -> None:
    from cronlane_service.domain.runs import CancelAction

    create(overlap=Overlap.QUEUE)
    clock.advance(minutes=2)
    first, second = fire()
    do(house.runs.cancel, "", first.thread_id, first.run_id, CancelAction.INTERRUPT)
    assert [run.run_id for run in do(house.attempts.claim, "w", MINUTE, 9)] == [second.run_id]


def test_a_cron_that_fails_too_often_in_a_row_is_paused(create, fire, clock, work, read, house, do) -> None:
    cron = create(pause_after_failures=2)
    for outcome, in_a_row in ((FAILED, 1), (None, 0), (FAILED, 1), (FAILED, 2)):
        clock.advance(minutes=1)
        fire()
        work(outcome)
        assert read(cron).counters.failures_in_a_row == in_a_row
    paused = read(cron)
    assert (paused.enabled, paused.paused_at) == (False, clock.now())
    assert "ValueError: no luck" in paused.disabled_reason
    assert (paused.counters.fired, paused.counters.failed, paused.counters.last_outcome) == (4, 3, RunStatus.ERROR)
    resumed = do(house.crons.resume, "", cron.cron_id, "mended")
    assert (resumed.counters.failures_in_a_row, resumed.disabled_reason) == (0, None)


def test_jitter_delays_the_firing_and_not_the_tick(create, fire, clock, outcomes) -> None:
    cron = create("0 * * * *", jitter=1800 * SECOND)
    assert cron.next_run_date == NOON + 60 * MINUTE
    assert cron.next_run_date < cron.due_at < cron.next_run_date + 30 * MINUTE
    clock.advance(seconds=(cron.due_at - NOON) / SECOND - 1)
    assert fire() == []
    clock.advance(seconds=1)
    (run,) = fire()
    assert run.scheduled_for == NOON + 60 * MINUTE


def test_new_zone_rules_move_what_is_to_come(house, create, clock, do, read) -> None:
    cron, other = create("0 9 * * *", timezone="America/New_York"), create("0 9 * * *")
    overdue = create("* * * * *", timezone="Asia/Tokyo")
    right = cron.next_run_date

    def misplace(tx):
        tx.crons.save(replace(cron, next_run_date=right + 60 * MINUTE, due_at=right + 60 * MINUTE))

    do(misplace)
    clock.advance(minutes=2)
    zones = Zones(clock)
    names = ["America/New_York", "Asia/Tokyo"]
    assert set(do(zones.changed)) == set(names)
    assert do(zones.retime, ["Asia/Tokyo"], "", 9) == (overdue.cron_id, 0)
    assert do(zones.retime, names, "", 1) == (cron.cron_id, 1)
    assert do(zones.retime, names, cron.cron_id, 1) == (overdue.cron_id, 0)
    assert do(zones.retime, names, overdue.cron_id, 1) == (None, 0)
    assert (read(cron).next_run_date, read(cron).due_at) == (right, right)
    assert read(other).next_run_date == other.next_run_date
    assert read(overdue).next_run_date == NOON + MINUTE, "what is due is for the scheduler"


def test_only_zones_whose_rules_have_changed_are_looked_at(create, clock, do, monkeypatch, tmp_path) -> None:
    folder = tmp_path / "zones"
    (folder / "Asia").mkdir(parents=True)
    (folder / "Asia" / "Tokyo").write_bytes(b"the old rules")
    monkeypatch.setattr(domain_zones, "TZPATH", (str(folder),))
    for name in ("Asia/Tokyo", "Europe/Berlin", None):
        create("0 9 * * *", timezone=name)
    zones = Zones(clock, "reckoning 1")
    changed = do(zones.changed)
    assert set(changed) == {"Asia/Tokyo", "Europe/Berlin"}
    do(zones.note, changed)
    assert do(zones.changed) == {}
    (folder / "Asia" / "Tokyo").write_bytes(b"the new rules")
    assert set(do(zones.changed)) == {"Asia/Tokyo"}
    assert set(do(Zones(clock, "reckoning 2").changed)) == {"Asia/Tokyo", "Europe/Berlin"}


def test_preview_equals_what_then_fires(create, fire, clock, house, do) -> None:
    """500 random crons over a day, looked at every few minutes."""
    random.seed(20261122)
    schedules = [
        "*/{a} * * * *", "{m} */{h} * * *", "{m} {h} * * *", "{m},{a} {h}-23 * * 0-{d}", "every {a}m",
        "every {h}h phase {m}m", "{m} {h} {dom},22,23 * *", "0 0 L * *", "{m} {h} * * {d}#4",
        "at 2026-11-22T{hh}:{mm}:30Z",
    ]  # fmt: skip
    zones = [None, "America/New_York", "Asia/Kathmandu", "Pacific/Chatham", "Europe/Berlin", "Africa/Casablanca"]
    end = NOON + timedelta(days=1)
    expected = {}
    for _ in range(500):
        hour = random.randint(13, 23)
        numbers = {"a": random.randint(7, 59), "m": random.randint(0, 59), "h": random.randint(1, 23)}
        more = {
            "d": random.randint(0, 6),
            "dom": random.randint(1, 28),
            "hh": hour,
            "mm": f"{random.randint(0, 59):02}",
        }
        said = Policies(
            start_time=random.choice([None, NOON + timedelta(hours=5)]),
            max_runs=random.choice([None, None, 3, 40]),
            jitter=random.choice([0, 0, 30, 600]) * SECOND,
            dst_policy=DstPolicy(random.choice(list(Gap)), random.choice(list(Fold))),
        )
        draft = cron_draft(
            random.choice(schedules).format(**numbers, **more),
            timezone=random.choice(zones),
            end_time=random.choice([None, end - timedelta(hours=6)]),
            policies=said,
        )
        previewed = Previews(clock).preview(draft, None, end, 1000)
        cron = do(house.crons.create, "", draft)
        due = [tick for tick in previewed.instants if tick <= end]
        expected[cron.cron_id] = due
    fired = {cron_id: [] for cron_id in expected}
    while clock.now() < end + timedelta(minutes=10):
        for run in fire():
            fired[run.cron_id].append(run.scheduled_for)
        clock.advance(minutes=7)
    within = {cron_id: [tick for tick in ticks if tick <= end] for cron_id, ticks in fired.items()}
    assert within == expected
    total = sum(map(len, expected.values()))
    print(f"500 crons, {total} ticks previewed and fired, 0 mismatches")
    assert total > 3000
