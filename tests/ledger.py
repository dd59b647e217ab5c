"""The database file, read from outside while a server uses it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
COLUMNS = "cron_id, scheduled_for, decided_at, outcome, reason, run_id, count, run_status"


@dataclass(frozen=True)
class WrittenTick:
    """A row of the ledger."""

    cron_id: str
    scheduled_for: datetime
    decided_at: datetime
    outcome: str
    reason: str | None
    run_id: str | None
    count: int
    run_status: str | None


class Ledger:
    """What became of each instant, the runs, and the checkpoints of their graphs."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def ticks(self, cron_id: str) -> list[WrittenTick]:
        """In order."""
        query = f"SELECT {COLUMNS} FROM ticks WHERE cron_id = ? ORDER BY scheduled_for"
        return [WrittenTick(row[0], instant(row[1]), instant(row[2]), *row[3:]) for row in self.rows(query, cron_id)]

    def ended(self, cron_id: str) -> list[WrittenTick]:
        """The ticks whose runs have ended."""
        return [tick for tick in self.ticks(cron_id) if tick.run_status is not None]

    def all_ended(self, cron_id: str) -> list[WrittenTick]:
        """All ticks, once their runs have ended."""
        ticks = self.ticks(cron_id)
        return ticks if all(tick.run_status for tick in ticks if tick.run_id) else []

    def rows(self, query: str, *values: object) -> list[tuple]:
        with self._connected() as connection:
            return connection.execute(query, values).fetchall()

    @contextmanager
    def _connected(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(f"file:{self._file}?mode=ro", uri=True)) as connection:
            connection.execute("ATTACH ? AS graphs", (f"file:{self._file.with_suffix('.checkpoints.db')}?mode=ro",))
            yield connection


def instant(microseconds: int) -> datetime:
    return EPOCH + timedelta(microseconds=microseconds)
