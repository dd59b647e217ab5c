"""Rows of what `runs` measures: executing what is due together, against plain LangGraph."""

from __future__ import annotations

from collections.abc import Iterator

from bench import runs, servers
from bench.seeding import Bench
from bench.table import Row, at_most, compared

ROUNDS = 2
PLAIN = "plain LangGraph"


def sqlite(bench: Bench) -> Iterator[Row]:
    yield row("SQLite", runs.measure(runs.Case(), ROUNDS))


def postgres(bench: Bench) -> Iterator[Row]:
    with servers.postgres() as url:
        yield row("PostgreSQL", runs.measure(runs.Case(database=url), ROUNDS))


def row(engine: str, times: runs.Times) -> Row:
    what = f"1,000 runs due together, {engine}: tick to last run finished"
    return compared(f"runs/{engine.lower()}", what, "s", times.ours, PLAIN, times.plain, at_most(1.5))
