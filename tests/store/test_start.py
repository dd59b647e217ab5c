"""Which files are refused at start and why, and how the tables come to be."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from playhouse.schema_diff import diff_models

from cronlane_service.store import DatabaseUrlError, UnusableDatabase, open_database, sqlite_path
from cronlane_service.store.migrate import MIGRATIONS
from cronlane_service.store.sqlite import SqliteEngine
from cronlane_service.store.tables import Table
from store.rows import thread

NOBODY = 65534


def refusal(path: Path) -> str:
    with pytest.raises(UnusableDatabase) as caught:
        open_database(str(path), busy_timeout=0.05)
    assert str(path) in str(caught.value), "the message names the file"
    return caught.value.problem


@pytest.fixture
def unprivileged() -> Iterator[Path]:
    """A folder of a user who is not root: nothing is read-only to root."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if os.geteuid() != 0:
            yield folder
            folder.chmod(0o700)
            return
        os.chown(folder, NOBODY, NOBODY)
        os.seteuid(NOBODY)
        try:
            yield folder
        finally:
            os.seteuid(0)


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("sqlite:///relative/path.db", "relative/path.db"),
        ("sqlite:////abs/path.db", "/abs/path.db"),
        ("bare.db", "bare.db"),
        ("/abs/with space%20.db", "/abs/with space%20.db"),
    ],
)
def test_a_url_names_a_file(url: str, path: str) -> None:
    assert sqlite_path(url) == Path(path)


@pytest.mark.parametrize(
    "url",
    ["", "sqlite://", "sqlite:///", "sqlite://host/x.db", "sqlite:///x.db?mode=ro", ":memory:", "sqlite:///:memory:",
     "mysql://user:secret@host/db", "a\0b"],
)  # fmt: skip
def test_any_other_url_is_refused_with_the_forms_there_are(url: str) -> None:
    with pytest.raises(DatabaseUrlError, match=r"use a file's path, sqlite:///relative/path\.db") as caught:
        open_database(url)
    assert "secret" not in str(caught.value)


def test_folders_are_made_and_the_file_is_durable_from_the_start(tmp_path: Path) -> None:
    database = open_database(f"sqlite:///{tmp_path}/a/b/c.db")
    settings = {
        name: database.read_now(lambda tx, name=name: tx.threads._connection.execute(f"PRAGMA {name}"))[0][0]
        for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
    }
    database.stop()
    assert (tmp_path / "a/b/c.db").exists()
    assert settings == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 5000}


def test_a_file_that_is_no_database_is_refused_and_left_alone(path: Path) -> None:
    path.write_bytes(b"not a database at all, " * 400)
    before = path.read_bytes()
    assert refusal(path) == "it is not a SQLite database, or it is damaged"
    assert path.read_bytes() == before


def test_a_damaged_database_is_refused(path: Path) -> None:
    database = open_database(str(path))
    database.migrate()
    database.stop()
    content = path.read_bytes()
    path.write_bytes(content[:100] + b"\xff" * 4000 + content[4100:])
    assert "damaged" in refusal(path)


def test_a_directory_is_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path) == "it is a directory, not a file"


def test_a_file_where_a_folder_should_be_is_refused(path: Path) -> None:
    path.write_text("")
    assert "exists" in refusal(path / "x.db") or "directory" in refusal(path / "x.db")


def test_a_read_only_file_is_refused(unprivileged: Path) -> None:
    path = unprivileged / "cronlane.db"
    database = open_database(str(path))
    database.migrate()
    database.stop()
    path.chmod(0o444)
    assert refusal(path) == "it is read-only"


def test_a_read_only_folder_is_refused(unprivileged: Path) -> None:
    unprivileged.chmod(0o555)
    assert refusal(unprivileged / "cronlane.db") == f"Permission denied: {unprivileged}/cronlane.db.lock"
    assert refusal(unprivileged / "new" / "cronlane.db") == f"Permission denied: {unprivileged}/new"


