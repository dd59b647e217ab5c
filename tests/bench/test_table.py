"""Percentiles, ratios, targets, and the comparison with an older run."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from bench import hpack
from bench.chart import LEFT, drawn
from bench.jobs import Result, percentile
from bench.page import filled
from bench.pairs import Pairs
from bench.table import absolute, at_least, at_most, changes, compared, lines, save
from serving import attempt

THIRDS = compared("a", "ours, in thirds", "/s", [10, 30, 20], "other", [30, 30, 30], at_least(0.5))
UNEVEN = compared("a", "w", "/s", [10, 30, 20], "other", [30, 60, 10])


def test_a_percentile_is_the_least_value_that_so_many_do_not_exceed() -> None:
    values = [float(number) for number in range(1, 201)]
    assert [percentile(values, percent) for percent in (50, 99, 100)] == [100, 198, 200]
    assert percentile([3.0, 1.0, 2.0], 50) == 2
    assert percentile([7.0], 99) == 7


def test_rates_and_percentiles_come_from_the_calls_that_succeeded() -> None:
    ours = Result(seconds=2, times=[0.010] * 98 + [0.5] * 2, errors={"HTTP 500": 900})
    assert (ours.rate, ours.p99) == (50, 0.5)
    pairs = Pairs()
    pairs.add((ours, Result(seconds=1, times=[0.25] * 100)))
    assert pairs.rate("k", "w", "other").ratio == 0.5
    assert pairs.p99("k", "w", "other").ratio == 2


def test_the_ratio_is_the_median_of_the_pairs_ratios() -> None:
    assert [THIRDS.low, THIRDS.ratio, THIRDS.high] == [10 / 30, 20 / 30, 30 / 30]
    assert THIRDS.met
    assert UNEVEN.ratio == 0.5, "the ratio of the medians would be 0.67"


def test_a_target_bounds_the_ratio_or_the_figure_where_nothing_is_compared() -> None:
    assert compared("a", "w", "/s", [10], "other", [30], at_least(0.5)).met is False
    assert absolute("a", "w", "ms", [19, 21, 20], at_most(20)).met is True
    assert absolute("a", "w", "ms", [21], at_most(20)).met is False
    assert absolute("a", "w", "ms", [21]).met is None


def test_an_older_run_is_compared_by_the_ratios_of_ratios(tmp_path: Path) -> None:
    halves = compared("a", "ours", "/s", [15], "other", [30])
    save([halves, absolute("b", "alone", "ms", [4])], tmp_path / "old.json", {})
    rows = [THIRDS, absolute("b", "alone", "ms", [6]), absolute("c", "new", "ms", [6])]
    told = list(changes(rows, tmp_path / "old.json"))
    assert told[0].endswith("0.67, was 0.50, 1.33 times that")
    assert told[1].endswith("6.00, was 4.00, 1.50 times that")
    assert told[2].endswith("was not measured before")


def test_the_table_has_a_line_a_row_and_says_what_is_not_met() -> None:
    missed = absolute("b", "slow", "ms", [21], at_most(20))
    table = list(lines([THIRDS, missed]))
    assert len({len(line) for line in table}) == 1
    assert ["met" in line.split("|")[7] for line in table] == [False, False, True, False]
    assert "NOT MET" in table[3]


def test_headers_are_read_without_a_dynamic_table() -> None:
    block = b"\x88" + b"\x00\x0bgrpc-status\x0214" + b"\x5f\x10application/grpc"
    assert hpack.decoded(block) == {":status": b"200", "grpc-status": b"14", "content-type": b"application/grpc"}
    assert hpack.decoded(hpack.literal("x", "y" * 100)) == {"x": b"y" * 100}
    with pytest.raises(ValueError, match="dynamic table"):
        hpack.decoded(b"\xbe")


def test_a_page_gets_the_rows_that_it_asks_for() -> None:
    page = "Before.\n<!-- figures: a|z -->\nold\n<!-- end of figures -->\nAfter.\n"
    told = filled(page, [THIRDS, absolute("b", "alone", "ms", [4])])
    assert "old" not in told
    assert "alone" not in told
    assert "| ours, in thirds | 20.0 /s | other 30.0 | 0.67 |" in told
    assert told.startswith("Before.\n<!-- figures: a|z -->\n")
    assert told.endswith("<!-- end of figures -->\nAfter.\n")
    assert filled(told, [absolute("b", "alone", "ms", [4])]) == told


def test_the_chart_shows_what_was_measured() -> None:
    row = {"key": "lag/sqlite/1000", "ours": 100.0, "target": {"bound": 30.0, "at_least": False}}
    picture = drawn([row, row | {"key": "lag/sqlite/100", "ours": 10.0}])
    assert f'points="{LEFT:.1f},' in picture
    assert "SQLite" in picture
    assert "PostgreSQL" not in picture


def test_a_word_that_names_nothing_is_refused_before_anything_is_measured(tmp_path: Path) -> None:
    done = attempt(sys.executable, Path(__file__).parent, "start", "starting", cwd=tmp_path)
    assert done.code == 2
    assert "'starting'" in done.err
    assert "lag-postgres" in done.err
    assert "create_cron" in done.err
    assert not list(tmp_path.iterdir())
