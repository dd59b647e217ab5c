from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cronlane_service.store import SqlDatabase, open_database
from store.house import House
from store.servers import serving

OpenStore = Callable[..., SqlDatabase]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "cronlane.db"


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest) -> str:
    """Of a database of the test's own, on each engine."""
    if request.param == "postgresql":
        return str(request.getfixturevalue("postgres_url"))
    return str(request.getfixturevalue("path"))


@pytest.fixture
def stopped_store(url: str) -> Iterator[SqlDatabase]:
    """Open and migrated; what is submitted waits for the start."""
    database = open_database(url, queue_limit=8, busy_timeout=0.2)
    database.migrate()
    yield database
    database.stop()


@pytest.fixture
def store(url: str) -> Iterator[SqlDatabase]:
    database = open_database(url, busy_timeout=0.2)
    database.migrate()
    database.start()
    yield database
    database.stop()


@pytest.fixture
def here(postgres_url: str) -> Iterator[SqlDatabase]:
    with serving(postgres_url) as database:
        yield database


@pytest.fixture
def there(postgres_url: str) -> Iterator[SqlDatabase]:
    """Another server on the same database."""
    with serving(postgres_url) as database:
        yield database


@pytest.fixture
def house(store: SqlDatabase) -> House:
    return House(store)
