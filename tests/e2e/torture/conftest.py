"""What a trial needs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from postgres import PostgresServer


@pytest.fixture
def postgres() -> Iterator[PostgresServer]:
    """A server of the test's own: it is killed."""
    server = PostgresServer()
    server.start()
    yield server
    server.remove()
