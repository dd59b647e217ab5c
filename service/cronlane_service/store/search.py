"""How every search of a resource is cut into pages."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import peewee

from cronlane_service.domain.queries import Page, Window
from cronlane_service.store.connection import Connection
from cronlane_service.store.statements import Row
from cronlane_service.store.tables import Table

T = TypeVar("T")


def page(
    connection: Connection,
    table: type[Table],
    conditions: Sequence[peewee.Node],
    window: Window,
    load: Callable[[Row], T],
) -> Page[T]:
    """One page of the rows that meet all conditions, and how many there are of them."""
    rows = connection.search(listing(table, conditions, window))
    total = total_of(window, len(rows), lambda: count(connection, table, conditions))
    return Page([load(row) for row in rows], total)


def total_of(window: Window, rows: int, counted: Callable[[], int]) -> int:
    """Of all pages; a page that is not full, and not empty, says it by itself."""
    return window.offset + rows if 0 < rows < window.limit else counted()


def count(connection: Connection, table: type[Table], conditions: Sequence[peewee.Node]) -> int:
    [(found,)] = connection.search(table.select(peewee.fn.count(peewee.SQL("*"))).where(*conditions))
    return int(found)


def listing(table: type[Table], conditions: Sequence[peewee.Node], window: Window) -> peewee.ModelSelect[Table]:
    """The query for one page; rows without the column that it is sorted by come last."""
    columns: Any = table._meta
    field, key = columns.fields[window.sort_by], columns.primary_key
    nulls = "LAST" if field.null else None
    column = peewee.fn.lower(field) if window.sort_by == "name" else field  # as people look names up
    order = [column.desc(nulls=nulls) if window.descending else column.asc(nulls=nulls)]
    if field is not key:
        order.append(key.desc() if window.descending else key.asc())
    return table.select().where(*conditions).order_by(*order).limit(window.limit).offset(window.offset)
