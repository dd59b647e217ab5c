"""Checkpoints and items in the PostgreSQL that servers share."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import psycopg
import pytest

from builders import NOON
from cronlane_service.domain.errors import StoreUnavailable
from cronlane_service.domain.items import ItemDraft
from cronlane_service.domain.models import Thread, ThreadState
from cronlane_service.domain.runs import Run, RunStatus
from cronlane_service.runner.items import LocalItems
from cronlane_service.runner.local import LocalGraphs
from cronlane_service.runner.postgres import PostgresCheckpoints
from cronlane_service.store import SqlDatabase, open_database
from runner.sample import THREAD, Gate, Steps, chain, first, loaded, run, second


@pytest.fixture
async def store(postgres_url: str) -> AsyncIterator[SqlDatabase]:
    database = open_database(postgres_url)
    database.start()
    await database.write(lambda tx: tx.threads.insert(Thread(THREAD, "", NOON, NOON, NOON)))
    yield database
    await asyncio.to_thread(database.stop)


@pytest.fixture
async def serve(postgres_url: str, store: SqlDatabase) -> AsyncIterator[Callable[..., Any]]:
    opened: list[LocalGraphs] = []

    async def serve(graph: Any) -> LocalGraphs:
        graphs = LocalGraphs(loaded(graph), PostgresCheckpoints(postgres_url))
        await graphs.open()
        opened.append(graphs)
        return graphs

    yield serve
    for graphs in opened:
        await graphs.close()


async def held(store: SqlDatabase, wanted: Run) -> Run:
    """The run, as this attempt's."""
    await store.write(lambda tx: [tx.runs.delete(wanted.run_id), tx.runs.insert_many([wanted])])
    return wanted


async def ended(store: SqlDatabase, done: Run) -> None:
    assert await store.write(lambda tx: tx.runs.end(replace(done, status=RunStatus.SUCCESS)))


async def counted(url: str, table: str) -> int:
    async with await psycopg.AsyncConnection.connect(url) as connection:
        rows = await connection.execute(f"SELECT count(*) FROM {table}".encode())
        found = await rows.fetchone()
        assert found is not None
        return int(found[0])


async def test_a_run_goes_on_on_another_server_where_it_stopped(serve: Any, store: SqlDatabase) -> None:
    def broken_second(state: Steps) -> Steps:
        raise RuntimeError

    broken_second.__name__ = "second"
    broken, whole = await serve(chain(first, broken_second)), await serve(chain(first, second))
    assert (await broken.execute(await held(store, run()))).status is RunStatus.ERROR
    outcome = await whole.execute(await held(store, run(attempt=2)))
    assert outcome.status is RunStatus.SUCCESS
    assert outcome.values == '{"steps":["input","first","second"]}'
    state = await broken.state("agent", THREAD)
    assert state is not None
    assert state.values == outcome.values


async def test_what_a_node_wrote_is_kept_with_the_path_of_its_task(
    serve: Any, store: SqlDatabase, postgres_url: str
) -> None:
    graphs = await serve(chain(first))
    await graphs.execute(await held(store, run()))
    async with await psycopg.AsyncConnection.connect(postgres_url) as connection:
        rows = await connection.execute("SELECT task_path FROM checkpoint_writes WHERE channel = 'steps'")
        assert [path for (path,) in await rows.fetchall()][-1:] == ["~__pregel_pull, first"]


async def test_a_purged_run_leaves_the_thread_as_it_was_before(
    serve: Any, store: SqlDatabase, postgres_url: str
) -> None:
    graphs = await serve(chain(first))
    await graphs.execute(one := await held(store, run(1)))
    await ended(store, one)
    before = await graphs.state("agent", THREAD)
    tables = ("checkpoints", "checkpoint_writes", "checkpoint_blobs")
    counts = [await counted(postgres_url, table) for table in tables]
    await graphs.execute(await held(store, run(2)))
    await graphs.purge([(THREAD, run(2).run_id)])
    assert await graphs.state("agent", THREAD) == before
    assert [await counted(postgres_url, table) for table in tables] == counts
    await graphs.purge([(THREAD, "")])
    assert [await counted(postgres_url, table) for table in tables] == [0, 0, 0]


