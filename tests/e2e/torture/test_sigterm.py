"""SIGTERM with 50 runs under way and 1000 behind them: nothing is lost, nothing is done twice, others go on at once."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from threading import Thread
from time import monotonic
from typing import Any

import httpx
import psycopg
import pytest

from e2e.torture.fleet import Fleet, Member, Place
from e2e.torture.journal import Journal
from gate import Gate
from serving import wait_until

THREADS, EACH = 50, 20
SETTINGS = {"CRONLANE_CONCURRENCY": str(THREADS), "CRONLANE_GRACE": "0.5", "CRONLANE_LEASE": "30"}
SERVER, WORKER = Place("serve"), Place("worker")
RUNS = "SELECT thread_id, run_id, status, attempt FROM runs ORDER BY created_at, run_id"


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[[str], Fleet]]:
    """A server on the database, ready; what is left of its fleet at the end is killed."""
    fleets: list[Fleet] = []

    def start(database: str) -> Fleet:
        fleets.append(Fleet([SERVER], database, tmp_path, **SETTINGS))
        fleets[-1].await_ready()
        return fleets[-1]

    yield start
    for fleet in fleets:
        fleet.kill_all()


def load(url: str, gate: Gate) -> None:
    """On each thread one run that comes to the gate, and behind it the others."""
    with httpx.Client(base_url=url, timeout=60) as http:
        threads = [http.post("/threads", json={}).json()["thread_id"] for _ in range(THREADS)]
        for thread_id in threads:
            _create(http, thread_id, "gated", {"port": gate.port})
        for _ in range(THREADS):
            gate.arrival()
        for thread_id in threads * EACH:
            _create(http, thread_id, "witnessed", {})


def _create(http: httpx.Client, thread_id: str, graph: str, given: dict[str, Any]) -> None:
    body = {"assistant_id": graph, "input": given, "multitask_strategy": "enqueue"}
    http.post(f"/threads/{thread_id}/runs", json=body).raise_for_status()


def open_wide(gate: Gate) -> Thread:
    """Whoever comes goes through."""

    def let_through() -> None:
        for _ in range(THREADS):
            gate.arrival().close()

    opening = Thread(target=let_through)
    opening.start()
    return opening


def stop(fleet: Fleet, member: Member) -> None:
    began = monotonic()
    member.process.terminate()
    assert member.process.wait(30) == 0
    assert monotonic() - began < 10
    fleet.members.remove(member)


def check(fleet: Fleet, rows: list[tuple]) -> None:
    """Each run has succeeded, those under way in their second attempt; each step was taken once, in turn."""
    assert len(rows) == THREADS * (EACH + 1)
    assert {status for _, _, status, _ in rows} == {"success"}
    assert Counter(attempt for *_, attempt in rows) == {2: THREADS, 1: THREADS * EACH}
    taken = [tuple(line.split()[:2]) for line in fleet.witness.read_text().splitlines()]
    assert Counter(taken) == {(run_id, step): 1 for _, run_id, *_ in rows for step in ("first", "second")}
    with httpx.Client(base_url=fleet.server(), timeout=60) as http:
        for thread_id in {row[0] for row in rows}:
            state = http.get(f"/threads/{thread_id}/state").raise_for_status().json()["values"]
            mine = [run_id for thread, run_id, *_ in rows if thread == thread_id]
            assert state["marks"] == [f"{run_id} {step}" for run_id in mine for step in ("first", "second")]


@pytest.mark.timeout(300)
def test_a_server_that_starts_again_goes_on_with_all_of_it(start: Callable[[str], Fleet], tmp_path: Path) -> None:
    database = tmp_path / "cronlane.db"

    def rows() -> list[tuple]:
        with closing(sqlite3.connect(database)) as connection:
            return connection.execute(RUNS).fetchall()

    fleet = start(str(database))
    with Gate() as gate:
        load(fleet.server(), gate)
        stop(fleet, fleet.members[0])
        assert Counter((status, attempt) for *_, status, attempt in rows()) == {
            ("pending", 1): THREADS,
            ("pending", 0): THREADS * EACH,
        }
        opening = open_wide(gate)
        fleet.add(SERVER)
        fleet.await_ready()
        wait_until(lambda: all(row[2] == "success" for row in rows()), description="all runs end", within=120)
        opening.join()
    check(fleet, rows())


@pytest.mark.timeout(300)
def test_another_worker_goes_on_within_a_second(
    start: Callable[[str], Fleet], postgres_url: str, record_property: Callable[[str, object], None]
) -> None:
    def rows() -> list[tuple]:
        with psycopg.connect(postgres_url) as connection:
            return connection.execute(RUNS.encode()).fetchall()

    fleet, journal = start(postgres_url), Journal(postgres_url)
    journal.install()
    with Gate() as gate:
        load(fleet.server(), gate)
        for place in (WORKER, SERVER):
            fleet.add(place)
        fleet.await_ready()
        opening = open_wide(gate)
        stop(fleet, fleet.members[0])
        wait_until(lambda: all(row[2] == "success" for row in rows()), description="all runs end", within=120)
        opening.join()
    entries = journal.entries()
    handed_back = {entry.run_id: entry.at for entry in entries if entry.hands_back}
    waited = [entry.at - handed_back[entry.run_id] for entry in entries if entry.claims and entry.attempt == 2]
    record_property("counts", f"{len(waited)} runs handed back started again after at most {max(waited):.3f} s")
    assert len(handed_back) == len(waited) == THREADS
    assert max(waited) < 1
    check(fleet, rows())
