"""Checkpoints in the PostgreSQL database that the servers share."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import psycopg

from cronlane_service.domain.errors import StoreUnavailable
from cronlane_service.domain.runs import Run
from cronlane_service.runner.postgres_pool import PATIENCE, Connections

if TYPE_CHECKING:
    from cronlane_service.runner.owned import Backing
    from cronlane_service.runner.postgres_saver import GuardedSaver

T = TypeVar("T")

CHECKPOINT_CONNECTIONS, ITEM_CONNECTIONS = 8, 4
"""At most, of one server."""
RETRY = 0.2
"""Seconds between two tries of a run under way, while the database is away."""
_SETTING_UP = 0x63726F70  # the advisory lock's number
_UNTRANSLATABLE = "22P05"
_FENCED = "CL001"  # what the database says when the run is not the attempt's any more

_MADE = "SELECT checkpoint_ns, checkpoint_id FROM checkpoints WHERE thread_id = %s AND metadata ->> 'run_id' = %s"
_PURGE_THREADS = (
    "DELETE FROM checkpoint_writes WHERE thread_id = ANY(%s)",
    "DELETE FROM checkpoint_blobs WHERE thread_id = ANY(%s)",
    "DELETE FROM checkpoints WHERE thread_id = ANY(%s)",
)
_PURGE_RUN = (
    f"DELETE FROM checkpoint_writes WHERE thread_id = %s AND (checkpoint_ns, checkpoint_id) IN ({_MADE})",  # noqa: S608
    "DELETE FROM checkpoints WHERE thread_id = %s AND metadata ->> 'run_id' = %s",
)
_UNREFERENCED = """
DELETE FROM checkpoint_blobs AS blob WHERE thread_id = %s AND NOT EXISTS (
    SELECT FROM checkpoints WHERE thread_id = blob.thread_id AND checkpoint_ns = blob.checkpoint_ns
    AND checkpoint -> 'channel_versions' ->> blob.channel = blob.version
)"""
# A state that is kept in parts is put together from older checkpoints: that metadata says so.
_NEWEST = """
SELECT checkpoint_ns, max(checkpoint_id) FROM checkpoints WHERE thread_id = %s GROUP BY checkpoint_ns
HAVING count(metadata -> 'counters_since_delta_snapshot') = 0"""
_FORGET = (
    "DELETE FROM checkpoint_writes WHERE thread_id = %s AND checkpoint_ns = %s AND checkpoint_id < %s",
    "DELETE FROM checkpoints WHERE thread_id = %s AND checkpoint_ns = %s AND checkpoint_id < %s",
)


class Fenced(Exception):
    """The run is another attempt's by now, or gone: this one may not write checkpoints any more."""


class UnkeptText(ValueError):
    """A text of the graph's state, or a name in it, that PostgreSQL cannot keep."""

    def __init__(self) -> None:
        super().__init__("the state holds a NUL character (\\u0000), which PostgreSQL cannot keep")


