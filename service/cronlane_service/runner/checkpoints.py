"""Where threads keep their state, and how one is copied."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from itertools import groupby
from typing import TYPE_CHECKING, Any, Protocol

from cronlane_service.domain.runs import Run

if TYPE_CHECKING:
    from cronlane_service.runner.graphs import Saver

_PAGE = 50


class Checkpoints(Protocol):
    """The checkpoints of all threads. It lives in the loop in which ``open`` was awaited."""

    async def open(self) -> None:
        """Raises StoreUnavailable when they are not to be used."""
        ...

    async def close(self) -> None: ...
    def saver(self, run: Run | None = None) -> Saver:
        """For that attempt at a run, or for everybody else. Raises StoreUnavailable when they are not open."""
        ...

    def failing(self) -> AbstractContextManager[None]:
        """Raises StoreUnavailable for what the database raises inside."""
        ...

    async def purge_threads(self, thread_ids: Sequence[str]) -> None:
        """Deletes all that these have, together."""
        ...

    async def purge_run(self, thread_id: str, run_id: str) -> None:
        """Deletes those that the run made."""
        ...

    async def newest(self, thread_id: str) -> Mapping[str, str]:
        """The newest checkpoint of each namespace that needs no older one."""
        ...

    async def forget(self, thread_id: str, newest: Mapping[str, str]) -> None:
        """Deletes what is older than these, together."""
        ...


async def copy(saver: Saver, source_id: str, target_id: str) -> None:
    """All of a thread's checkpoints, of the graph and its subgraphs, for a thread that has none."""
    before: Any = None
    while True:
        everywhere: Any = {"configurable": {"thread_id": source_id}}
        page = [each async for each in saver.alist(everywhere, before=before, limit=_PAGE)]
        for found in page:
            await _put(saver, found, target_id)
        if len(page) < _PAGE:
            return
        before = page[-1].config


async def _put(saver: Saver, found: Any, target_id: str) -> None:
    place = {"thread_id": target_id, "checkpoint_ns": found.config["configurable"].get("checkpoint_ns", "")}
    parent = (found.parent_config or {"configurable": {}})["configurable"].get("checkpoint_id")
    config: Any = {"configurable": {**place, "checkpoint_id": parent} if parent else place}
    moved = {"thread_id": target_id} if "thread_id" in found.metadata else {}
    metadata: Any = {**found.metadata, **moved}
    versions = found.checkpoint["channel_versions"]
    made = await saver.aput(config, found.checkpoint, metadata, versions)
    tasks = groupby(found.pending_writes or (), key=lambda write: write[0])
    for number, (task_id, writes) in enumerate(tasks):
        # Writes are ordered by the path of their task: it need not be the same, only in the same order.
        await saver.aput_writes(made, [(channel, value) for _, channel, value in writes], task_id, f"{number:06}")
