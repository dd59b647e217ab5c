"""Measures cronlane against the bare wire and LangGraph's own server, in one table.

Ratios count, absolute figures do not: what is compared is measured in turns, in one run, on one machine.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from subprocess import CalledProcessError
from time import monotonic

sys.path.insert(0, str(Path(__file__).parent.parent))

from bench import api, executing, fleet, growth, lateness, rest, starting
from bench.pairs import MeasuredNothing
from bench.seeding import Bench
from bench.table import Row, changes, lines, machine, save, wanted
from differential.official_server import NotInstalled

Chapter = Callable[[Bench], Iterator[Row]]
CHAPTERS: dict[str, Chapter] = {
    "api": api.sqlite,
    "api-postgres": api.postgres,
    "rest": rest.near_empty,
    "rest-10000": rest.with_10_000,
    "growth": growth.creating,
    "search": growth.finding,
    "idle": growth.idling,
    "lag": lateness.sqlite,
    "lag-postgres": lateness.postgres,
    "lag-100000": lateness.many,
    "lag-api": lateness.under_fire,
    "runs": executing.sqlite,
    "start": starting.program,
}
AT_WISH: dict[str, Chapter] = {
    "fleet": fleet.sharing,
    "lag-100000-alike": lateness.many_alike,
    "lag-100000-postgres": lateness.many_postgres,
    "runs-postgres": executing.postgres,
}
"""Measured when they are named: they take long, or have no target."""
EVERYTHING = "everything"
NAMED = (*CHAPTERS, *AT_WISH, EVERYTHING)
WORDS = f"chapters ({', '.join(NAMED)}), or operations of the API or parts of their names ({', '.join(api.NAMES)})"


def main() -> int:
    told = arguments()
    began, start = machine(), monotonic()
    rows, troubles = [], []
    operations = [word for word in told.words if word not in NAMED]
    with ExitStack() as stack:
        bench = Bench(stack, operations)
        for name in chosen(told.words):
            found, trouble = chapter(name, bench)
            rows += [row for row in found if wanted(row.key, operations)]
            troubles += trouble
            save(rows, told.json, began)  # whoever interrupts it keeps what there is
    print(f"\n{began['cores']} cores ({began['processor']}), load at the start {began['load']}, ", end="")
    print(f"took {monotonic() - start:.0f} s\n", *lines(rows), *troubles, sep="\n")
    if told.compare:
        print("", *changes(rows, told.compare), sep="\n")
    return 1 if troubles else 0


def arguments() -> argparse.Namespace:
    """A word that names nothing is refused."""
    options = argparse.ArgumentParser(prog="make bench", description=__doc__)
    options.add_argument("words", nargs="*", help=WORDS)
    options.add_argument("--json", type=Path, default=Path("bench.json"), help="where the figures go")
    options.add_argument("--compare", type=Path, help="the JSON of an older run: tells the ratios of the ratios")
    told = options.parse_args()
    for word in told.words:
        if word not in NAMED and not any(word in name for name in api.NAMES):
            options.error(f"nothing is called {word!r}; there are {WORDS}")
    return told


def chosen(words: list[str]) -> list[str]:
    """Chapters; an operation is one of the API's."""
    if EVERYTHING in words:
        return list(CHAPTERS | AT_WISH)
    named = [word for word in words if word in CHAPTERS | AT_WISH]
    return named or (["api", "api-postgres"] if words else list(CHAPTERS))


def chapter(name: str, bench: Bench) -> tuple[list[Row], list[str]]:
    """Its rows, and what could not be measured."""
    began = monotonic()
    rows, troubles = [], []
    try:
        for row in (CHAPTERS | AT_WISH)[name](bench):
            rows.append(row)  # noqa: PERF402 - those before a trouble count
    except NotInstalled as missing:
        print(f"{name}: skipped, LangGraph's own server could not be installed: {missing}", file=sys.stderr)
    except (MeasuredNothing, AssertionError, CalledProcessError) as trouble:
        troubles.append(f"{name}: NOT MEASURED: {trouble}")
        print(troubles[-1], file=sys.stderr)
    print(f"{name}: {monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    return rows, troubles


if __name__ == "__main__":
    sys.exit(main())
