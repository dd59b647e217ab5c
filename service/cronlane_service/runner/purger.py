"""Deletes the checkpoints that are to go."""

from __future__ import annotations

from collections.abc import Sequence, Set
from functools import partial
from typing import TypeAlias

from cronlane_service.domain.ports import Database, Transaction
from cronlane_service.runner.seams import Executor, Runs

Purges: TypeAlias = Sequence[tuple[str, str]]
"""Of a thread's id and a run's, EARLIER, or "" for all of the thread."""

MOST = 200
"""How many are looked at together."""


class Purger:
    """Deletes them first, and then the note that they are to go: what is interrupted is done again."""

    def __init__(self, database: Database, runs: Runs, executor: Executor) -> None:
        self._database, self._runs, self._executor = database, runs, executor

    def found(self, tx: Transaction) -> Purges:
        return self._runs.purges(tx, MOST)

    async def due(self) -> Purges:
        return await self._database.read(self.found)

    async def purge(self, purges: Purges, occupied: Set[str]) -> None:
        """These, and then what more there is; but nothing of the threads that are occupied."""
        while due := [purge for purge in purges if purge[0] not in occupied]:
            await self._executor.purge(due)
            await self._database.write(partial(self._done, due))
            if len(purges) < MOST:
                return
            purges = await self.due()

    def _done(self, purged: Purges, tx: Transaction) -> None:
        for thread_id, run_id in purged:
            self._runs.purged(tx, thread_id, run_id)
