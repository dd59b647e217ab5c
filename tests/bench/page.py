"""Puts the figures of docs/how-far.json into docs/how-far.md, README.md and docs/how-far.svg.

Between ``<!-- figures: PATTERN -->`` and ``<!-- end of figures -->`` comes the table of the rows whose keys match.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from bench import chart
from bench.table import Row, Target, lines

ROOT = Path(__file__).parent.parent.parent
_FIGURES = re.compile(r"(<!-- figures: (.*?) -->\n).*?(<!-- end of figures -->)", re.DOTALL)


def rows_of(figures: Path) -> list[Row]:
    read = []
    for row in json.loads(figures.read_text())["rows"]:
        target = row.pop("target")
        read.append(Row(**row, target=target and Target(**target)))
    return read


def filled(text: str, rows: list[Row]) -> str:
    """The text with its tables renewed; one of whose rows none was measured stays as it is."""

    def table(found: re.Match[str]) -> str:
        wanted = [row for row in rows if re.fullmatch(found[2], row.key)]
        return f"{found[1]}\n" + "\n".join(map(narrow, lines(wanted))) + f"\n\n{found[3]}" if wanted else found[0]

    return _FIGURES.sub(table, text)


def narrow(line: str) -> str:
    return re.sub(r"-{3,}", "---", re.sub(r" +\|", " |", line))


def main() -> None:
    figures = ROOT / "docs" / "how-far.json"
    rows = rows_of(figures)
    for page in (ROOT / "docs" / "how-far.md", ROOT / "README.md"):
        page.write_text(filled(page.read_text(), rows))
    picture = chart.drawn(json.loads(figures.read_text())["rows"])
    figures.with_suffix(".svg").write_text(picture)


if __name__ == "__main__":
    main()