def test_a_file_that_another_program_has_locked_is_refused(path: Path) -> None:
    open_database(str(path)).stop()
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    assert refusal(path) == "another process has locked it"
    other.close()
    open_database(str(path)).stop()


def test_a_second_server_is_refused_until_the_first_is_gone(path: Path) -> None:
    script = (
        "import sys\n"
        "from cronlane_service.store import open_database\n"
        "database = open_database(sys.argv[1])\n"
        "print('open', flush=True)\n"
        "sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == "open\n"
        assert refusal(path) == f"another cronlane (process {first.pid}) uses it"
        link = path.with_name("link.db")
        link.symlink_to(path)
        with pytest.raises(UnusableDatabase, match="another cronlane"):
            open_database(str(link))
        first.send_signal(signal.SIGKILL)
        first.wait(10)
    open_database(str(path)).stop()


def test_a_file_is_refused_to_a_second_opener_in_one_process_and_free_after_stop(path: Path) -> None:
    first = open_database(str(path))
    assert "another cronlane" in refusal(path)
    first.stop()
    first.stop()
    open_database(str(path)).stop()


def test_migrations_are_applied_once_and_named(path: Path) -> None:
    database = open_database(str(path))
    assert database.migrate() == sorted(script.stem for script in MIGRATIONS.glob("[0-9]*.py"))
    assert database.migrate() == []
    database.stop()
    database = open_database(str(path))
    assert database.migrate() == []
    database.stop()


def test_a_database_that_a_newer_version_changed_is_refused(path: Path) -> None:
    database = open_database(str(path))
    database.migrate()
    with sqlite3.connect(path) as other:
        other.execute("INSERT INTO schema_migration (name, applied) VALUES ('9999_future', '2030-01-01')")
    other.close()
    with pytest.raises(UnusableDatabase, match=r"a newer version of cronlane has changed it \(9999_future\)"):
        database.migrate()
    database.stop()


def test_tables_of_another_program_are_not_taken_for_ours(path: Path) -> None:
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE threads (posts TEXT)")
    other.close()
    database = open_database(str(path))
    with pytest.raises(UnusableDatabase, match=r"threads.* already exists"):
        database.migrate()
    database.stop()
    with sqlite3.connect(path) as other:
        assert other.execute("SELECT name FROM sqlite_master WHERE name = 'runs'").fetchall() == []
    other.close()


def test_the_migrations_make_the_tables_that_the_code_has(tmp_path: Path) -> None:
    migrated = open_database(str(tmp_path / "migrated.db"))
    migrated.migrate()
    tables = Table.__subclasses__()
    engine = SqliteEngine(tmp_path / "created.db")
    created = engine.connect()
    with created.bind_ctx(tables):
        created.create_tables(tables)
    ours = migrated._engine.connect()
    assert not diff_models(ours, tables)
    schemas = []
    for connection in (ours, created):
        rows = connection.execute_sql(
            "SELECT type, name, sql FROM sqlite_master WHERE type <> 'trigger' AND sql IS NOT NULL"
        ).fetchall()
        schemas.append({
            (kind, name): sql.replace("IF NOT EXISTS ", "") for kind, name, sql in rows if "schema_migration" not in sql
        })  # fmt: skip
        connection.close()
    migrated.stop()
    assert schemas[0] == schemas[1]
    assert len(schemas[0]) > len(tables)


def test_two_databases_can_be_open_side_by_side(tmp_path: Path) -> None:
    databases = [open_database(str(tmp_path / f"{number}.db")) for number in range(2)]
    made = [thread(), thread()]
    for database, each in zip(databases, made, strict=True):
        database.migrate()
        database.start()
        assert database.submit(lambda tx, each=each: tx.threads.insert(each)).result(10)
    ids = [each.thread_id for each in made]
    found = [set(database.read_now(lambda tx: tx.threads.find(ids))) for database in databases]
    for database in databases:
        database.stop()
    assert found == [{ids[0]}, {ids[1]}]
