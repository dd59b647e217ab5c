"""What callers are told while the database cannot be written, and that it passes."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from cronlane_service.domain.errors import InvalidField, StoreUnavailable
from cronlane_service.domain.models import Thread
from cronlane_service.domain.ports import Topic, Transaction
from cronlane_service.store import SqlDatabase
from store.engines import ON_SQLITE
from store.rows import thread

LONG = timedelta(seconds=10).total_seconds()


def inserting(made: Thread) -> Callable[[Transaction], bool]:
    return lambda tx: tx.threads.insert(made)


def exists(store: SqlDatabase, made: Thread) -> bool:
    return store.read_now(lambda tx: tx.threads.get("", made.thread_id)) == made


def sql(text: str) -> Callable[[Any], Any]:
    return lambda tx: tx.threads._connection.execute(text)


@ON_SQLITE
def test_a_full_disk_is_told_to_all_who_share_the_commit_and_passes(stopped_store: SqlDatabase) -> None:
    stopped_store.start()
    stopped_store.submit(inserting(thread())).result(LONG)
    entered, release = threading.Event(), threading.Event()

    def holds(tx: Transaction) -> bool:
        entered.set()
        return release.wait(LONG)

    holding = stopped_store.submit(holds)
    assert entered.wait(LONG)
    # These four wait for the one above and then share a transaction.
    early, big, invalid = thread(), thread(values=f'"{"x" * 9_000_000}"'), thread()
    heard: list[str] = []
    stopped_store.listen(Topic.RUNS, heard.append)

    def notifies(tx: Transaction) -> bool:
        tx.notify(Topic.RUNS)
        return tx.threads.insert(early)

    def refuses(tx: Transaction) -> None:
        raise InvalidField("schedule", "is wrong")

    batch: list[Any] = [notifies, sql("PRAGMA max_page_count = 200"), refuses, inserting(big), inserting(invalid)]
    futures = [stopped_store.submit(operation) for operation in batch]
    with capture_logs() as logs:
        release.set()
        assert holding.result(LONG)
        for future in futures:
            with pytest.raises(StoreUnavailable, match="full"):
                future.result(LONG)
    assert stopped_store.failing == "database or disk is full"
    assert [(entry["event"], entry["operations"], entry["log_level"]) for entry in logs] == [
        ("store_failed", 5, "error")
    ]
    assert not exists(stopped_store, early)
    assert stopped_store.submit(inserting(early)).result(LONG)
    assert stopped_store.failing is None
    assert heard == []


@ON_SQLITE
def test_a_lock_of_another_program_is_told_and_passes(store: SqlDatabase, path: Path) -> None:
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    made = thread()
    with pytest.raises(StoreUnavailable, match="locked"):
        store.submit(inserting(made)).result(LONG)
    assert store.failing == "database is locked"
    assert store.read_now(lambda tx: tx.threads.find([made.thread_id])) == {}, "reads go on meanwhile"
    other.execute("ROLLBACK")
    other.close()
    assert store.submit(inserting(made)).result(LONG)
    assert store.failing is None


def test_an_operation_that_ends_the_transaction_itself_makes_nobody_believe_in_a_commit(store: SqlDatabase) -> None:
    made = thread()
    with pytest.raises(StoreUnavailable):
        store.submit(sql("ROLLBACK")).result(LONG)
    assert store.submit(inserting(made)).result(LONG)
    assert exists(store, made)
