"""What tests of several folders share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from postgres import Databases, databases


@pytest.fixture(scope="session")
def postgres_databases() -> Iterator[Databases]:
    with databases() as made:
        yield made


@pytest.fixture
def postgres_url(postgres_databases: Databases) -> Iterator[str]:
    """A database of the test's own, with the tables in it."""
    with postgres_databases.lent() as url:
        yield url
