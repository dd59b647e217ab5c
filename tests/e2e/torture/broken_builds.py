"""Builds of cronlane that break what it promises: the checker has to notice each of them."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

NO_KEYS = """
ALTER TABLE ticks DROP CONSTRAINT ticks_pkey;
DROP INDEX runs_one_running;
"""
"""What has to be gone from the database too, for a claim without locks to do harm."""


def claims_without_locks() -> None:
    """Takes what is due and what is pending as if nobody else could take it."""
    from cronlane_service.store.postgres import PostgresEngine

    engine: Any = PostgresEngine
    engine.claimed = lambda self, query, *tables: query
    engine.locked = lambda self, query: query


def writes_without_the_fence() -> None:
    """Writes how an attempt ended whether or not the run is still its own."""
    from cronlane_service.store.runs import Runs
    from cronlane_service.usecases import attempts

    def end(self: Any, run: Any) -> bool:
        self.save(run)
        return True

    held: Any = attempts.Attempts.held

    def held_for_ever(self: Any, tx: Any, worker: str) -> Mapping[str, Any]:
        """An attempt is not told that it has lost its run."""
        return _Holding(held(self, tx, worker))

    broken: Any = attempts
    broken._owned = lambda tx, run: tx.runs.find(run.run_id)
    broken.Attempts.held = held_for_ever
    runs: Any = Runs
    runs.end = end


class _Holding(dict[str, Any]):
    def get(self, run_id: str, default: Any = None) -> Any:
        return super().get(run_id, (_Any(), None))


class _Any:
    def __eq__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return 0


def loses_ticks() -> None:
    """Writes no row of one tick in thirty."""
    from cronlane_service.store.ticks import Ticks

    store: Any = Ticks
    insert_many, numbers = store.insert_many, itertools.count(1)

    def insert_most(self: Any, ticks: Sequence[Any]) -> None:
        insert_many(self, [tick for tick in ticks if next(numbers) % 30])

    store.insert_many = insert_most


BUILDS: dict[str, Callable[[], None]] = {
    build.__name__: build for build in (claims_without_locks, writes_without_the_fence, loses_ticks)
}
