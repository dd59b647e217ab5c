"""Rows of what `startup` measures: from the command to ready, and the version."""

from __future__ import annotations

from collections.abc import Iterator

from bench import startup
from bench.seeding import Bench
from bench.table import Row, absolute, at_most, compared

ROUNDS = 3


def program(bench: Bench) -> Iterator[Row]:
    """Seconds are bounded, and mean something on a quiet machine only; the ratio means something everywhere."""
    starts = startup.measure(ROUNDS)
    what = "command to ready, demo graph"
    yield absolute("start/ready", what, "s", starts.ready, at_most(2.5))
    yield compared("start/ready/langgraph", what, "s", starts.ready, "import of LangGraph alone", starts.langgraph)
    yield absolute("start/version", "cronlane version", "s", starts.version, at_most(0.3))
