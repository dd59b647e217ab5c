"""How long the program takes to start, against Python's time to import LangGraph alone."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter

sys.path.insert(0, str(Path(__file__).parent.parent))

from serving import CRONLANE, Served, clean_environment


@dataclass
class Starts:
    """Seconds, round by round."""

    ready: list[float] = field(default_factory=list)
    version: list[float] = field(default_factory=list)
    langgraph: list[float] = field(default_factory=list)

    @property
    def ratios(self) -> list[float]:
        """Of the command to `cronlane: ready`, to LangGraph's import."""
        return [ready / bare for ready, bare in zip(self.ready, self.langgraph, strict=True)]

    def __str__(self) -> str:
        low, high = min(self.ratios), max(self.ratios)
        return (
            f"ready {median(self.ready):.2f} s, LangGraph's import {median(self.langgraph):.2f} s, "
            f"ratio {median(self.ratios):.2f} ({low:.2f} to {high:.2f}); version {median(self.version):.2f} s"
        )


def measure(rounds: int) -> Starts:
    """In turns, after one that fills the disk's cache."""
    starts = Starts()
    for number in range(-1, rounds):
        took = [ready(), timed([CRONLANE, "version"]), timed([sys.executable, "-c", "import langgraph.graph"])]
        if number >= 0:
            for times, each in zip((starts.ready, starts.version, starts.langgraph), took, strict=True):
                times.append(each)
    return starts


def ready() -> float:
    """From the command to `cronlane: ready`, with the demo graph on a new database."""
    with TemporaryDirectory() as folder:
        began = perf_counter()
        server = Served(Path(folder))
        took = perf_counter() - began
        server.stop()
        return took


def timed(command: list[str | Path]) -> float:
    began = perf_counter()
    subprocess.run(command, check=True, capture_output=True, env=clean_environment())
    return perf_counter() - began


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=5)
    wanted = options.parse_args()
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; {wanted.rounds} rounds")
    print(measure(wanted.rounds))


if __name__ == "__main__":
    main()
