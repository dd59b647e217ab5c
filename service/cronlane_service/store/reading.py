"""Rows that cannot be read as they are: each hurts nobody but itself.

Whoever may write to the database may write anything: an unknown word, text where a number is expected, an instant
beyond the calendar. One such row must not spoil a query that answers many. What cannot be read of it is replaced by a
stand-in, and the log, and the value where it has a place for that, says what it was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Generic, TypeVar

import peewee
import structlog

from cronlane_service.domain import jsontext
from cronlane_service.store.instants import loaded, stored
from cronlane_service.store.statements import MOST_COUNTED, Row
from cronlane_service.store.tables import Table

T = TypeVar("T")

MISREAD = (ArithmeticError, LookupError, TypeError, ValueError)
"""What is raised by reading a value that is not what it should be."""
FIRST, LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
FIRST_STORED, LAST_STORED = stored(FIRST), stored(LAST)

_TEXT = peewee.TextField
_SHORT = 2000
"""Characters of a row that is remembered."""
_MOST = 2**31
_LONGEST = 60  # of a value in a message
_log = structlog.get_logger(__name__)


class _NotKept(Exception):
    """It is long, or there is something to be told each time that it is read."""


class Reader(Generic[T]):
    """Makes values of rows of a table, or of some of its columns.

    ``columns``: what reads one, raising one of MISREAD for what is no value, and the stand-in for that.
    """

    def __init__(
        self,
        table: type[Table] | Sequence[peewee.Field],
        load: Callable[[Row], T],
        columns: Mapping[str, tuple[Callable[[Any], object], Any]],
        *,
        tells: bool = False,
    ) -> None:
        """``tells``: the values have a field ``unreadable``."""
        self._load, self._columns, self._tells = load, columns, tells
        self._fields = tuple(table) if isinstance(table, Sequence) else table._meta.sorted_fields
        self._fits = lru_cache(maxsize=4096)(self._fit)  # the types of most rows are the same
        self._texts = [at for at, field in enumerate(self._fields) if isinstance(field, _TEXT)]
        self._kept = lru_cache(maxsize=2048)(self._keep)

    def value(self, row: Row) -> T:
        if self._fits(tuple(map(type, row))):
            try:
                return self._load(row)
            except MISREAD:
                pass  # what it was is found out below
        return self._mended(row)

    def shown(self, row: Row) -> T:
        """`value`, for who looks at the same rows again and again: one that is as it was is the value from before."""
        try:
            return self._kept(row)
        except _NotKept:
            return self.value(row)

    def all_shown(self, rows: Sequence[Row]) -> list[T]:
        try:
            return list(map(self._kept, rows))
        except _NotKept:
            return list(map(self.shown, rows))

    def _keep(self, row: Row) -> T:
        texts = [row[at] for at in self._texts]
        if not self._fits(tuple(map(type, row))) or sum(map(len, filter(None, texts))) > _SHORT:
            raise _NotKept
        try:
            return self._load(row)
        except MISREAD:
            raise _NotKept from None

    def values(self, rows: Iterable[Row]) -> list[T]:
        return [self.value(row) for row in rows]

    def _fit(self, types: tuple[type, ...]) -> bool:
        return fit(self._fields, types)

    def _mended(self, row: Row) -> T:
        problems = []
        mended = list(row)
        for place, (field, value) in enumerate(zip(self._fields, row, strict=True)):
            reads, stand_in = self._columns.get(field.name, (_as_it_is, _plain(field)))
            if (problem := _problem(field, value, reads)) is not None:
                problems.append(f"{field.name} {problem}")
                mended[place] = stand_in
        problem = f"its row cannot be read: {'; '.join(problems)}"
        _log.warning("row_unreadable", table=self._fields[0].model._meta.table_name, key=str(row[0]), problem=problem)
        made = self._load(tuple(mended))
        return replace(made, unreadable=problem) if self._tells else made  # type: ignore[type-var]


def fit(fields: Sequence[peewee.Field], types: Sequence[type]) -> bool:
    """Whether these are types of values that the columns can have."""
    return all(kind in _kinds(field) for field, kind in zip(fields, types, strict=True))


def _problem(field: peewee.Field, value: Any, reads: Callable[[Any], object]) -> str | None:
    if type(value) not in _kinds(field):
        return f"is {str(value)[:_LONGEST]!r}, a {type(value).__name__}"
    if value is None:
        return None
    try:
        reads(value)
    except MISREAD as error:
        return f"is {str(value)[:_LONGEST]!r}: {error}"
    return None


def _kinds(field: peewee.Field) -> tuple[type, ...]:
    kinds: tuple[type, ...] = (str,) if isinstance(field, _TEXT) else (int,)
    if isinstance(field, peewee.BooleanField):
        kinds = (int, bool)
    return (*kinds, type(None)) if field.null else kinds


def _plain(field: peewee.Field) -> Any:
    if field.null:
        return None
    return "" if isinstance(field, _TEXT) else 0


def _as_it_is(value: Any) -> object:
    return value


def number(column: int, least: int = 0) -> int:
    """Raises ValueError for one that no field of the API can have."""
    if not least <= column < _MOST:
        raise ValueError(f"it is not from {least} to {_MOST - 1}")
    return column


def count(column: int) -> int:
    """Raises ValueError for one that cannot be counted on from."""
    if not 0 <= column <= MOST_COUNTED:
        raise ValueError("it is no count")
    return column


def names(text: str) -> tuple[str, ...]:
    """A JSON list of texts. Raises ValueError and TypeError."""
    if text == "[]":
        return ()
    found = jsontext.parse(text)
    if not isinstance(found, list) or not all(isinstance(each, str) for each in found):
        raise TypeError("it is no list of texts")
    return tuple(found)


def nearest(column: Any) -> datetime | None:
    """The instant that a column stands for; of one beyond the calendar the last that there is, or the first."""
    if not isinstance(column, int):
        return None
    try:
        return loaded(column)
    except OverflowError:
        return LAST if column > 0 else FIRST
