"""Where one transaction does not wait for another, a burst of ticks is written on several connections."""

from __future__ import annotations

import threading
from typing import Any

from cronlane_service.domain.ports import Topic
from cronlane_service.store.database import BESIDE
from store.engines import ON_POSTGRESQL
from store.house import House
from store.rows import later


@ON_POSTGRESQL
def test_operations_go_on_side_by_side_and_beside_all_others(house: House) -> None:
    together = threading.Barrier(BESIDE + 1)

    def meets(_: Any) -> int:
        return together.wait(30)

    beside = house.database.submit_beside(meets, BESIDE + 5)
    assert {house.do(meets), *(each.result(30) for each in beside)} == set(range(BESIDE + 1))


def test_an_operation_is_carried_out_once_at_least_and_as_often_as_it_is_wanted_at_most(house: House) -> None:
    assert [each.result(30) for each in house.database.submit_beside(lambda _: "done", 0)] == ["done"]
    assert len(house.database.submit_beside(lambda _: None, 2)) == (1 if house.database.alone else 2)


def test_who_listens_hears_of_what_is_written_beside(house: House) -> None:
    heard: list[str] = []
    house.database.listen(Topic.WEBHOOKS, heard.append)
    for writing in house.database.submit_beside(lambda tx: tx.notify(Topic.WEBHOOKS, "one"), 1):
        writing.result(30)
    house.do(lambda _: None)
    assert heard == ["one"]


def test_crons_that_are_due_together_are_fired_once_each_and_on_all_connections(house: House) -> None:
    crons = [house.cron().cron_id for _ in range(20)]
    ticks = house.scheduler._ticks
    ticks._batch = 3
    while house.scheduler._look_ahead(house.clock.now()):
        pass
    house.clock.advance(minutes=1)
    assert ticks.batches(house.clock.now()) == 7
    assert house.scheduler.tick() == later(120)
    assert ticks.batches(house.clock.now()) == 0, "that many came, and are expected no more"
    runs = house.do(lambda tx: tx.runs.active_of_owner("", None))
    assert sorted(run.cron_id for run in runs) == sorted(crons)
    assert house.scheduler._untold is None, "who executes the runs was told"
