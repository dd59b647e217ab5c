"""The SQLite engine: one file, one server."""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import lru_cache
from itertools import chain
from pathlib import Path
from typing import Any, TypeVar

import peewee

from cronlane_service.domain import jsontext
from cronlane_service.domain.clock import SystemClock
from cronlane_service.store.connection import Connection
from cronlane_service.store.engine import Hear, Notice
from cronlane_service.store.errors import UnusableDatabase
from cronlane_service.store.sqlite_session import Session

T = TypeVar("T", bound=peewee.Model)

_CHECKPOINT = 4000
"""Pages (16 MB) after which what was committed is put into its place, while all wait: four times as rarely as by
default, since neighbours that are written in turn go to the same pages."""
_PORTIONS = (500, 100, 20, 5, 1)  # rows a statement: the largest with 60 columns has all the places there may be


class SqliteEngine:
    """Keeps the file to itself with a lock on ``<file>.lock``, which the system releases if the server is killed."""

    dialect = "sqlite"
    exclusive = True
    near = True
    refusal = sqlite3.Error
    clock = SystemClock()
    begin_write = "BEGIN IMMEDIATE"
    begin_read = "BEGIN"

    def __init__(self, path: Path, *, busy_timeout: float = 5.0) -> None:
        self.path = path.resolve()
        self.name = str(self.path)
        self._busy_timeout = busy_timeout
        self._lock: int | None = None
        self._file: tuple[int, int] | None = None  # as it was when it was opened

    def open(self) -> None:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            if self.path.is_dir():
                raise UnusableDatabase(self.name, "it is a directory, not a file")
            self._lock = self._locked()
        except OSError as error:
            raise UnusableDatabase(self.name, f"{error.strerror}: {error.filename}") from error
        try:
            self._check()
        except peewee.PeeweeException as error:
            self.close()
            raise UnusableDatabase(self.name, _explained(error)) from error
        except UnusableDatabase:
            self.close()
            raise
        self._file = _identity(self.path)

    def _locked(self) -> int:
        descriptor = os.open(f"{self.path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(descriptor, 20).decode("ascii", "replace").strip()
            os.close(descriptor)
            process = f" (process {holder})" if holder else ""
            raise UnusableDatabase(self.name, f"another cronlane{process} uses it") from None
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"{os.getpid()}\n".encode())
        return descriptor

    def _check(self) -> None:
        """Reads the schema and takes the write lock once: a file that cannot be used is refused at start."""
        connection = Connection(self)
        try:
            [(mode,)] = connection.execute("PRAGMA journal_mode")
            if mode != "wal":
                raise UnusableDatabase(self.name, f"its file system does not allow WAL (journal mode is {mode})")
            connection.execute("SELECT count(*) FROM sqlite_master")
            connection.begin_write()
            [(version,)] = connection.execute("PRAGMA user_version")
            connection.execute(f"PRAGMA user_version = {version:d}")  # a file that may not be written shows it here
            connection.commit()
        finally:
            connection.close()

    def check(self) -> None:
        """A file that was deleted can still be written; but nobody would ever find what is in it."""
        if self._file is not None and self._file != _identity(self.path):
            raise peewee.OperationalError(
                "its file was moved, deleted or replaced: put it back, or restart the service to use what is there now"
            )

    def close(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def connect(self, *, read_only: bool = False) -> peewee.SqliteDatabase:
        self.check()  # a file that is not there would be made
        pragmas: dict[str, Any] = {
            "journal_mode": "wal",
            "synchronous": "full",
            "foreign_keys": "on",
            "wal_autocheckpoint": _CHECKPOINT,
        }
        if read_only:
            pragmas["query_only"] = "on"
        database = peewee.SqliteDatabase(
            self.name,
            pragmas=pragmas,
            timeout=self._busy_timeout,
            thread_safe=False,  # a connection goes from thread to thread; one at a time uses it
            check_same_thread=False,
            autoconnect=False,
            factory=Session,
        )
        database.register_function(_contains, "cronlane_contains", 2, deterministic=True)
        database.register_function(_includes, "cronlane_includes", 2, deterministic=True)
        database.connect()
        return database

    def compile(self, query: peewee.Query) -> tuple[str, Sequence[Any]]:
        context: Any = _DIALECT.get_sql_context()
        sql, values = context.parse(query)
        return sql, values

    def driver(self, database: peewee.Database) -> Session:
        session: Session = database.connection()  # type: ignore[no-untyped-call]
        return session

    def unavailable(self, error: BaseException) -> str | None:
        # Of the other classes the statement's author is to blame: a key that is taken, a value of a wrong type.
        if isinstance(error, (peewee.OperationalError, peewee.InternalError)) or type(error) is peewee.DatabaseError:
            return str(error)
        return None

    def lost(self, error: BaseException) -> bool:
        return False

    def tries(self, error: BaseException) -> int:
        return 0

    def contains(self, document: peewee.Node, pattern: Any) -> peewee.Node:
        return peewee.fn.cronlane_contains(document, pattern)

    def pattern(self, document: str) -> str:
        _parsed(document)
        return document

    def includes(self, text: peewee.Node, part: Any) -> peewee.Node:
        return peewee.fn.cronlane_includes(text, part)

    def among(self, column: peewee.Node, values: Any) -> peewee.Node:
        opening, closing = peewee.SQL("IN (SELECT value FROM json_each("), peewee.SQL("))")
        return peewee.NodeList((column, opening, peewee.AsIs(values), closing))

    def several(self, values: Sequence[str]) -> str:
        return jsontext.dump(list(values))

    def table(self, kinds: Sequence[str], count: int) -> peewee.Node:
        row = f"({', '.join('?' * len(kinds))})"
        return peewee.SQL(f"(VALUES {', '.join([row] * count)}) AS given")

    def portions(self, count: int) -> Iterator[int]:
        for size in _PORTIONS:
            while count >= size:
                yield size
                count -= size

    def table_values(self, kinds: Sequence[str], columns: Sequence[Sequence[Any]]) -> Sequence[Any]:
        return tuple(chain.from_iterable(zip(*columns, strict=True)))

    def claimed(self, query: peewee.ModelSelect[T], *tables: Any) -> peewee.ModelSelect[T]:
        return query  # BEGIN IMMEDIATE keeps every other writer out

    def locked(self, query: peewee.ModelSelect[T]) -> peewee.ModelSelect[T]:
        return query

    def migrating(self, database: peewee.Database) -> AbstractContextManager[None]:
        return nullcontext()

    def announce(self, connection: Connection, notices: Sequence[Notice]) -> None:
        """There is nobody else."""

    def look_ups(self) -> None:
        return None

    def listener(self, hear: Hear) -> None:
        return None


_DIALECT = peewee.SqliteDatabase(None)  # never connected: it only knows how SQLite's SQL is written


def _identity(path: Path) -> tuple[int, int] | None:
    """None: there is no such file."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _explained(error: peewee.PeeweeException) -> str:
    text = str(error)
    if "not a database" in text:
        return "it is not a SQLite database, or it is damaged"
    if "malformed" in text:
        return "it is damaged (database disk image is malformed)"
    if "locked" in text:
        return "another process has locked it"
    if "readonly" in text:
        return "it is read-only"
    return text


@lru_cache(maxsize=64)
def _parsed(pattern: str) -> Any:
    return jsontext.parse(pattern)


def _contains(document: str | None, pattern: str) -> bool:
    if document is None:
        return False
    try:
        return jsontext.contains(jsontext.parse(document), _parsed(pattern))
    except (ValueError, RecursionError):
        return False  # one document that cannot be read or is nested without end must not spoil the search


def _includes(text: str | None, part: str) -> bool:
    return text is not None and part in text.casefold()
