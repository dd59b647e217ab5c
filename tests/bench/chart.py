"""Draws the figures of docs/how-far.json: lag by the crons due at once, and what a fleet brings."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from math import log10

WIDTH, HEIGHT, LEFT, TOP, PANEL, DEEP = 860, 360, 70, 50, 330, 240
STYLE = (
    "text{font:12px sans-serif;fill:#777}.title{font-weight:bold}.grid{stroke:#8884}"
    ".line{fill:none;stroke-width:2}.bound{stroke-dasharray:4 4}"
)
COLOURS = {"sqlite": "#0a7d5a", "postgresql": "#3b5bbf", "bound": "#c0392b"}
NAMES = {"sqlite": "SQLite", "postgresql": "PostgreSQL", "bound": "target, SQLite"}
MOST, LEAST = 5, 0  # powers of ten: milliseconds from 1 to 100,000


@dataclass(frozen=True)
class Line:
    """Points of crons and milliseconds."""

    name: str
    points: list[tuple[float, float]]


def lag_lines(rows: list[dict[str, object]]) -> Iterator[Line]:
    """Of the 99th percentiles; rows that were not measured are not drawn."""
    figures: dict[str, dict[float, float]] = {}
    for row in rows:
        if found := re.fullmatch(r"lag/(sqlite|postgresql)/(\d+)", str(row["key"])):
            figures.setdefault(found[1], {})[float(found[2])] = float(str(row["ours"]))
            if found[1] == "sqlite" and isinstance(target := row["target"], dict):
                figures.setdefault("bound", {})[float(found[2])] = float(target["bound"])
    for name, points in sorted(figures.items()):
        yield Line(name, sorted(points.items()))


def place(crons: float, late: float) -> tuple[float, float]:
    across = LEFT + (log10(crons) - 2) / 3 * PANEL
    return across, TOP + DEEP - (log10(max(late, 1)) - LEAST) / (MOST - LEAST) * DEEP


def curve(lines: list[Line]) -> Iterator[str]:
    yield text(LEFT, TOP - 20, "Tick to run row, p99, by crons due at once", "title")
    for power in range(LEAST, MOST + 1):
        across, down = place(100, 10**power)
        label = f"{10**power:,} ms" if power < 3 else f"{10 ** (power - 3):,} s"
        yield f'<line class="grid" x1="{across}" x2="{across + PANEL}" y1="{down}" y2="{down}"/>'
        yield text(LEFT - 8, down + 4, label, anchor="end")
    for power in range(2, 6):
        yield text(place(10**power, 1)[0], TOP + DEEP + 20, f"{10**power:,}", anchor="middle")
    for line in lines:
        points = [place(*point) for point in line.points]
        path = " ".join(f"{across:.1f},{down:.1f}" for across, down in points)
        dashed = " bound" if line.name == "bound" else ""
        yield f'<polyline class="line{dashed}" stroke="{COLOURS[line.name]}" points="{path}"/>'
    for number, line in enumerate(lines):
        down = TOP + 14 + 18 * number
        yield f'<rect x="{LEFT + 10}" y="{down - 9}" width="10" height="10" fill="{COLOURS[line.name]}"/>'
        yield text(LEFT + 26, down, NAMES[line.name])


def bars(rows: list[dict[str, object]]) -> Iterator[str]:
    left, across = LEFT + PANEL + 60, PANEL
    found = [
        (str(row["key"]).rsplit("/", 1)[1], float(str(row["ours"]))) for row in rows if "fleet/ended" in str(row["key"])
    ]
    if not found:
        return
    yield text(left, TOP - 20, "300 runs due at once, PostgreSQL: until the last ended", "title")
    most = max(seconds for _, seconds in found)
    for number, (name, seconds) in enumerate(found):
        down = TOP + 10 + number * 52
        yield text(left, down + 8, name)
        wide = seconds / most * (across - 60)
        yield f'<rect x="{left}" y="{down + 14}" width="{wide:.1f}" height="18" fill="{COLOURS["postgresql"]}"/>'
        yield text(left + wide + 6, down + 28, f"{seconds:.1f} s")


def text(across: float, down: float, words: str, kind: str = "", anchor: str = "start") -> str:
    return f'<text class="{kind}" x="{across:.1f}" y="{down:.1f}" text-anchor="{anchor}">{words}</text>'


def drawn(rows: list[dict[str, object]]) -> str:
    parts = [*curve(list(lag_lines(rows))), *bars(rows)]
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">'
    return "\n".join([head, f"<style>{STYLE}</style>", *parts, "</svg>", ""])
