"""How late runs are made when many crons are due in the same second."""

from __future__ import annotations

from collections.abc import Iterator

from bench import lag
from bench.seeding import Bench
from bench.table import Row, absolute, at_most

CASES = ((lag.Case(100, 10), 3, 15.0), (lag.Case(1000, 30), 2, 30.0))  # firings; milliseconds


def firing(bench: Bench) -> Iterator[Row]:
    for case, firings, bound in CASES:
        found = lag.measure(case, firings)
        what = f"tick to run row, SQLite, {case.crons:,} due: p99"
        yield absolute(f"lag/sqlite/{case.crons}", what, "ms", [found.p99], at_most(bound))
