"""Telling callers what happens in runs, as it is committed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager

import structlog

from cronlane_service.domain.errors import DomainError
from cronlane_service.domain.events import RunEvent
from cronlane_service.domain.ports import Database, Operation
from cronlane_service.domain.runs import Run
from cronlane_service.rpc.endings import Endings
from cronlane_service.usecases.runs import Runs
from cronlane_service.usecases.streams import Followed, Follower, Streams

PAGE = 100
"""How many events are read together. Those that a slow caller has not taken wait in the database."""
WATCHED_AGAIN = 30.0
"""Seconds after which workers are told once more that somebody follows; they remember it for twice as long."""

log = structlog.get_logger(__name__)


class Following:
    """Reads events for callers, and cancels the runs of those who leave."""

    def __init__(self, database: Database, streams: Streams, runs: Runs, endings: Endings) -> None:
        self._database, self._streams, self._runs, self._endings = database, streams, runs, endings

    def new_run(self, run: Run) -> AsyncGenerator[RunEvent]:
        """From the first event of a run that is recorded."""
        return self.events(self._streams.of_new_run(run))

    async def run(self, owner: str, thread_id: str, run_id: str, last_event_id: str) -> tuple[Run, Follower]:
        """From here on nothing of it is missed. Raises NotFound."""
        run, follower = await self._database.read(
            lambda tx: self._streams.of_run(tx, owner, thread_id, run_id, last_event_id)
        )
        await self._say(follower)
        return run, follower

    async def thread(self, owner: str, thread_id: str, last_event_id: str) -> Follower:
        """From here on nothing of it is missed. Raises NotFound."""
        return await self.found(lambda tx: self._streams.of_thread(tx, owner, thread_id, last_event_id))

    async def found(self, find: Operation[Follower]) -> Follower:
        """From here on nothing is missed. Raises what finding the follower raises."""
        follower = await self._database.read(find)
        await self._say(follower)
        return follower

    async def events(self, follower: Follower) -> AsyncGenerator[RunEvent]:
        """What has happened since, and what comes, until the run, or the thread, is over. Raises ServerStopping."""
        loop, after = asyncio.get_running_loop(), follower.after
        again = loop.time() + WATCHED_AGAIN
        with self._endings.watch(follower.key) as watch:
            while True:
                if loop.time() >= again:
                    await self._say(follower)
                    again = loop.time() + WATCHED_AGAIN
                part = await self._part(follower, after)
                for event in part.events:
                    yield event
                    after = event.seq
                if part.over:
                    return
                if len(part.events) < PAGE:
                    await watch.changed(within=again - loop.time())

    async def _say(self, follower: Follower) -> None:
        """That somebody follows; who is recorded anyway need not know."""
        if not follower.recorded:
            await self._database.write(lambda tx: self._streams.watch(tx, follower))

    async def _part(self, follower: Follower, after: int) -> Followed:
        return await self._database.read(lambda tx: self._streams.following(tx, follower, after, PAGE))

    @contextmanager
    def leaving(self, owner: str, thread_id: str, run_id: str, *, cancels: bool) -> Iterator[None]:
        """Around what a caller waits for: if they leave before its end, and that ``cancels``, the run is cancelled."""
        try:
            yield
        except (asyncio.CancelledError, GeneratorExit):
            if cancels:
                self._leave(owner, thread_id, run_id)
            raise

    def _leave(self, owner: str, thread_id: str, run_id: str) -> None:
        try:
            self._database.submit(lambda tx: self._runs.leave(tx, owner, thread_id, run_id))
        except DomainError as problem:
            log.warning("left_run_not_cancelled", run_id=run_id, thread_id=thread_id, problem=str(problem))
