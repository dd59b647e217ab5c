"""Real graphs, with their state in a real SQLite file."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cronlane_service.runner.local import LocalGraphs
from cronlane_service.runner.turns import SHORT
from runner.house import House
from runner.sample import loaded
from serving import wait_until

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
def usual_turns() -> Iterator[float]:
    """Of the interpreter, in seconds, once no graph of an earlier test goes on that was deaf to its end."""
    wait_until(lambda: sys.getswitchinterval() > SHORT, description="the end of all graphs of earlier tests")
    before, usual = sys.getswitchinterval(), 0.003
    sys.setswitchinterval(usual)
    yield usual
    sys.setswitchinterval(before)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    house = House(tmp_path)
    yield house
    house.close()
