"""What was measured, as one table and as JSON for later comparison."""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

Words = Collection[str]
"""Parts of the keys of rows that are wanted; none: all rows."""

HEAD = ("what", "ours", "compared to", "ratio", "spread", "target", "")


@dataclass(frozen=True)
class Target:
    """A bound of the ratio or, where nothing is compared, of the figure itself."""

    bound: float
    at_least: bool = True

    def met(self, value: float) -> bool:
        return value >= self.bound if self.at_least else value <= self.bound

    def __str__(self) -> str:
        return f"{'≥' if self.at_least else '≤'} {figure(self.bound)}"


def wanted(key: str, words: Words) -> bool:
    return not words or any(word in key for word in words)


def at_least(bound: float) -> Target:
    return Target(bound)


def at_most(bound: float) -> Target:
    return Target(bound, at_least=False)


@dataclass(frozen=True)
class Row:
    """One line. ``low``, ``high``: the extremes among the rounds, of what the target bounds."""

    key: str
    what: str
    ours: float
    unit: str
    low: float
    high: float
    target: Target | None = None
    against: str = ""
    theirs: float | None = None
    ratio: float | None = None

    @property
    def value(self) -> float:
        """What the target bounds, and what is compared with an older run."""
        return self.ours if self.ratio is None else self.ratio

    @property
    def met(self) -> bool | None:
        return None if self.target is None else self.target.met(self.value)

    def cells(self) -> tuple[str, ...]:
        compared = "" if self.theirs is None else f"{self.against} {figure(self.theirs)}"
        ratio = "" if self.ratio is None else figure(self.ratio)
        verdict = {True: "met", False: "NOT MET", None: ""}[self.met]
        target = "" if self.target is None else str(self.target)
        spread = f"{figure(self.low)} to {figure(self.high)}"
        return (self.what, f"{figure(self.ours)} {self.unit}", compared, ratio, spread, target, verdict)


def compared(
    key: str, what: str, unit: str, ours: list[float], against: str, theirs: list[float], target: Target | None = None
) -> Row:
    """Pairs, measured one after the other: the row tells the median of their ratios."""
    ratios = [mine / other for mine, other in zip(ours, theirs, strict=True)]
    extremes = min(ratios), max(ratios)
    return Row(key, what, median(ours), unit, *extremes, target, against, median(theirs), median(ratios))


def absolute(key: str, what: str, unit: str, ours: list[float], target: Target | None = None) -> Row:
    """Nothing to compare with: the row tells the median."""
    return Row(key, what, median(ours), unit, min(ours), max(ours), target)


def figure(value: float) -> str:
    """Three digits that say something."""
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    if abs(value) >= 100:
        return f"{value:.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def lines(rows: list[Row]) -> Iterator[str]:
    """The table, as Markdown, so that it can be put anywhere."""
    cells = [HEAD, *(row.cells() for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(HEAD))]
    for number, line in enumerate(cells):
        yield "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |"
        if number == 0:
            yield "|" + "|".join("-" * (width + 2) for width in widths) + "|"


def machine() -> dict[str, Any]:
    """What the figures come from."""
    names = [line.split(": ")[1] for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line]
    return {"cores": os.cpu_count(), "processor": names[0] if names else "", "load": round(os.getloadavg()[0], 1)}


def save(rows: list[Row], path: Path, started_with: dict[str, Any]) -> None:
    path.write_text(json.dumps({"machine": started_with, "rows": [asdict(row) for row in rows]}, indent=1) + "\n")


def changes(rows: list[Row], older: Path) -> Iterator[str]:
    """Each row against the same one of an older run: the ratio of their ratios, or of their figures."""
    before = {row["key"]: row for row in json.loads(older.read_text())["rows"]}
    for row in rows:
        was = before.get(row.key)
        if was is None:
            yield f"{row.what}: was not measured before"
        else:
            value = was["ours"] if was["ratio"] is None else was["ratio"]
            yield f"{row.what}: {figure(row.value)}, was {figure(value)}, {row.value / value:.2f} times that"
