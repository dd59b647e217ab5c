"""A batch is prepared before it is due; what changes until it is written counts."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from builders import AGENT, cron_draft
from cronlane_service.domain.drafts import CronDraft
from cronlane_service.domain.models import TickOutcome
from cronlane_service.scheduler import scheduler
from store.house import House
from store.servers import serving

MINUTE = timedelta(minutes=1)


@pytest.fixture(params=["sqlite", "postgresql"])
def house(request: pytest.FixtureRequest) -> Iterator[House]:
    if request.param == "sqlite":
        yield House(request.getfixturevalue("database"))
    else:
        with serving(request.getfixturevalue("postgres_url")) as database:
            yield House(database)


def prepared(house: House) -> Any:
    """Makes the scheduler prepare what is due in a minute, which it is then."""
    wanted = house.clock.now() + MINUTE
    assert house.scheduler._prepare_next(wanted, timedelta(0))
    house.clock.advance(minutes=1)
    [batch] = house.scheduler._prepared
    return batch


def planned_runs(batches: Iterable[Any]) -> set[str]:
    return {each.run_id for batch in batches for _, fired in batch.planned for each in fired}


def ran(house: House) -> list[str | None]:
    """Of which crons there are runs, in the order in which these were made."""
    runs = house.do(lambda tx: tx.runs.active_of_owner("", None))
    return [run.cron_id for run in sorted(runs, key=lambda run: run.run_id)]


def test_what_was_prepared_is_fired_without_reading_the_crons_again(house: House) -> None:
    crons = [house.cron() for _ in range(3)]
    planned = planned_runs([prepared(house)])
    house.scheduler._ticks._plain.fire = None  # type: ignore[method-assign, assignment]
    assert house.scheduler.tick() == house.clock.now() + MINUTE
    runs = house.do(lambda tx: tx.runs.active_of_owner("", None))
    assert {run.run_id for run in runs} == planned
    assert {run.cron_id for run in runs} == {cron.cron_id for cron in crons}
    assert {run.created_at for run in runs} == {house.clock.now()}


def test_a_batch_is_prepared_once_and_only_shortly_before_it_is_due(house: House) -> None:
    house.cron()
    wanted = house.clock.now() + MINUTE
    assert not house.scheduler._prepare_next(wanted, MINUTE)
    assert house.scheduler._prepare_next(wanted, timedelta(seconds=1))
    assert not house.scheduler._prepare_next(wanted, timedelta(seconds=1))


def test_the_thread_is_awake_when_batches_may_be_prepared(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.cron()
    wanted = house.clock.now() + MINUTE
    house.clock.advance(seconds=60 - scheduler.READY.total_seconds() - 0.25)
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        house.clock.advance(seconds=seconds)

    monkeypatch.setattr(house.scheduler._wake, "wait", sleep)
    house.scheduler._want(wanted)
    house.scheduler._sleep()
    assert next(filter(None, slept)) == 0.25  # looking ahead took no time
    assert len(house.scheduler._prepared) == 1


def test_all_that_is_due_is_prepared_batch_by_batch(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(house.scheduler._ticks, "_batch", 2)
    crons = [house.cron() for _ in range(5)]
    wanted = house.clock.now() + MINUTE
    steps = [house.scheduler._prepare_next(wanted, timedelta(0)) for _ in range(5)]
    assert steps == [True, True, True, False, False]
    planned = planned_runs(house.scheduler._prepared)
    house.clock.advance(minutes=1)
    assert house.scheduler.tick() == wanted + MINUTE
    assert ran(house) == [cron.cron_id for cron in crons]
    assert {run.run_id for run in house.do(lambda tx: tx.runs.active_of_owner("", None))} == planned


def test_no_further_batch_is_prepared_beside_large_ones_and_all_fire(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(house.scheduler._ticks, "_batch", 2)
    monkeypatch.setattr(scheduler, "MOST_READY", 5000)
    crons = [house.cron(cron_draft(input=json.dumps({"x": 1000 * "x"}))) for _ in range(7)]
    wanted = house.clock.now() + MINUTE
    assert [house.scheduler._prepare_next(wanted, timedelta(0)) for _ in range(4)] == [True, True, False, False]
    house.clock.advance(minutes=1)
    assert house.scheduler.tick() == wanted + MINUTE
    assert ran(house) == [cron.cron_id for cron in crons]


def test_when_a_cron_is_gone_from_one_of_the_batches_the_others_are_prepared_again(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(house.scheduler._ticks, "_batch", 2)
    crons = [house.cron() for _ in range(7)]
    while house.scheduler._prepare_next(house.clock.now() + MINUTE, timedelta(0)):
        pass
    house.do(house.crons.delete, "", crons[2].cron_id)
    late = house.cron()
    house.clock.advance(minutes=1)
    with capture_logs() as logs:
        house.scheduler.tick()
    assert "firing_one_by_one" not in {line["event"] for line in logs}, "a batch was written that is not what is due"
    for cron in [*crons[:2], *crons[3:], late]:
        [tick] = house.do(lambda tx, of=cron.cron_id: tx.ticks.of_cron(of))
        assert tick.outcome is TickOutcome.FIRED
    assert len(house.do(lambda tx: tx.runs.active_of_owner("", None))) == 7


def test_a_cron_that_was_changed_meanwhile_fires_as_it_is_now_and_its_neighbours_once(house: House) -> None:
    crons = [house.cron() for _ in range(3)]
    prepared(house)
    house.do(house.crons.update, "", crons[1].cron_id, {"metadata"}, CronDraft(metadata='{"is":"new"}'))
    house.scheduler.tick()
    runs = house.do(lambda tx: tx.runs.active_of_owner("", None))
    assert {run.cron_id: '"is":"new"' in run.metadata for run in runs} == {
        cron.cron_id: cron is crons[1] for cron in crons
    }
    for cron in crons:
        (tick,) = house.do(lambda tx, of=cron.cron_id: tx.ticks.of_cron(of))
        assert tick.outcome is TickOutcome.FIRED


@pytest.mark.parametrize("gone", ["delete", "pause"])
def test_a_cron_that_is_gone_meanwhile_does_not_fire_and_its_neighbours_do(house: House, gone: str) -> None:
    crons = [house.cron() for _ in range(3)]
    prepared(house)
    house.do(getattr(house.crons, gone), "", crons[0].cron_id, *([None] if gone == "pause" else []))
    house.scheduler.tick()
    runs = house.do(lambda tx: tx.runs.active_of_owner("", None))
    assert {run.cron_id for run in runs} == {cron.cron_id for cron in crons[1:]}


def test_an_assistant_that_was_changed_meanwhile_is_run_as_it_is_now(house: House) -> None:
    house.cron()
    prepared(house)
    house.sql(f"UPDATE assistants SET graph_id = 'other' WHERE assistant_id = '{AGENT}'")
    house.scheduler.tick()
    (run,) = house.do(lambda tx: tx.runs.active_of_owner("", None))
    assert run.graph_id == "other"


def test_what_was_prepared_for_later_is_not_fired_by_a_pass_before_and_stays_prepared(house: House) -> None:
    cron = house.cron()
    house.clock.advance(seconds=29)
    wanted = house.clock.now() + timedelta(seconds=31)
    house.scheduler._prepare_next(wanted, timedelta(0))
    planned = planned_runs(house.scheduler._prepared)
    sooner = house.cron(cron_draft("* * * * * 30"))
    house.clock.advance(seconds=1)
    assert house.scheduler.tick() == wanted
    assert ran(house) == [sooner.cron_id]
    house.clock.advance(seconds=30)
    house.scheduler.tick()
    [run] = [each for each in house.do(lambda tx: tx.runs.active_of_owner("", None)) if each.cron_id == cron.cron_id]
    assert {run.run_id} == planned


def test_what_was_prepared_is_left_to_the_rules_when_nobody_watched(house: House) -> None:
    cron = house.cron()
    prepared(house)
    house.clock.advance(hours=1)
    house.scheduler.tick()
    ticks = house.do(lambda tx: tx.ticks.of_cron(cron.cron_id))
    assert ticks[0].outcome is TickOutcome.MISSED


@pytest.mark.parametrize("house", ["sqlite"], indirect=True)
def test_the_next_batch_is_prepared_while_one_is_written(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(house.scheduler._ticks, "_batch", 2)
    crons = [house.cron() for _ in range(5)]
    house.clock.advance(minutes=1)
    read: list[int] = []
    real = house.scheduler._prepare

    def prepare(*args: Any) -> Any:
        found = real(*args)
        read.append(sum(len(fired) for _, fired in found.planned) if found else 0)
        return found

    monkeypatch.setattr(house.scheduler, "_prepare", prepare)
    assert house.scheduler.tick() == house.clock.now() + MINUTE
    assert read == [2, 2, 1, 0]
    assert ran(house) == [cron.cron_id for cron in crons]
