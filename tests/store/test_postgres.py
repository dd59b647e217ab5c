"""What only PostgreSQL does: how it is opened and migrated, what it cannot hold, and that it comes back."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from peewee import SQL, Select
from playhouse.schema_diff import diff_models

from builders import NOON
from cronlane_service.domain import jsontext
from cronlane_service.domain.errors import StoreUnavailable
from cronlane_service.domain.ports import Topic, Transaction
from cronlane_service.store import DatabaseUrlError, SqlDatabase, UnusableDatabase, firings, open_database
from cronlane_service.store.connection import Connection
from cronlane_service.store.instants import stored
from cronlane_service.store.postgres import PostgresEngine
from cronlane_service.store.postgres_json import castable
from cronlane_service.store.postgres_session import Session
from cronlane_service.store.postgres_values import array
from cronlane_service.store.tables import Table
from postgres import Databases, PostgresServer
from serving import wait_until
from store.rows import cron, new_id, thread
from store.servers import LONG, write

MULTIPLIED = """
INSERT INTO crons SELECT (jsonb_populate_record(crons, jsonb_build_object('cron_id', number::text))).*
FROM crons, generate_series(1, 20000) AS number
"""
MIGRATES = """
import sys
from cronlane_service.store import open_database
database = open_database(sys.argv[1])
print("open", flush=True)
sys.stdin.readline()
print(len(database.migrate()))
database.stop()
"""


def test_ten_servers_that_start_at_once_migrate_once(postgres_databases: Databases) -> None:
    with postgres_databases.lent(migrated=False) as url:
        servers = [
            subprocess.Popen([sys.executable, "-c", MIGRATES, url], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            for _ in range(10)
        ]
        assert [server.stdout.readline() for server in servers if server.stdout] == [b"open\n"] * 10
        for server in servers:
            assert server.stdin is not None
            server.stdin.write(b"\n")
            server.stdin.flush()
        said = [int(server.communicate(timeout=60)[0]) for server in servers]
        assert sorted(said)[:9] == [0] * 9
        assert max(said) > 0
        assert [server.returncode for server in servers] == [0] * 10


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("postgresql://nobody:secret@127.0.0.1:1/x", "refused"),
        ("postgresql://nobody:secret@[", "cannot be read"),
    ],
)
def test_a_database_that_cannot_be_used_is_refused_without_the_password(url: str, problem: str) -> None:
    with pytest.raises((UnusableDatabase, ValueError), match=problem) as caught:
        open_database(url)
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_migrations_make_the_tables_that_the_code_has(postgres_url: str) -> None:
    connection = PostgresEngine(postgres_url).connect()
    difference = diff_models(connection, Table.__subclasses__())
    connection.close()
    assert not difference


def test_without_the_driver_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "cronlane_service.store.postgres")
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(DatabaseUrlError, match=r"pip install 'cronlane\[server,postgres\]'"):
        open_database("postgresql://somewhere/x")


def test_a_nul_in_a_text_becomes_a_replacement_character(here: SqlDatabase) -> None:
    mine = thread(metadata='{"a":"\\u0000"}', owner="a\0b")
    write(here, lambda tx: tx.threads.insert(mine))
    found = here.read_now(lambda tx: tx.threads.find([mine.thread_id]))[mine.thread_id]
    assert found == replace(mine, owner="a\ufffdb")


def test_the_crons_that_come_are_walked_in_their_order_also_where_statistics_know_of_few(here: SqlDatabase) -> None:
    def plan(tx: Transaction) -> str:
        connection: Connection = tx.firings._connection  # type: ignore[attr-defined]
        given = {"after": stored(NOON), "id": "", "until": stored(NOON), "limit": 200}
        sql, values = firings._COMING.bound(connection.engine, given)
        return str(connection.execute(f"EXPLAIN {sql}", *values))

    write(here, lambda tx: tx.crons.insert(cron()))
    write(here, lambda tx: tx.crons._connection.execute(MULTIPLIED))  # type: ignore[attr-defined]
    found = here.read_now(plan)
    assert "Index Scan using crons_due" in found
    assert "Sort" not in found


def test_a_connection_that_was_cut_is_made_anew_and_nobody_notices(here: SqlDatabase, there: SqlDatabase) -> None:
    mine = thread()
    write(here, lambda tx: tx.threads.insert(mine))
    here.read_now(lambda tx: tx.threads.find([mine.thread_id]))
    heard = threading.Event()
    cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
    write(there, lambda tx: tx.threads._connection.execute(f"{cut} AND pid <> pg_backend_pid()"))
    here.listen(Topic.RUNS, lambda key: heard.set())
    assert write(here, lambda tx: tx.threads.delete(mine.thread_id))
    assert here.read_now(lambda tx: tx.threads.find([mine.thread_id])) == {}
    assert here.failing is None
    assert heard.wait(LONG), "what was told meanwhile may be lost: everything is looked at"
    heard.clear()
    wait_until(
        lambda: write(there, lambda tx: tx.notify(Topic.RUNS)) or heard.wait(0.1), description="it listens again"
    )


def test_all_other_threads_go_on_while_the_database_is_waited_for(here: SqlDatabase) -> None:
    long, sleeping = threading.Event(), "SELECT 1 FROM pg_sleep(0.5)"
    for operation in (
        lambda tx: tx.threads._connection.execute(sleeping),
        lambda tx: tx.threads._connection.send(sleeping),
    ):
        waiting = here.submit(operation)
        steps = 0
        while not waiting.done():
            long.wait(0.01)
            steps += 1
        assert steps > 20


def test_rows_that_nobody_counts_are_not_waited_for_one_by_one(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[int] = []
    answers = Session._answers

    def waited(session: Session) -> list[Any]:
        if threading.current_thread().name == "cronlane-writer":
            waits.append(session._unanswered)
        return answers(session)

    monkeypatch.setattr(Session, "_answers", waited)
    database = open_database(postgres_url)
    crons = [cron() for _ in range(50)]
    futures = [database.submit(lambda tx, made=made: tx.crons.insert(made)) for made in crons]
    database.start()
    for future in futures:
        future.result(LONG)
    database.stop()
    assert sum(waits) >= 52, "they are sent, with the beginning and the end of their transaction"
    assert len(waits) <= 6


def test_a_connection_carries_out_more_different_statements_than_it_prepares(here: SqlDatabase) -> None:
    def asks(tx: Transaction) -> list[Any]:
        return [tx.threads._connection.execute(f"SELECT {number}") for number in [*range(1200)] * 4]

    assert here.read_now(asks) == [[(number,)] for number in [*range(1200)] * 4]


def test_more_than_fits_between_here_and_the_database_is_sent_and_answered(here: SqlDatabase) -> None:
    mine = [thread(metadata=f'{{"a":"{"x" * 1_000_000}"}}') for _ in range(20)]

    def inserts(tx: Transaction) -> bool:
        for each in mine:
            tx.threads.insert_many([each])
        return True

    assert write(here, inserts)
    found = here.read_now(lambda tx: tx.threads.find([each.thread_id for each in mine]))
    assert found == {each.thread_id: each for each in mine}


def test_a_batch_whose_connection_is_cut_is_done_again_whole(here: SqlDatabase, there: SqlDatabase) -> None:
    mine, other = thread(), thread()
    tries: list[int] = []

    def dies_once(tx: Transaction) -> bool:
        inserted = tx.threads.insert(mine)
        [(pid,)] = tx.threads._connection.execute("SELECT pg_backend_pid()")
        if not tries:
            write(there, lambda tx: tx.threads._connection.execute("SELECT pg_terminate_backend(%s)", pid))
        tries.append(pid)
        return inserted

    first = here.submit(dies_once)
    second = here.submit(lambda tx: tx.threads.insert(other))
    assert (first.result(LONG), second.result(LONG)) == (True, True)
    assert len(set(tries)) == 2
    found = here.read_now(lambda tx: tx.threads.find([mine.thread_id, other.thread_id]))
    assert set(found) == {mine.thread_id, other.thread_id}


def inserting(thread_id: str) -> Callable[[Transaction], bool]:
    return lambda tx: tx.threads.insert(thread(thread_id=thread_id))


def test_a_server_that_is_killed_loses_nothing_that_was_acknowledged_and_is_used_again_when_it_is_back() -> None:
    server = PostgresServer()
    try:
        server.start()
        database = open_database(server.url)
        database.migrate()
        database.start()
        _kill_twice(server, database)
        database.stop()
    finally:
        server.remove()


def _kill_twice(server: PostgresServer, database: SqlDatabase) -> None:
    acknowledged: set[str] = set()
    stopped, refused = threading.Event(), threading.Event()

    def writes() -> None:
        while not stopped.is_set():
            thread_id = new_id()
            try:
                assert database.submit(inserting(thread_id)).result(30)
                acknowledged.add(thread_id)
            except StoreUnavailable:
                refused.set()
                stopped.wait(0.01)

    with ThreadPoolExecutor(4) as writers:
        futures = [writers.submit(writes) for _ in range(4)]
        for _ in range(2):
            before = len(acknowledged)
            wait_until(lambda before=before: len(acknowledged) > before + 50, description="writes go on")  # type: ignore[misc]
            refused.clear()
            told = threading.Event()
            database.listen(Topic.CRONS, lambda key, told=told: told.set())  # type: ignore[misc]
            server.kill()
            assert refused.wait(LONG)
            assert database.failing
            with pytest.raises(StoreUnavailable):
                database.read_now(lambda tx: tx.threads.find([]))
            server.start()
            assert told.wait(LONG), "what happened meanwhile is looked for"
        wait_until(lambda: database.failing is None, description="it is written again")
        stopped.set()
        for future in futures:
            future.result(LONG)
    found = set(database.read_now(lambda tx: tx.threads.find(sorted(acknowledged))))
    assert found == acknowledged


names = st.sampled_from(["a", "b", "\\", "\0", "\ud800", "x\udc00", "\U0001f600", "u0000", "\\u0000"])
values = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 2) | st.sampled_from([1.0, 1.5, 10**20]) | names,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(names, inner, max_size=3),
    max_leaves=5,
)


@pytest.fixture(scope="module")
def connection(postgres_databases: Databases) -> Iterator[Connection]:
    with postgres_databases.lent() as url:
        connection = Connection(PostgresEngine(url))
        yield connection
        connection.close()


@settings(deadline=None, max_examples=200)
@given(st.lists(st.none() | st.text(st.sampled_from("a\"\\{},() NUL'\u00e9\n\t\0\U0001f600"), max_size=6)))
def test_a_table_of_texts_holds_what_was_given(connection: Connection, given: list[str | None]) -> None:
    assert table(connection, "TEXT", given) == [text and text.replace("\0", "\ufffd") for text in given]


@pytest.mark.parametrize(
    ("kind", "given"),
    [
        ("BIGINT", [0, -(2**63), None]),
        ("INT", [0, 2**31 - 1, None]),
        ("BOOL", [True, False, None]),
        ("BLOB", [b"", b"a\0\\\xff", None]),
    ],
)
def test_a_table_of_other_values_holds_what_was_given(connection: Connection, kind: str, given: list[Any]) -> None:
    assert table(connection, kind, given) == given


def table(connection: Connection, kind: str, given: list[Any]) -> list[Any]:
    sql, _ = connection.engine.compile(Select((connection.engine.table([kind], len(given)),), [SQL("column1")]))
    return [value for (value,) in connection.execute(sql, *connection.engine.table_values([kind], [given]))]


def comparable(value: Any) -> Any:
    """As PostgreSQL sees it: half of a surrogate pair is like any other, and a number is no boolean, also in lists."""
    if isinstance(value, str):
        return "".join("\ufffd" if "\ud800" <= letter <= "\udfff" else letter for letter in value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return f"number {float(value)}"
    if isinstance(value, list):
        return [comparable(item) for item in value]
    if isinstance(value, dict):
        return {comparable(name): comparable(item) for name, item in value.items()}
    return value


@settings(deadline=None, max_examples=300)
@given(st.dictionaries(names, values, max_size=3), st.dictionaries(names, values, max_size=2))
def test_a_document_contains_what_it_contains_on_sqlite(connection: Connection, document: Any, pattern: Any) -> None:
    for wanted in (pattern, document, dict(list(document.items())[:1])):
        texts = json.dumps(document), castable(json.dumps(wanted))
        [(found,)] = connection.execute("SELECT cronlane_contains(%s, %s::jsonb)", *texts)
        assert found == jsontext.contains(comparable(document), comparable(wanted)), (document, wanted)


def test_a_number_that_is_too_large_for_its_column_is_refused_like_other_values() -> None:
    with pytest.raises(OverflowError, match="the database refuses it"):
        array("INT", [1, None, 2**31])
