"""The differences that are meant, as the documentation lists them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from differential.compare import Difference

TABLE = Path(__file__).parents[2] / "docs" / "differences.md"


@dataclass(frozen=True)
class Row:
    """One line of the table: each cell a list of patterns."""

    line: str
    cells: tuple[tuple[str, ...], ...]

    def matched(self, difference: Difference) -> list[str] | None:
        """The pattern of each cell that says so, when all do."""
        told = (difference.call, difference.place, difference.official, difference.ours)
        found = [
            next((pattern for pattern in cell if _matches(pattern, text)), None)
            for cell, text in zip(self.cells, told, strict=True)
        ]
        return None if None in found else [str(pattern) for pattern in found]


def rows() -> list[Row]:
    """Those of the page's first table; the others were not found by this test."""
    found = []
    for line in TABLE.read_text().partition("\n## ")[0].splitlines():
        cells = [tuple(re.findall(r"`([^`]*)`", cell)) for cell in line.split(" | ")]
        if line.startswith("| `"):
            found.append(Row(line, tuple(cells[:4])))
    return found


def judged(differences: Iterable[Difference]) -> tuple[list[Difference], list[str]]:
    """The differences that no row names, and the patterns of rows that name none."""
    table, used, unnamed = rows(), set(), []
    for difference in differences:
        named = False
        for row in table:
            if found := row.matched(difference):
                used |= {(row.line, number, pattern) for number, pattern in enumerate(found)}
                named = True
                break
        if not named:
            unnamed.append(difference)
    every = [(row.line, number, pattern) for row in table for number, cell in enumerate(row.cells) for pattern in cell]
    return unnamed, [f"{pattern} of {line}" for line, number, pattern in every if (line, number, pattern) not in used]


def _matches(pattern: str, text: str) -> bool:
    return re.fullmatch(re.escape(pattern).replace(r"\*", ".*"), text, re.DOTALL) is not None
