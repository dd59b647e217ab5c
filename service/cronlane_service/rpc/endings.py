"""Waiting for runs to end."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from cronlane_service.domain.errors import DomainError
from cronlane_service.domain.ports import Database, Topic


class ServerStopping(DomainError):
    """Whoever waits is to ask another server, or this one when it is back."""

    def __init__(self) -> None:
        super().__init__("The server is stopping; a run under way is not lost. Join it again.")


class Watch:
    """One waiter for one run."""

    def __init__(self, endings: Endings) -> None:
        self._endings, self._loop, self._changed = endings, asyncio.get_running_loop(), asyncio.Event()

    async def changed(self) -> None:
        """Returns when the run may have ended since the watch began, or since the last call.

        Raises ServerStopping.
        """
        await self._changed.wait()
        self._changed.clear()
        if self._endings.closed:
            raise ServerStopping

    def wake(self) -> None:
        """From any thread."""
        self._loop.call_soon_threadsafe(self._changed.set)


class Endings:
    """Tells those who wait that a run has ended or is gone.

    Watch first, then read the run, then wait, then read again: what was committed before the watch is seen by the
    read, what is committed later wakes the waiter.
    """

    def __init__(self, database: Database) -> None:
        self._watches: dict[str, tuple[Watch, ...]] = {}  # values are replaced, never changed: read by two threads
        self.closed = False
        database.listen(Topic.RUN_ENDED, self._ended)

    @contextmanager
    def watch(self, run_id: str) -> Iterator[Watch]:
        """The id in its canonical form. Raises ServerStopping."""
        if self.closed:
            raise ServerStopping
        watch = Watch(self)
        self._watches[run_id] = (*self._watches.get(run_id, ()), watch)
        try:
            yield watch
        finally:
            left = tuple(other for other in self._watches[run_id] if other is not watch)
            if left:
                self._watches[run_id] = left
            else:
                del self._watches[run_id]

    def close(self) -> None:
        """Ends every wait, and those to come, with ServerStopping. On the waiters' thread."""
        self.closed = True
        for watches in list(self._watches.values()):
            for watch in watches:
                watch.wake()

    def _ended(self, run_id: str) -> None:
        """On the database's thread."""
        for watch in self._watches.get(run_id, ()):
            watch.wake()
