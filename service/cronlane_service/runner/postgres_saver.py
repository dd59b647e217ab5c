"""LangGraph's checkpoints in PostgreSQL, written only by the attempt that holds the run.

It imports LangGraph as it is imported itself: not before the runner starts.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeAlias

from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver

from cronlane_service.runner.checkpoint_ids import heard

if TYPE_CHECKING:
    from langchain_core.runnables import RunnableConfig
    from langgraph.checkpoint.base import ChannelVersions, Checkpoint, CheckpointMetadata, CheckpointTuple

Guard: TypeAlias = Callable[[Callable[[], Awaitable[Any]]], Awaitable[Any]]


class GuardedSaver(AsyncPostgresSaver):
    """``guard`` is given each access to the database."""

    def __init__(self, connections: Any, guard: Guard, holder: tuple[str, int] | None = None) -> None:
        """``holder``: a run's id and attempt, which must hold the run whenever something is written."""
        super().__init__(connections)
        self._guard, self._holder = guard, holder

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        get = super().aget_tuple
        found: CheckpointTuple | None = heard(await self._guard(lambda: get(config)))
        return found

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        put = super().aput
        made: RunnableConfig = await self._guard(lambda: put(config, checkpoint, metadata, new_versions))
        return made

    # LangGraph looks at the names of its parameters: without a task's path, writes would be ordered by its id.
    async def aput_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        put = super().aput_writes
        await self._guard(lambda: put(config, writes, task_id, task_path))

    async def adelete_thread(self, thread_id: str) -> None:
        delete = super().adelete_thread
        await self._guard(lambda: delete(thread_id))

    async def alist(self, config: RunnableConfig | None, **options: Any) -> AsyncIterator[CheckpointTuple]:
        found = super().alist

        async def listed() -> list[CheckpointTuple]:
            return [each async for each in found(config, **options)]

        for each in await self._guard(listed):
            yield each

    @asynccontextmanager
    async def _cursor(self, *, pipeline: bool = False) -> AsyncIterator[Any]:
        async with super()._cursor(pipeline=pipeline) as cursor:
            if pipeline and self._holder is not None:
                # What goes through a pipeline is one transaction: if this fails, nothing is written.
                await cursor.execute("SELECT cronlane_fence(%s, %s)", self._holder)
            yield cursor
