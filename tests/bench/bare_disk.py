"""The bare disk: the rows that a firing wrote, put into an empty file with sqlite3 alone."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

from ledger import EPOCH

BATCH = 500  # rows of each table in a transaction, which is synced to disk
ROWS = {
    "ticks": "SELECT * FROM ticks WHERE scheduled_for = ?",
    "runs": "SELECT * FROM runs WHERE scheduled_for = ?",
    "threads": "SELECT * FROM threads WHERE thread_id IN (SELECT thread_id FROM runs WHERE scheduled_for = ?)",
}


def seconds(database: str, at: datetime) -> float:
    """To write what a firing wrote again, under the same schema and indexes."""
    due = (at - EPOCH) // timedelta(microseconds=1)
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as source:
        marks = ", ".join("?" for _ in ROWS)
        found = source.execute(f"SELECT sql FROM sqlite_master WHERE sql > '' AND tbl_name IN ({marks})", tuple(ROWS))
        schema = [sql for (sql,) in found]
        rows = {table: source.execute(query, (due,)).fetchall() for table, query in ROWS.items()}
    with TemporaryDirectory() as folder, closing(sqlite3.connect(Path(folder) / "bare.db")) as target:
        target.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;" + ";".join(schema))
        began = perf_counter()
        for start in range(0, max(map(len, rows.values())), BATCH):
            with target:
                for table, all_rows in rows.items():
                    if some := all_rows[start : start + BATCH]:
                        values = ", ".join("?" for _ in some[0])
                        target.executemany(f"INSERT INTO {table} VALUES ({values})", some)
        return perf_counter() - began