async def test_what_is_older_than_the_newest_checkpoint_can_be_forgotten(
    serve: Any, store: SqlDatabase, postgres_url: str
) -> None:
    graphs = await serve(chain(first, second))
    await graphs.execute(await held(store, run()))
    before = await graphs.state("agent", THREAD)
    await graphs.forget(THREAD, await graphs.newest(THREAD))
    after = await graphs.state("agent", THREAD)
    assert before is not None
    assert after is not None
    assert after.values == before.values
    assert await counted(postgres_url, "checkpoints") == 1


async def test_a_thread_can_be_copied(serve: Any, store: SqlDatabase) -> None:
    graphs = await serve(chain(first, second))
    outcome = await graphs.execute(await held(store, run()))
    await graphs.copy(THREAD, "other")
    copied = await graphs.state("agent", "other")
    assert copied is not None
    assert copied.values == outcome.values


async def test_an_attempt_that_lost_its_run_writes_no_checkpoint(
    serve: Any, store: SqlDatabase, postgres_url: str
) -> None:
    gate = Gate()
    old, new = await serve(chain(gate.waiting, second)), await serve(chain(first, second))
    mine = await held(store, run())
    losing = asyncio.ensure_future(old.execute(mine))
    await gate.reached_by_now()
    await held(store, replace(mine, attempt=2))
    outcome = await new.execute(replace(mine, attempt=2))
    written = await counted(postgres_url, "checkpoints"), await counted(postgres_url, "checkpoint_writes")
    gate.opened.set()
    lost = await losing
    assert (lost.status, lost.error and lost.error.error) == (RunStatus.ERROR, "Fenced")
    assert (await counted(postgres_url, "checkpoints"), await counted(postgres_url, "checkpoint_writes")) == written
    state = await new.state("agent", THREAD)
    assert state is not None
    assert state.values == outcome.values


async def test_a_run_under_way_waits_for_a_database_that_cuts_its_connections(
    serve: Any, store: SqlDatabase, postgres_url: str
) -> None:
    gate = Gate()
    graphs = await serve(chain(gate.waiting, second))
    running = asyncio.ensure_future(graphs.execute(await held(store, run())))
    await gate.reached_by_now()
    with psycopg.connect(postgres_url, autocommit=True) as admin:
        admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    gate.opened.set()
    outcome = await running
    assert (outcome.status, outcome.error) == (RunStatus.SUCCESS, None)
    assert outcome.values == '{"steps":["input","waiting","second"]}'


async def test_connections_that_were_cut_are_noticed_before_they_are_used(serve: Any, postgres_url: str) -> None:
    graphs = await serve(chain(first))

    async def states() -> list[Any]:
        return await asyncio.gather(*(graphs.state("agent", THREAD) for _ in range(20)))

    await states()
    with psycopg.connect(postgres_url, autocommit=True) as admin:
        ours = "FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'cronlane graphs'"
        assert admin.execute(f"SELECT count(pg_terminate_backend(pid, 10000)) {ours}".encode()).fetchone() != (0,)
    assert await states() == [ThreadState()] * 20


async def test_a_database_that_is_not_there_is_said_at_start() -> None:
    graphs = LocalGraphs(loaded(chain(first)), PostgresCheckpoints("postgresql://nobody@127.0.0.1:1/x"))
    with pytest.raises(StoreUnavailable):
        await graphs.open()


async def test_ten_servers_that_start_at_once_make_the_tables_once(postgres_url: str) -> None:
    servers = [LocalGraphs(loaded(chain(first)), PostgresCheckpoints(postgres_url)) for _ in range(10)]
    await asyncio.gather(*(server.open() for server in servers))
    for server in servers:
        await server.close()


async def test_items_are_shared(postgres_url: str) -> None:
    here, there = LocalItems(postgres_url), LocalItems(postgres_url)
    await asyncio.gather(here.open(), there.open())
    await here.put("ann", ItemDraft(("a", "b"), "k", '{"x":1}'))
    found = await there.get("ann", ("a", "b"), "k")
    assert found is not None
    assert found.value == '{"x":1}'
    assert await there.get("bob", ("a", "b"), "k") is None
    await here.close()
    await there.close()
