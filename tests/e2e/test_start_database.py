"""Databases that cannot be used: exit code 2 and one line that names the file, before anything listens."""

from __future__ import annotations

import re
import sqlite3
import subprocess
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from langgraph_sdk import get_sync_client

from cronlane_service.store.postgres import _MIGRATING as MIGRATING
from serving import CRONLANE, Served, check_refused, clean_environment, run, start, wait_until


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


MIGRATES, WRITES = "SELECT pg_advisory_lock(%s)", "LOCK TABLE assistants"


@pytest.mark.parametrize(("command", "waits_for"), [("serve", MIGRATES), ("worker", MIGRATES), ("serve", WRITES)])
def test_a_database_that_goes_away_while_a_server_starts_is_one_line(
    command: str, waits_for: str, tmp_path: Path, postgres_url: str
) -> None:
    """What the server waits for is held; each of its connections that waits is cut."""
    cut = """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND wait_event_type = 'Lock'"""
    with psycopg.connect(postgres_url) as holder, psycopg.connect(postgres_url, autocommit=True) as cutter:
        holder.execute(waits_for.encode(), (MIGRATING,) if waits_for == MIGRATES else ())
        starting = subprocess.Popen(
            [CRONLANE, command, "--database", postgres_url],
            cwd=tmp_path,
            env={**clean_environment(), "CRONLANE_GRPC_PORT": "0", "CRONLANE_REST_PORT": "0"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            wait_until(lambda: cutter.execute(cut) and starting.poll() is not None, description="it has ended")
        finally:
            starting.kill()
        out, err = starting.communicate(timeout=30)
    assert (starting.returncode, out) == (2, "")
    assert "Traceback" not in err
    assert re.fullmatch(r"cronlane: .*database.*", err.splitlines()[-1])


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
