"""Checkpoints in a SQLite file of their own."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from cronlane_service.domain.errors import StoreUnavailable
from cronlane_service.domain.runs import Run

if TYPE_CHECKING:
    from cronlane_service.runner.sqlite_saver import GroupedSaver

_OF_RUN = "thread_id = :thread AND json_extract(CAST(metadata AS TEXT), '$.run_id') = :run"
_MADE = f"SELECT checkpoint_ns, checkpoint_id FROM checkpoints WHERE {_OF_RUN}"  # noqa: S608 - constants
_PURGE_THREAD = ("DELETE FROM writes WHERE thread_id = ?", "DELETE FROM checkpoints WHERE thread_id = ?")
_PURGE_RUN = (
    f"DELETE FROM writes WHERE thread_id = :thread AND (checkpoint_ns, checkpoint_id) IN ({_MADE})",  # noqa: S608
    f"DELETE FROM checkpoints WHERE {_OF_RUN}",  # noqa: S608
)
# A state that is kept in parts is put together from older checkpoints: that metadata says so.
_NEWEST = """
SELECT checkpoint_ns, max(checkpoint_id) FROM checkpoints WHERE thread_id = ? GROUP BY checkpoint_ns
HAVING count(json_extract(CAST(metadata AS TEXT), '$.counters_since_delta_snapshot')) = 0"""
_FORGET = (
    "DELETE FROM writes WHERE thread_id = ? AND checkpoint_ns = ? AND checkpoint_id < ?",
    "DELETE FROM checkpoints WHERE thread_id = ? AND checkpoint_ns = ? AND checkpoint_id < ?",
)


class SqliteCheckpoints:
    """Implements Checkpoints for a server that is alone."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._saver: GroupedSaver | None = None

    async def open(self) -> None:
        from cronlane_service.runner import sqlite_saver

        try:
            self._saver = await sqlite_saver.opened(self._path)
        except (sqlite3.Error, OSError) as problem:
            raise StoreUnavailable(f"{self._path}: {problem}") from problem

    async def close(self) -> None:
        saver, self._saver = self.saver(), None
        await saver.close()

    def saver(self, run: Run | None = None) -> GroupedSaver:
        if self._saver is None:
            raise StoreUnavailable("the runner is not running")
        return self._saver

    @contextmanager
    def failing(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as problem:
            raise StoreUnavailable(f"{self._path}: {problem}") from problem

    async def purge_threads(self, thread_ids: Sequence[str]) -> None:
        def purge(connection: sqlite3.Connection) -> None:
            for statement in _PURGE_THREAD:
                connection.executemany(statement, [(thread_id,) for thread_id in thread_ids])

        await self.saver().write(purge)

    async def purge_run(self, thread_id: str, run_id: str) -> None:
        def purge(connection: sqlite3.Connection) -> None:
            for statement in _PURGE_RUN:
                connection.execute(statement, {"thread": thread_id, "run": run_id})

        await self.saver().write(purge)

    async def newest(self, thread_id: str) -> Mapping[str, str]:
        saver = self.saver()
        async with saver.lock, saver.conn.execute(_NEWEST, (thread_id,)) as rows:
            return {namespace: checkpoint_id async for namespace, checkpoint_id in rows}

    async def forget(self, thread_id: str, newest: Mapping[str, str]) -> None:
        def forget(connection: sqlite3.Connection) -> None:
            for namespace, checkpoint_id in newest.items():
                for statement in _FORGET:
                    connection.execute(statement, (thread_id, namespace, checkpoint_id))

        await self.saver().write(forget)
