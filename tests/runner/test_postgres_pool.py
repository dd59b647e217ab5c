"""Connections that end while nobody uses them."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

import psycopg

from cronlane_service.runner.postgres_pool import PATIENCE, Connections


async def test_after_all_connections_were_cut_the_first_caller_gets_a_new_one_at_once(postgres_url: str) -> None:
    async with Connections(postgres_url, most=8) as pool:
        async with AsyncExitStack() as stack:
            lent = [await stack.enter_async_context(pool.connection()) for _ in range(8)]
            processes = [connection.info.backend_pid for connection in lent]
        with psycopg.connect(postgres_url, autocommit=True) as admin:
            cut = "SELECT bool_and(pg_terminate_backend(pid, 10000)) FROM unnest(%s) AS pid"
            assert admin.execute(cut, (processes,)).fetchone() == (True,)
        async with asyncio.timeout(PATIENCE / 2), pool.connection() as connection:
            assert connection.info.backend_pid not in processes
            await connection.execute("SELECT 1")
