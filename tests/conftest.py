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


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Shows what tests have counted, also those that passed."""
    for report in [*terminalreporter.stats.get("passed", ()), *terminalreporter.stats.get("failed", ())]:
        for name, value in report.user_properties:
            if name == "counts":
                terminalreporter.write_line(f"\n{value}")
