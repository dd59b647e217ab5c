"""Measures cronlane against the bare wire and LangGraph's own server, in one table.

Ratios count, absolute figures do not: what is compared is measured in turns, in one run, on one machine.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic

sys.path.insert(0, str(Path(__file__).parent.parent))

from bench import api, growth, lateness, rest
from bench.load import Load
from bench.pairs import MeasuredNothing
from bench.table import Row, Words, changes, lines, machine, save, wanted
from differential.official_server import NotInstalled

Chapter = Callable[[Load, Words], Iterator[Row]]
CHAPTERS: dict[str, Chapter] = {
    "api": api.sqlite,
    "api-postgres": api.postgres,
    "rest": rest.near_empty,
    "rest-10000": rest.with_10_000,
    "growth": growth.creating,
    "search": growth.finding,
    "idle": growth.idling,
    "lag": lateness.firing,
}


def main() -> int:
    options = argparse.ArgumentParser(prog="make bench", description=__doc__)
    options.add_argument("words", nargs="*", help=f"chapters ({', '.join(CHAPTERS)}) or operations as create_cron")
    options.add_argument("--json", type=Path, default=Path("bench.json"), help="where the figures go")
    options.add_argument("--compare", type=Path, help="the JSON of an older run: tells the ratios of the ratios")
    told = options.parse_args()
    began, start = machine(), monotonic()
    rows, troubles = measured(told.words)
    print(f"\n{began['cores']} cores ({began['processor']}), load at the start {began['load']}, ", end="")
    print(f"took {monotonic() - start:.0f} s\n", *lines(rows), *troubles, sep="\n")
    save(rows, told.json, began)
    if told.compare:
        print("", *changes(rows, told.compare), sep="\n")
    return 1 if troubles else 0


def measured(words: list[str]) -> tuple[list[Row], list[str]]:
    """The rows, and what could not be measured."""
    rows, troubles = [], []
    operations = [word for word in words if word not in CHAPTERS]
    chosen = [word for word in words if word in CHAPTERS] or (["api", "api-postgres"] if operations else list(CHAPTERS))
    for name in chosen:
        began = monotonic()
        try:
            with Load() as load:
                rows += [row for row in CHAPTERS[name](load, operations) if wanted(row.key, operations)]
        except NotInstalled as missing:
            print(f"{name}: skipped, LangGraph's own server could not be installed: {missing}", file=sys.stderr)
        except (MeasuredNothing, AssertionError) as trouble:
            troubles.append(f"{name}: NOT MEASURED: {trouble}")
        print(f"{name}: {monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    return rows, troubles


if __name__ == "__main__":
    sys.exit(main())
