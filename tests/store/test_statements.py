from __future__ import annotations

from itertools import product
from pathlib import Path

from cronlane_service.store.sqlite import SqliteEngine
from cronlane_service.store.statements import Insert, Row, columns
from cronlane_service.store.tables import CronTable


def test_a_row_of_any_columns_is_written_whole_and_by_a_bounded_number_of_statements(tmp_path: Path) -> None:
    engine, insert, names = SqliteEngine(tmp_path / "cronlane.db"), Insert(CronTable), columns(CronTable)
    statements: set[str] = set()
    for given in product((True, False), repeat=8):
        row: Row = tuple(name if kept else None for name, kept in zip(names, [*given, *[True] * 38], strict=True))
        sql, values = insert.bound(engine, row)
        written = sql.partition("(")[2].partition(")")[0].replace('"', "").split(", ")
        assert len(values) == sql.count("?")
        assert dict.fromkeys(names) | dict(zip(written, values, strict=True)) == dict(zip(names, row, strict=True))
        statements.add(sql)
    assert len(statements) < 100


def test_a_column_that_is_null_is_left_out(tmp_path: Path) -> None:
    engine, nothing = SqliteEngine(tmp_path / "cronlane.db"), (None,) * 43
    sql, values = Insert(CronTable).bound(engine, ("it", "", "agent", *nothing))
    assert (sql.count("?"), values) == (3, ("it", "", "agent"))
