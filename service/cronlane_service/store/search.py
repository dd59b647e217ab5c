"""How every search of a resource is cut into pages."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, TypeVar

import peewee

from cronlane_service.domain.queries import Page, Window
from cronlane_service.store.connection import Connection
from cronlane_service.store.engine import Engine
from cronlane_service.store.statements import Bind, Row, Statements
from cronlane_service.store.tables import Table

T = TypeVar("T")
Names = tuple[str, ...]
"""Of the values that a search gives: searches with the same names are the same statement."""
Filters = Mapping[str, Callable[[Engine], peewee.Node]]
"""By name: a condition on a value of that name."""


class Search(Generic[T]):
    """Searches of one table."""

    def __init__(
        self,
        table: type[Table],
        conditions: Callable[[Engine, Names], Sequence[peewee.Node]],
        load: Callable[[Sequence[Row]], list[T]],
    ) -> None:
        """``conditions``: which the rows meet that are found, with a Bind for each value."""
        self._table, self._conditions, self._load = table, conditions, load
        self._listed, self._counted = Statements(self._listing), Statements(self._counting)

    def page(self, connection: Connection, values: Mapping[str, Any], window: Window) -> Page[T]:
        """One page of what is found, and how much that is in all."""
        items = self.items(connection, values, window)
        return Page(items, total_of(window, len(items), lambda: self.count(connection, values)))

    def items(self, connection: Connection, values: Mapping[str, Any], window: Window) -> list[T]:
        statement = self._listed.of((tuple(values), window.sort_by, window.descending))
        return self._load(connection.rows(statement, **values, **part(window)))

    def count(self, connection: Connection, values: Mapping[str, Any]) -> int:
        [(found,)] = connection.rows(self._counted.of(tuple(values)), **values)
        return int(found)

    def _listing(self, engine: Engine, asked: tuple[Names, str, bool]) -> peewee.Query:
        names, sort_by, descending = asked
        found = self._table.select().where(*self._conditions(engine, names))
        return found.order_by(*_order(self._table, sort_by, descending)).limit(Bind("limit")).offset(Bind("offset"))

    def _counting(self, engine: Engine, names: Names) -> peewee.Query:
        return self._table.select(peewee.fn.count(peewee.SQL("*"))).where(*self._conditions(engine, names))


def each(filters: Filters) -> Callable[[Engine, Names], Sequence[peewee.Node]]:
    """The conditions of these names."""
    return lambda engine, names: [filters[name](engine) for name in names]


def given(**values: Any) -> dict[str, Any]:
    """The values that are not None."""
    return {name: value for name, value in values.items() if value is not None}


def part(window: Window) -> dict[str, int]:
    return {"limit": window.limit, "offset": window.offset}


def total_of(window: Window, rows: int, counted: Callable[[], int]) -> int:
    """Of all pages; a page that is not full, and not empty, says it by itself."""
    return window.offset + rows if 0 < rows < window.limit else counted()


def _order(table: type[Table], sort_by: str, descending: bool) -> list[peewee.Node]:
    """Rows without the column that it is sorted by come last."""
    columns: Any = table._meta
    field, key = columns.fields[sort_by], columns.primary_key
    nulls = "LAST" if field.null else None
    column = peewee.fn.lower(field) if sort_by == "name" else field  # as people look names up
    order = [column.desc(nulls=nulls) if descending else column.asc(nulls=nulls)]
    if field is not key:
        order.append(key.desc() if descending else key.asc())
    return order
