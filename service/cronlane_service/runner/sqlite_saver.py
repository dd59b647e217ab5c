"""LangGraph's checkpoints in SQLite: its tables and its statements, with one commit for all runs that wait.

It imports LangGraph as it is imported itself: not before the runner starts.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import AsyncExitStack, closing, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiosqlite
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

from cronlane_service.runner import fences
from cronlane_service.runner.checkpoint_ids import heard
from cronlane_service.runner.commits import Commits

if TYPE_CHECKING:
    from langchain_core.runnables import RunnableConfig
    from langgraph.checkpoint.base import ChannelVersions, Checkpoint, CheckpointMetadata, CheckpointTuple


class _Statements(SqliteSaver):
    """LangGraph's own, run here and now on a connection whose transactions are somebody else's."""

    @contextmanager
    def cursor(self, transaction: bool = True) -> Iterator[sqlite3.Cursor]:
        with self.lock, closing(self.conn.cursor()) as cursor:
            yield cursor


class GroupedSaver(AsyncSqliteSaver):
    """Puts of concurrent runs are committed together. What belongs to one run is still written in its order.

    A thread's newest checkpoint is read on a connection of its own, beside the commits; long lists on yet another.
    """

    def __init__(self, lists: aiosqlite.Connection, reads: sqlite3.Connection, writes: sqlite3.Connection) -> None:
        super().__init__(lists)
        self._reads, self._writes = _Statements(reads), _Statements(writes)
        self._writes.setup()
        self.is_setup = self._reads.is_setup = True
        self._commits = Commits(writes)

    async def write(self, statements: Callable[[sqlite3.Connection], None]) -> None:
        """Answers after the commit."""
        await self._commits.run(partial(statements, self._writes.conn))

    async def close(self) -> None:
        await self._commits.close()
        self._reads.conn.close()
        await self.conn.close()

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        found: CheckpointTuple | None = heard(self._reads.get_tuple(config))
        return found

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        fences.check()
        return await self._commits.run(partial(self._writes.put, config, checkpoint, metadata, new_versions))

    async def aput_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        fences.check()
        await self._commits.run(partial(self._writes.put_writes, config, writes, task_id, task_path))

    async def adelete_thread(self, thread_id: str) -> None:
        await self._commits.run(partial(self._writes.delete_thread, thread_id))


async def opened(path: Path) -> GroupedSaver:
    """A file of its own; what it has acknowledged survives a power cut. Belongs to the running loop."""
    async with AsyncExitStack() as closing_all:
        writes, reads = (closing_all.enter_context(closing(_connected(path))) for _ in range(2))
        writes.execute("PRAGMA synchronous=FULL")
        saver = GroupedSaver(await closing_all.enter_async_context(aiosqlite.connect(path)), reads, writes)
        closing_all.pop_all()
    return saver


def _connected(path: Path) -> sqlite3.Connection:
    """Its transactions are begun by hand; it goes from thread to thread, one at a time uses it."""
    return sqlite3.connect(path, isolation_level=None, check_same_thread=False)
