"""What tests of several folders share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from builders import FakeClock
from cronlane_service.store import SqlDatabase, open_database
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


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def database(tmp_path: Path) -> Iterator[SqlDatabase]:
    """A SQLite file of the test's own."""
    database = open_database(str(tmp_path / "cronlane.db"))
    database.migrate()
    database.start()
    yield database
    database.stop()


@pytest.fixture
def do(database: SqlDatabase) -> Callable[..., Any]:
    """Runs a use case in a transaction of its own: do(crons.create, "", draft)."""
    return lambda use_case, *args, **named: database.submit(lambda tx: use_case(tx, *args, **named)).result(10)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Shows what tests have counted, also those that passed."""
    for report in [*terminalreporter.stats.get("passed", ()), *terminalreporter.stats.get("failed", ())]:
        for name, value in report.user_properties:
            if name == "counts":
                terminalreporter.write_line(f"\n{value}")
