"""What LangGraph does alone: so many `ainvoke`s of the demo graph in one process, with its own checkpointer."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any
from uuid import uuid4

import aiosqlite
import psycopg_pool
import uvloop
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

from cronlane_service.demo.agent import graph

QUESTION: Any = {"messages": [{"role": "user", "content": "What time is it?"}]}
CONNECTIONS = 8  # as many as a server of ours opens for checkpoints


@asynccontextmanager
async def saver(url: str) -> AsyncIterator[Any]:
    """As LangGraph's documentation shows them; SQLite syncs each commit to disk, as ours does."""
    if url.startswith("postgresql://"):
        given = {"autocommit": True, "prepare_threshold": 0}
        async with psycopg_pool.AsyncConnectionPool(url, max_size=CONNECTIONS, kwargs=given) as pool:
            yield AsyncPostgresSaver(pool)  # type: ignore[arg-type]
        return
    async with aiosqlite.connect(url) as connection:
        await connection.execute("PRAGMA synchronous=FULL")
        yield AsyncSqliteSaver(connection)


async def invoked(url: str, runs: int, at_once: int) -> float:
    """Seconds."""
    async with saver(url) as checkpoints:
        await checkpoints.setup()
        kept = graph.copy(update={"checkpointer": checkpoints})
        gate = asyncio.Semaphore(at_once)

        async def one() -> None:
            async with gate:
                await kept.ainvoke(QUESTION, {"configurable": {"thread_id": str(uuid4())}}, durability="async")

        await one()
        began = perf_counter()
        await asyncio.gather(*(one() for _ in range(runs)))
        return perf_counter() - began


def main() -> None:
    url, runs, at_once = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    with TemporaryDirectory() as folder:
        print(uvloop.run(invoked(url or str(Path(folder) / "checkpoints.db"), runs, at_once)))


if __name__ == "__main__":
    main()
