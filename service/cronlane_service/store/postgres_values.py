"""How values are written for PostgreSQL.

No text in PostgreSQL can have a NUL: U+FFFD stands for it. Bytes are in PostgreSQL's binary form, in which nothing has
to be escaped, or parsed; all else is text.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from struct import Struct, error
from typing import Any

import psycopg

_HEAD = Struct("!5i").pack  # dimensions, whether there are nulls, type, elements, number of the first
_LENGTH = Struct("!i").pack
_NULL = _LENGTH(-1)


class Cursor(psycopg.Cursor[Any]):
    """Takes a % for what it is where no values are given; Peewee gives an empty tuple then."""

    def execute(self, query: Any, params: Any = None, **options: Any) -> Cursor:
        super().execute(query, params or None, **options)
        return self


def _text(value: str) -> bytes:
    encoded = value.replace("\0", "\ufffd").encode()
    return _LENGTH(len(encoded)) + encoded


def _blob(value: bytes) -> bytes:
    return _LENGTH(len(value)) + value


# By Peewee's kinds of fields: PostgreSQL's number for the type, and how one of them is written.
_ELEMENTS: dict[str, tuple[int, Callable[[Any], bytes]]] = {
    "TEXT": (25, _text),
    "BIGINT": (20, partial(Struct("!iq").pack, 8)),
    "INT": (23, partial(Struct("!ii").pack, 4)),
    "BOOL": (16, partial(Struct("!i?").pack, 1)),
    "BLOB": (17, _blob),
}


def array(kind: str, values: Sequence[Any]) -> bytes:
    number, element = _ELEMENTS[kind]
    head = _HEAD(1, 1, number, len(values), 1)
    try:
        return head + b"".join([_NULL if value is None else element(value) for value in values])
    except error as refused:
        raise OverflowError(f"the database refuses it: {refused}") from refused  # a number that is too large


def written(values: Sequence[Any]) -> tuple[list[bytes | None], list[bool]]:
    """As PostgreSQL reads them, and which are in its binary form. A list is one of texts."""
    return [
        value
        if value is None or type(value) is bytes
        else array("TEXT", value)
        if type(value) is list
        else str(value).replace("\0", "\ufffd").encode()
        for value in values
    ], [type(value) in (bytes, list) for value in values]


@lru_cache(maxsize=1024)
def numbered(sql: str) -> bytes:
    """The statement with its places as PostgreSQL counts them; Peewee writes the driver's."""
    first, *others = sql.split("%s")
    places = (f"${number}{part}" for number, part in enumerate(others, 1))
    return "".join([first, *places]).replace("%%", "%").encode()
