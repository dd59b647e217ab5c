"""Real graphs, with their state in a real SQLite file."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cronlane_service.runner.local import LocalGraphs
from runner.house import House
from runner.sample import loaded

Serve = Callable[..., Awaitable[LocalGraphs]]


@pytest.fixture
async def serve(tmp_path: Path) -> AsyncIterator[Serve]:
    """Opens graphs over the test's one file of checkpoints; again: as after a restart."""
    opened: list[LocalGraphs] = []

    async def serve(graph: Any, **others: Any) -> LocalGraphs:
        graphs = LocalGraphs(loaded(graph, **others), tmp_path / "checkpoints.db")
        await graphs.open()
        opened.append(graphs)
        return graphs

    yield serve
    for graphs in opened:
        await graphs.close()


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    house = House(tmp_path)
    yield house
    house.close()
