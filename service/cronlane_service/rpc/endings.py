"""Waiting for what happens to runs."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from cronlane_service.domain.errors import DomainError
from cronlane_service.domain.ports import Database, Topic


class ServerStopping(DomainError):
    """Whoever waits is to ask another server, or this one when it is back."""

    def __init__(self) -> None:
        super().__init__("The server is stopping; a run under way is not lost. Join it again.")


class Watch:
    """One waiter for one run, or for the runs of one thread."""

    def __init__(self, endings: Endings) -> None:
        self._endings, self._loop, self._changed = endings, asyncio.get_running_loop(), asyncio.Event()

    async def changed(self, within: float | None = None) -> None:
        """Returns when something may have happened since the watch began, or since the last call.

        And after ``within`` seconds. Raises ServerStopping.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(within):
                await self._changed.wait()
        self._changed.clear()
        if self._endings.closed:
            raise ServerStopping

    def wake(self) -> None:
        """From any thread."""
        self._loop.call_soon_threadsafe(self._changed.set)


class Endings:
    """Tells those who wait that a run has ended or is gone, or that something has happened in it.

    Watch first, then read the run, then wait, then read again: what was committed before the watch is seen by the
    read, what is committed later wakes the waiter.
    """

    def __init__(self, database: Database) -> None:
        self._watches: dict[str, tuple[Watch, ...]] = {}  # values are replaced, never changed: read by two threads
        self.closed = False
        database.listen(Topic.RUN_ENDED, self._happened)
        database.listen(Topic.RUN_EVENTS, self._happened)

    @contextmanager
    def watch(self, key: str) -> Iterator[Watch]:
        """The id of a run or of a thread in its canonical form. Raises ServerStopping."""
        if self.closed:
            raise ServerStopping
        watch = Watch(self)
        self._watches[key] = (*self._watches.get(key, ()), watch)
        try:
            yield watch
        finally:
            left = tuple(other for other in self._watches[key] if other is not watch)
            if left:
                self._watches[key] = left
            else:
                del self._watches[key]

    def close(self) -> None:
        """Ends every wait, and those to come, with ServerStopping. On the waiters' thread."""
        self.closed = True
        self._wake_all()

    def _wake_all(self) -> None:
        for watches in list(self._watches.values()):
            for watch in watches:
                watch.wake()

    def _happened(self, key: str) -> None:
        """On the database's thread. Without a key: anything may have happened."""
        if not key:
            self._wake_all()
            return
        for watch in self._watches.get(key, ()):
            watch.wake()
