"""Queries made of the tables once, and their compiled form for each dialect."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import compress, repeat
from operator import is_not
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from peewee import SQL, Case, Context, Field, Node, Query, Select

from cronlane_service.store.tables import Table

if TYPE_CHECKING:
    from cronlane_service.store.engine import Engine

Row = tuple[Any, ...]
H = TypeVar("H", bound=Hashable)
MOST_COUNTED = 2_000_000_000
_MANY = 20  # rows: what they share is bound once
_MOST_FORMS = 64  # of one query


class _Slot:
    """Stands among a compiled query's values for one that comes when it runs."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name


class Bind(Node):
    """A place in a query for a value, as the column stores it, that comes when it runs."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __sql__(self, ctx: Context) -> Context:
        ctx.value(_Slot(self.name), converter=False)
        return ctx


_Compiled = tuple[str, tuple[str, ...], dict[str, Any]]
"""The SQL, the name of each place's value, and the values that are always the same, by name."""


class Statement:
    """A query that runs often: built from the tables at its first use, compiled once for each dialect."""

    def __init__(self, build: Callable[[Engine], Query]) -> None:
        self._build = build
        self._compiled: dict[str, _Compiled] = {}

    def sql(self, engine: Engine) -> str:
        return (self._compiled.get(engine.dialect) or self._compile(engine))[0]

    def bound(self, engine: Engine, values: Mapping[str, Any]) -> tuple[str, Row]:
        """The SQL, and its values: its own, and those that come when it runs."""
        sql, names, constants = self._compiled.get(engine.dialect) or self._compile(engine)
        return sql, tuple(map({**constants, **values}.__getitem__, names))

    def _compile(self, engine: Engine) -> _Compiled:
        sql, values = engine.compile(self._build(engine))
        names = tuple(value.name if isinstance(value, _Slot) else f"#{place}" for place, value in enumerate(values))
        constants = {name: value for name, value in zip(names, values, strict=True) if not isinstance(value, _Slot)}
        self._compiled[engine.dialect] = sql, names, constants
        return sql, names, constants


class Statements(Generic[H]):
    """Queries of one kind that differ in what is asked for: a statement for each."""

    def __init__(self, build: Callable[[Engine, H], Query]) -> None:
        self._build = build
        self._made: dict[H, Statement] = {}

    def of(self, asked: H) -> Statement:
        found = self._made.get(asked)
        if found is None:
            found = self._made[asked] = Statement(lambda engine: self._build(engine, asked))
        return found


@dataclass(frozen=True, slots=True)
class Columns:
    """Rows by column, by the columns' names: what all of them share, and what they differ in, one column at least."""

    shared: Mapping[str, Any]
    differing: Mapping[str, Sequence[Any]]

    @classmethod
    def of(cls, names: Sequence[str], rows: Sequence[Row]) -> Columns:
        """Of a few rows nothing counts as shared, so that there are few statements."""
        columns = dict(zip(names, zip(*rows, strict=True), strict=True))
        if len(rows) < _MANY:
            return cls({}, columns)
        shared = {name: columns[name][0] for name in names[1:] if is_shared(columns[name])}  # the first is the key
        return cls(shared, {name: column for name, column in columns.items() if name not in shared})

    def __len__(self) -> int:
        return len(next(iter(self.differing.values())))

    def part(self, begin: int, size: int) -> Columns:
        differing = {name: column[begin : begin + size] for name, column in self.differing.items()}
        if size >= _MANY:
            return Columns(self.shared, differing)
        return Columns({}, {name: [value] * size for name, value in self.shared.items()} | differing)


def is_shared(column: Sequence[Any]) -> bool:
    return column.count(column[0]) == len(column)


