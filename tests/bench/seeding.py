"""Big stores, quickly: a few crons are made through the API, and their rows multiplied in the file."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from itertools import cycle, islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import uuid_utils

from bench import servers
from bench.calls import Schedules
from bench.jobs import GRPC, Job
from bench.load import Load
from bench.pairs import run
from bench.servers import Address
from bench.table import Words
from cronlane_service.domain import labels

TEAMS = ("day", "night", "late", "early")
RARE = 100  # crons that share a number, in every store
TICKS, WITH_TICKS = 200, 20  # the first crons have a longer ledger


class Bench:
    """What the chapters share: the load client, and big stores."""

    def __init__(self, stack: ExitStack, words: Words = ()) -> None:
        """``words``: of which rows are wanted. The stack ends it all."""
        self.load, self.words = stack.enter_context(Load()), words
        self._stack = stack
        self._folders: dict[int, Path] = {}
        self.long: dict[int, list[str]] = {}
        """By the crons of a store: those with a long ledger."""

    def folder(self, crons: int) -> Path:
        """Of a database with so many; filled at first use, for one server at a time."""
        if crons not in self._folders:
            folder = Path(self._stack.enter_context(TemporaryDirectory()))
            self.long[crons] = fill(self.load, folder, crons)
            self._folders[crons] = folder
        return self._folders[crons]

    @contextmanager
    def stored(self, crons: int) -> Iterator[Address]:
        """A server that has so many."""
        with servers.cronlane(self.folder(crons)) as served:
            yield Address.of(served.grpc, served.process.pid)


def fill(load: Load, folder: Path, crons: int) -> list[str]:
    """So many crons and their ledger; the ids of those with a long one."""
    with servers.cronlane(folder) as served:
        address = Address.of(served.grpc)
        mixed = Schedules().mixed()
        method = "/cronlane.v1.CronService/CreateCron"
        run(load, Job(GRPC, address.host, address.port, mixed, 4, seconds=60, method=method, repeat=False))
    with closing(sqlite3.connect(served.database)) as database, database:
        database.row_factory = sqlite3.Row
        templates = [dict(row) for row in database.execute("SELECT * FROM crons")]
        rows = list(multiplied(templates, crons - len(templates)))
        insert(database, "crons", rows)
        insert(database, "cron_labels", list(labelled(rows)))
        insert(database, "ticks", list(ledger(rows)))
    return [row["cron_id"] for row in rows[:WITH_TICKS]]


def multiplied(templates: list[dict[str, Any]], crons: int) -> Iterator[dict[str, Any]]:
    for number, template in enumerate(islice(cycle(templates), crons)):
        metadata = {"team": TEAMS[number % len(TEAMS)], "number": number % (crons // RARE or 1)}
        yield template | {"cron_id": str(uuid_utils.uuid7()), "metadata": json.dumps(metadata)}


def labelled(crons: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for cron in crons:
        for label in labels.of(cron["metadata"]):
            yield {"label": label} | {name: cron[name] for name in ("owner", "created_at", "cron_id")}


def ledger(crons: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    now = time.time_ns() // 1000
    for number, cron in enumerate(crons):
        for tick in range(TICKS if number < WITH_TICKS else 1):
            at = now - (tick + 1) * 60_000_000
            same = {"cron_id": cron["cron_id"], "owner": cron["owner"], "count": 1, "outcome": "missed"}
            yield same | {"scheduled_for": at, "decided_at": at}


def insert(database: sqlite3.Connection, table: str, rows: list[dict[str, Any]]) -> None:
    names = list(rows[0])
    columns, marks = ", ".join(f'"{name}"' for name in names), ", ".join(f":{name}" for name in names)
    database.executemany(f"INSERT INTO {table} ({columns}) VALUES ({marks})", rows)