class PostgresCheckpoints:
    """Implements Checkpoints for servers that share a database.

    A run that is under way waits while the database is away; everybody else is told at once.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._pool: Connections | None = None

    async def open(self) -> None:
        from cronlane_service.runner.postgres_saver import GuardedSaver

        async def set_up(pool: Connections) -> None:
            await GuardedSaver(pool, _at_once).setup()

        self._pool = await _opened(self._url, CHECKPOINT_CONNECTIONS, set_up)

    async def close(self) -> None:
        pool, self._pool = self._open_pool, None
        await pool.close()

    @property
    def _open_pool(self) -> Connections:
        if self._pool is None:
            raise StoreUnavailable("the runner is not running")
        return self._pool

    def saver(self, run: Run | None = None) -> GuardedSaver:
        """For that run it writes only as long as the run is this attempt's."""
        from cronlane_service.runner.postgres_saver import GuardedSaver

        if run is None:
            return GuardedSaver(self._open_pool, _at_once)
        return GuardedSaver(self._open_pool, _persistently, (run.run_id, run.attempt))

    def failing(self) -> AbstractContextManager[None]:
        return failing()

    async def purge_threads(self, thread_ids: Sequence[str]) -> None:
        async with self._open_pool.connection() as connection, connection.transaction():
            for statement in _PURGE_THREADS:
                await connection.execute(statement, (list(thread_ids),))

    async def purge_run(self, thread_id: str, run_id: str) -> None:
        async with self._open_pool.connection() as connection, connection.transaction():
            await connection.execute(_PURGE_RUN[0], (thread_id, thread_id, run_id))
            await connection.execute(_PURGE_RUN[1], (thread_id, run_id))
            await connection.execute(_UNREFERENCED, (thread_id,))

    async def newest(self, thread_id: str) -> Mapping[str, str]:
        async with self._open_pool.connection() as connection:
            rows = await connection.execute(_NEWEST, (thread_id,))
            return dict(await rows.fetchall())

    async def forget(self, thread_id: str, newest: Mapping[str, str]) -> None:
        async with self._open_pool.connection() as connection, connection.transaction():
            for namespace, checkpoint_id in newest.items():
                for statement in _FORGET:
                    await connection.execute(statement, (thread_id, namespace, checkpoint_id))
            await connection.execute(_UNREFERENCED, (thread_id,))


async def open_items(url: str) -> Backing:
    """The long-term store. Belongs to the running loop. Raises StoreUnavailable."""
    from cronlane_service.runner import owned

    async def set_up(pool: Connections) -> None:
        await owned.postgres_store(pool, failing).setup()

    store = owned.postgres_store(await _opened(url, ITEM_CONNECTIONS, set_up), failing)
    await store.start_ttl_sweeper()
    return store


@contextmanager
def failing() -> Iterator[None]:
    """Raises StoreUnavailable for what the database raises inside."""
    try:
        yield
    except (psycopg.OperationalError, psycopg.InterfaceError) as problem:
        raise StoreUnavailable(" ".join(str(problem).split())) from problem


async def _opened(url: str, most: int, set_up: Callable[[Connections], Awaitable[None]]) -> Connections:
    """Connections to a database whose tables are made. Raises StoreUnavailable."""
    pool = Connections(url, most)
    with failing():
        try:
            await pool.open(wait=True, timeout=PATIENCE)
            async with _one_at_a_time(pool):
                await set_up(pool)
        except BaseException:
            await pool.close()
            raise
    return pool


@asynccontextmanager
async def _one_at_a_time(pool: Connections) -> AsyncIterator[None]:
    """Keeps other servers from making the same tables."""
    async with pool.connection() as connection:
        # Not waited for in the database: an index that is made there concurrently waits for every other statement.
        while not await _locked(connection):  # noqa: ASYNC110 - another process has it
            await asyncio.sleep(0.05)
        try:
            yield
        finally:
            await connection.execute("SELECT pg_advisory_unlock(%s)", (_SETTING_UP,))


async def _locked(connection: psycopg.AsyncConnection[Any]) -> bool:
    rows = await connection.execute("SELECT pg_try_advisory_lock(%s)", (_SETTING_UP,))
    return await rows.fetchone() == (True,)


async def _at_once(work: Callable[[], Awaitable[T]]) -> T:
    with failing(), _keeping():
        return await work()


@contextmanager
def _keeping() -> Iterator[None]:
    """Raises UnkeptText where a NUL was refused: in JSON by the database, elsewhere by its driver, with no state."""
    try:
        yield
    except psycopg.DataError as problem:
        if problem.sqlstate in (_UNTRANSLATABLE, None) and ("\\u0000" in str(problem) or "NUL" in str(problem)):
            raise UnkeptText from problem
        raise


async def _persistently(work: Callable[[], Awaitable[T]]) -> T:
    """Until it succeeds, or the run is cancelled. What is written again is the same."""
    while True:
        try:
            with _keeping():
                return await work()
        except (psycopg.OperationalError, psycopg.InterfaceError):
            await asyncio.sleep(RETRY)
        except psycopg.Error as problem:
            if problem.sqlstate == _FENCED:
                raise Fenced from problem
            raise