class Rows:
    """A query over a table of values that come when it runs.

    One statement for many rows: a statement a row lets other threads in between, for milliseconds each time. What all
    of many rows have in common, most columns of a batch, is bound once: to bind a value costs as much as to write it.
    """

    def __init__(self, fields: Sequence[Field], build: Callable[[Node, Sequence[Node]], Query]) -> None:
        """``fields``: what the values are, in their order. ``build``: of the table, and where each value is then.

        A query that names values after the table is given columns that share nothing.
        """
        self._fields, self._build = {field.name: field for field in fields}, build
        self.names = tuple(self._fields)
        self._made: dict[tuple[int, tuple[str, ...]], Statement] = {}

    def portions(self, engine: Engine, columns: Columns) -> Iterator[tuple[str, Row]]:
        """Statements that together are the query over these rows, and their values."""
        begin = 0
        for size in engine.portions(len(columns)):
            yield self._bound(engine, columns.part(begin, size), size)
            begin += size

    def _bound(self, engine: Engine, columns: Columns, count: int) -> tuple[str, Row]:
        differing = tuple(columns.differing)
        sql, values = self._of(count, differing).bound(engine, columns.shared)
        return sql, (*values, *engine.table_values(self._kinds(differing), list(columns.differing.values())))

    def _of(self, count: int, differing: tuple[str, ...]) -> Statement:
        found = self._made.get((count, differing))
        if found is None:
            if len(self._made) >= _MOST_FORMS:
                self._made.clear()
            found = self._made[count, differing] = Statement(lambda engine: self._over(engine, count, differing))
        return found

    def _over(self, engine: Engine, count: int, differing: tuple[str, ...]) -> Query:
        given = {name: SQL(f"given.column{place}") for place, name in enumerate(differing, 1)}
        table = engine.table(self._kinds(differing), count)
        return self._build(table, [given.get(name) or Bind(name) for name in self.names])

    def _kinds(self, names: Sequence[str]) -> Sequence[str]:
        return [self._fields[name].field_type for name in names]


class Insert:
    """Writes one row, given in the table's order.

    Columns that are null are left out: to bind one costs Python more than to bind a text. The first sets of columns
    that are given have a statement each, and most rows are of one of these.
    """

    def __init__(self, table: type[Table]) -> None:
        self._table, self._names = table, columns(table)
        self._made: dict[tuple[bool, ...], Statement] = {}

    def bound(self, engine: Engine, row: Row) -> tuple[str, Row]:
        given = tuple(map(is_not, row, repeat(None)))
        if given not in self._made and len(self._made) >= _MOST_FORMS:
            given = (True,) * len(row)
        statement = self._made.get(given) or self._made.setdefault(given, self._over(given))
        return statement.sql(engine), tuple(compress(row, given))

    def _over(self, given: tuple[bool, ...]) -> Statement:
        values = {name: Bind(name) for name in compress(self._names, given)}
        return Statement(lambda _: self._table.insert(values))


def columns(table: type[Table]) -> tuple[str, ...]:
    """Their names, in the order of the table's definition."""
    return tuple(field.name for field in table._meta.sorted_fields)


def insert(table: type[Table], *, ignore_taken: bool = False) -> Statement:
    """Writes one row, given in the table's order."""

    def build(_: Engine) -> Query:
        query = table.insert({name: Bind(name) for name in columns(table)})
        return query.on_conflict_ignore() if ignore_taken else query

    return Statement(build)


def insert_rows(table: type[Table], fields: Sequence[Field] | None = None) -> Rows:
    """Writes rows, each given in the order of the fields, or in the table's."""
    chosen = table._meta.sorted_fields if fields is None else fields
    return Rows(chosen, lambda rows, values: table.insert_from(Select((rows,), values), chosen))


def replace(table: type[Table]) -> Statement:
    """Writes one row, over the one with the same key if there is one."""
    key = table._meta.primary_key

    def build(_: Engine) -> Query:
        others = [field for field in table._meta.sorted_fields if field is not key]
        query = table.insert({name: Bind(name) for name in columns(table)})
        return query.on_conflict(conflict_target=[key], preserve=others)

    return Statement(build)


def assignments(table: type[Table]) -> dict[Any, Bind]:
    """Every column but the key, from the value of its name."""
    return {field: Bind(field.name) for field in table._meta.sorted_fields if not field.primary_key}


def one_more(count: Field) -> Node:
    """The count and one; never more than its column can hold, which would be an error."""
    return Case(None, [(count < MOST_COUNTED, count + 1)], MOST_COUNTED)
