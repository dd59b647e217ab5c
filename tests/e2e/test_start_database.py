"""Databases that cannot be used: exit code 2 and one line that names the file, before anything listens."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from langgraph_sdk import get_sync_client

from serving import CRONLANE, Served, check_refused, run, start


def corrupt(file: Path) -> None:
    file.write_bytes(b"this is no database, but it is long enough to be one" * 100)


def damaged(file: Path) -> None:
    """A database whose first pages are good."""
    run(CRONLANE, "migrate", "--database", file)
    pages = bytearray(file.read_bytes())
    pages[100:4096] = b"\xff" * 3996
    file.write_bytes(pages)


def newer(file: Path) -> None:
    run(CRONLANE, "migrate", "--database", file)
    with sqlite3.connect(file) as database:
        [table] = database.execute("SELECT name FROM sqlite_master WHERE name LIKE '%migrat%'").fetchone()
        columns = [column[1] for column in database.execute(f"PRAGMA table_info({table})")]
        row = database.execute(f"SELECT * FROM {table}").fetchone()
        changed = ["9999_future" if isinstance(cell, str) and "initial" in cell else cell for cell in row]
        kept = [(name, cell) for name, cell in zip(columns, changed, strict=True) if name != "id"]
        named, marks = ", ".join(name for name, _ in kept), ", ".join("?" for _ in kept)
        database.execute(f"INSERT INTO {table} ({named}) VALUES ({marks})", [cell for _, cell in kept])
    database.close()


@pytest.mark.parametrize("spoil", [corrupt, damaged, newer, Path.mkdir])
def test_a_database_that_cannot_be_used_is_named(spoil: Callable[[Path], None], tmp_path: Path) -> None:
    file = tmp_path / "spoilt.db"
    spoil(file)
    check_refused(start(tmp_path, "--database", file), file)


def test_a_database_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    check_refused(start(tmp_path, "--database", tmp_path / "file" / "cron.db"), tmp_path / "file")
    check_refused(start(tmp_path, "--database", "/proc/cron.db"), "/proc/cron.db")
    check_refused(start(tmp_path, "--database", "mysql://somewhere/db"), "mysql")


def test_a_database_that_another_program_has_locked_is_named(tmp_path: Path) -> None:
    file = tmp_path / "locked.db"
    run(CRONLANE, "migrate", "--database", file)
    other = sqlite3.connect(file)
    other.execute("BEGIN EXCLUSIVE")
    check_refused(start(tmp_path, "--database", file), file, "locked")
    other.close()


def test_a_second_server_on_the_same_database_is_refused_and_the_first_goes_on(serve: Callable[..., Served]) -> None:
    first = serve()
    check_refused(start(first.folder), first.database, f"process {first.process.pid}")
    with get_sync_client(url=first.url) as client:
        client.threads.create()
    assert first.stop() == 0
