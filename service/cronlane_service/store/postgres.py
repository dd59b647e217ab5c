"""The PostgreSQL engine: one database, any number of servers."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, TypeVar

import peewee
import psycopg
from peewee import __exception_wrapper__ as translated  # type: ignore[attr-defined]
from psycopg import conninfo

from cronlane_service.domain import jsontext
from cronlane_service.store import postgres_errors
from cronlane_service.store.connection import Connection
from cronlane_service.store.database_clock import DatabaseClock
from cronlane_service.store.engine import Hear, Notice
from cronlane_service.store.errors import DatabaseUrlError, UnusableDatabase
from cronlane_service.store.listener import CHANNEL, Listener, message
from cronlane_service.store.postgres_json import castable
from cronlane_service.store.postgres_lookups import LookUps
from cronlane_service.store.postgres_refusals import Refusals
from cronlane_service.store.postgres_session import Session
from cronlane_service.store.postgres_values import Cursor, array

T = TypeVar("T", bound=peewee.Model)

OLDEST = 13
"""The first version of PostgreSQL that is tried."""
_MIGRATING = 0x63726F6E  # the advisory lock's number
# Of Peewee's kinds of fields.
_TYPES = {"TEXT": "text", "BIGINT": "bigint", "INT": "integer", "BOOL": "boolean", "BLOB": "bytea"}
_SETTINGS = (
    # A server that stands still in the middle of a transaction, and its locks with it, is not waited for longer.
    "idle_in_transaction_session_timeout=10s",
    "synchronous_commit=on",
    # Most of what is asked takes the first rows of an index, in its order. Planned by statistics from before there were
    # so many, all would be read and sorted to take some.
    "enable_bitmapscan=off",
    "jit=off",
)
_WRITING = "-c lock_timeout=100ms -c enable_seqscan=off"
"""Nobody waits long for a lock of another server: the operation is tried again when the others' have gone ahead. And
what writes has an index for all that it looks for."""


class PostgresEngine:
    """Transactions of several servers go on side by side; what one of them is about to change, it locks row by row."""

    dialect = "postgresql"
    begin_write = "BEGIN ISOLATION LEVEL READ COMMITTED"
    begin_read = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
    exclusive = False
    near = False
    refusal = psycopg.Error

    def __init__(self, url: str, *, connect_timeout: int = 5) -> None:
        given = _parsed(url)
        self._parameters: dict[str, Any] = {
            "application_name": "cronlane",
            "connect_timeout": connect_timeout,
            "tcp_user_timeout": 10_000,
            "keepalives_idle": 10,
            **given,
            "client_encoding": "utf8",
            "options": " ".join(filter(None, [given.get("options"), *(f"-c {each}" for each in _SETTINGS)])),
        }
        self._writing = self._parameters | {"options": f"{self._parameters['options']} {_WRITING}"}
        self.name = _named(given)
        self.clock = DatabaseClock()
        self.origin = uuid.uuid4().hex
        self._refusals = Refusals()

    def open(self) -> None:
        try:
            connection = Connection(self)
        except peewee.PeeweeException as error:
            raise UnusableDatabase(self.name, postgres_errors.explained(error)) from error
        try:
            self._check(connection)
        except peewee.PeeweeException as error:
            raise UnusableDatabase(self.name, postgres_errors.explained(error)) from error
        finally:
            connection.close()

    def _check(self, connection: Connection) -> None:
        [(version, encoding, standby)] = connection.execute(
            "SELECT current_setting('server_version_num')::int / 10000,"
            " current_setting('server_encoding'), pg_is_in_recovery()"
        )
        if version < OLDEST:
            raise UnusableDatabase(self.name, f"it is PostgreSQL {version}; {OLDEST} or later is needed")
        if encoding != "UTF8":
            raise UnusableDatabase(self.name, f"its encoding is {encoding}; UTF8 is needed")
        if standby:
            raise UnusableDatabase(self.name, "it is a standby, and cannot be written")
        self.clock.ask(lambda: _instant(connection.execute(_NOW)))

    def check(self) -> None:
        """What the server has taken it keeps."""

    def close(self) -> None:
        """Nothing is kept: others may use the database too."""

    def connect(self, *, read_only: bool = False) -> peewee.PostgresqlDatabase:
        database = peewee.PostgresqlDatabase(
            "postgresql://",
            prefer_psycopg3=True,
            thread_safe=False,  # a connection goes from thread to thread; one at a time uses it
            autoconnect=False,
            cursor_factory=Cursor,
            **(self._parameters if read_only else self._writing),
        )
        with translated:
            self._refusals.check()
        with self._refusals.asked():
            database.connect()
        return database

    def driver_connection(self) -> psycopg.Connection[Any]:
        """One without Peewee, for who needs what the driver alone can do."""
        self._refusals.check()
        with self._refusals.asked():
            return psycopg.connect(**self._parameters, autocommit=True)

    def set_clock(self, connection: psycopg.Connection[Any]) -> None:
        self.clock.ask(lambda: _instant(connection.execute(_NOW).fetchall()))

    def compile(self, query: peewee.Query) -> tuple[str, Sequence[Any]]:
        context: Any = _DIALECT.get_sql_context()
        sql, values = context.parse(query)
        return sql, values

    def driver(self, database: peewee.Database) -> Session:
        return Session(database.connection())  # type: ignore[no-untyped-call]

    def unavailable(self, error: BaseException) -> str | None:
        return postgres_errors.unavailable(error)

    def lost(self, error: BaseException) -> bool:
        return postgres_errors.lost(error)

    def tries(self, error: BaseException) -> int:
        return postgres_errors.tries(error)

    def contains(self, document: peewee.Node, pattern: Any) -> peewee.Node:
        return peewee.fn.cronlane_contains(document, peewee.Cast(peewee.AsIs(pattern), "jsonb"))

    def pattern(self, document: str) -> str:
        jsontext.parse(document)
        return castable(document)

    def includes(self, text: peewee.Node, part: Any) -> peewee.Node:
        return peewee.fn.strpos(peewee.fn.cronlane_fold(text), part) > 0

    def among(self, column: peewee.Node, values: Any) -> peewee.Node:
        return peewee.NodeList((column, peewee.SQL("= ANY("), peewee.AsIs(values), peewee.SQL(")")))

    def several(self, values: Sequence[str]) -> list[str]:
        return list(values)

    def table(self, kinds: Sequence[str], count: int) -> peewee.Node:
        columns = ", ".join(f"column{number}" for number in range(1, len(kinds) + 1))
        places = ", ".join(f"%s::{_TYPES[kind]}[]" for kind in kinds)
        return peewee.SQL(f"unnest({places}) AS given ({columns})")

    def portions(self, count: int) -> Sequence[int]:
        return [count] if count else []

    def table_values(self, kinds: Sequence[str], columns: Sequence[Sequence[Any]]) -> Sequence[bytes]:
        return list(map(array, kinds, columns))

    def claimed(self, query: peewee.ModelSelect[T], *tables: Any) -> peewee.ModelSelect[T]:
        return query.for_update(of=tables or None, skip_locked=True)

    def locked(self, query: peewee.ModelSelect[T]) -> peewee.ModelSelect[T]:
        return query.for_update()

    @contextmanager
    def migrating(self, database: peewee.Database) -> Iterator[None]:
        """One server at a time. The lock ends with the connection at the latest."""
        cursor: psycopg.Cursor[Any] = database.cursor()  # type: ignore[no-untyped-call]
        with translated:
            cursor.execute("SET lock_timeout = 0")
            cursor.execute("SELECT pg_advisory_lock(%s)", (_MIGRATING,))
        yield
        with translated:
            cursor.execute("SELECT pg_advisory_unlock(%s)", (_MIGRATING,))

    def announce(self, connection: Connection, notices: Sequence[Notice]) -> None:
        """Tells the other servers, when the transaction is committed."""
        messages = [message(self.origin, topic, key) for topic, key in notices]
        connection.send("SELECT pg_notify(%s, message) FROM unnest(%s::text[]) AS message", CHANNEL, messages)

    def look_ups(self) -> LookUps:
        return LookUps(self)

    def listener(self, hear: Hear) -> Listener:
        return Listener(self, hear)


_DIALECT = peewee.PostgresqlDatabase(None, prefer_psycopg3=True)  # never connected: it only knows the SQL

_NOW = "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint"


def _instant(rows: Sequence[Sequence[Any]]) -> datetime:
    """What _NOW answers."""
    [(microseconds,)] = rows
    return datetime.fromtimestamp(microseconds // 1_000_000, UTC).replace(microsecond=microseconds % 1_000_000)


def _parsed(url: str) -> dict[str, Any]:
    try:
        return conninfo.conninfo_to_dict(url)
    except psycopg.ProgrammingError as error:
        # Its text may quote the password.
        raise DatabaseUrlError(
            "the database's URL cannot be read: use postgresql://user:password@host:port/database"
        ) from error


def _named(given: dict[str, Any]) -> str:
    user = f"{given['user']}@" if "user" in given else ""
    port = f":{given['port']}" if "port" in given else ""
    return f"postgresql://{user}{given.get('host', '')}{port}/{given.get('dbname', '')}"
