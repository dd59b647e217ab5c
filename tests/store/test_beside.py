"""Where one transaction does not wait for another, a burst of ticks is written on several connections."""

from __future__ import annotations

import threading
from concurrent.futures import wait
from functools import partial
from typing import Any

from cronlane_service.domain.errors import StoreUnavailable
from cronlane_service.domain.models import Thread
from cronlane_service.domain.ports import Topic, Transaction
from cronlane_service.store import SqlDatabase
from cronlane_service.store.database import BESIDE
from store.engines import ON_POSTGRESQL
from store.house import House
from store.rows import later, thread


@ON_POSTGRESQL
def test_operations_go_on_side_by_side_and_beside_all_others(house: House) -> None:
    together = threading.Barrier(BESIDE + 1)

    def meets(_: Any) -> int:
        return together.wait(30)

    beside = house.database.submit_beside([meets] * BESIDE)
    assert {house.do(meets), *(each.result(30) for each in beside)} == set(range(BESIDE + 1))


def test_each_of_more_operations_than_connections_is_carried_out_and_committed_by_itself(house: House) -> None:
    made = [thread() for _ in range(2 * BESIDE + 1)]

    def inserts(tx: Transaction, each: Thread) -> str:
        tx.threads.insert(each)
        if each is made[1]:
            raise LookupError
        return each.thread_id

    writing = house.database.submit_beside([partial(inserts, each=each) for each in made])
    wait(writing, 30)
    for place, (each, written) in enumerate(zip(made, writing, strict=True)):
        if place == 1:
            assert isinstance(written.exception(), LookupError)
        else:
            assert written.result() == each.thread_id
    assert set(house.do(lambda tx: tx.threads.find([each.thread_id for each in made]))) == {
        each.thread_id for each in made if each is not made[1]
    }


@ON_POSTGRESQL
def test_operations_share_no_transaction(house: House) -> None:
    def number(tx: Any) -> int:
        [(found,)] = tx.threads._connection.execute("SELECT pg_current_xact_id()::text::bigint")
        return int(found)

    numbers = [each.result(30) for each in house.database.submit_beside([number] * (3 * BESIDE))]
    assert len(set(numbers)) == 3 * BESIDE


def test_what_is_not_begun_when_the_database_is_closed_is_refused(stopped_store: SqlDatabase) -> None:
    stopped_store.stop()
    for written in stopped_store.submit_beside([lambda _: None] * (2 * BESIDE + 1)):
        assert isinstance(written.exception(30), StoreUnavailable)


def test_who_listens_hears_of_what_is_written_beside(house: House) -> None:
    heard: list[str] = []
    house.database.listen(Topic.WEBHOOKS, heard.append)
    for writing in house.database.submit_beside([lambda tx: tx.notify(Topic.WEBHOOKS, "one")]):
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
