from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cronlane_service.store import SqlDatabase, open_database

OpenStore = Callable[..., SqlDatabase]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "cronlane.db"


@pytest.fixture
def stopped_store(path: Path) -> Iterator[SqlDatabase]:
    """Open and migrated; what is submitted waits for the start."""
    database = open_database(str(path), queue_limit=8, busy_timeout=0.2)
    database.migrate()
    yield database
    database.stop()


@pytest.fixture
def store(path: Path) -> Iterator[SqlDatabase]:
    database = open_database(str(path), busy_timeout=0.2)
    database.migrate()
    database.start()
    yield database
    database.stop()
