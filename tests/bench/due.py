"""Crons of which many are due at the same instants, put straight into a database."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from itertools import combinations, cycle, islice, product
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import uuid_utils
from psycopg.rows import dict_row

from bench import seeding
from ledger import EPOCH

BERLIN = "Europe/Berlin"


def crons(template: dict[str, Any], at: datetime, many: int, expressions: int) -> Iterator[dict[str, Any]]:
    """So many crons that come at the instant, with so many different expressions among them; a quarter is zoned."""
    due = int((at - EPOCH).total_seconds()) * 1_000_000
    zoned = list(islice(schedules(at.astimezone(ZoneInfo(BERLIN))), (expressions + 3) // 4))
    plain = cycle(islice(schedules(at), max(expressions - len(zoned), 1)))
    there = cycle(zoned)
    for number in range(many):
        schedule, zone = (next(plain), None) if number % 4 else (next(there), BERLIN)
        row = template | {"cron_id": str(uuid_utils.uuid7()), "next_run_date": due, "due_at": due}
        yield row | {"schedule": schedule, "timezone": zone}


def schedules(at: datetime) -> Iterator[str]:
    """All different; each names this instant, and none another one of the same hour."""
    hours, days, months = (
        lists(now, others) for now, others in ((at.hour, range(24)), (at.day, range(1, 29)), (at.month, range(1, 13)))
    )
    for month, day, hour in product(months, days, hours):
        yield f"{at.minute} {hour} {day} {month} * {at.second}"


def lists(now: int, others: range) -> list[str]:
    """A value alone, and with one or two more."""
    rest = [value for value in others if value != now]
    chosen = [(), *combinations(rest, 1), *combinations(rest, 2)]
    return [",".join(map(str, sorted({now, *more}))) for more in chosen]


def fill(database: Path | str, wanted: dict[datetime, int], expressions: int) -> None:
    """By instant, so many crons. The database has one cron, which goes."""
    if isinstance(database, Path):
        with closing(sqlite3.connect(database)) as connection, connection:
            connection.row_factory = sqlite3.Row
            template = dict(connection.execute("SELECT * FROM crons").fetchone())
            connection.execute("DELETE FROM crons")
            for at, many in wanted.items():
                seeding.insert(connection, "crons", list(crons(template, at, many, expressions)))
    else:
        with psycopg.connect(database, row_factory=dict_row) as served:
            found = served.execute("SELECT * FROM crons").fetchone()
            assert found is not None
            served.execute("DELETE FROM crons")
            for at, many in wanted.items():
                copy(served, list(crons(found, at, many, expressions)))


def copy(connection: psycopg.Connection[dict[str, Any]], rows: list[dict[str, Any]]) -> None:
    columns = ", ".join(f'"{name}"' for name in rows[0])
    with connection.cursor().copy(f"COPY crons ({columns}) FROM STDIN".encode()) as target:
        for row in rows:
            target.write_row(list(row.values()))
