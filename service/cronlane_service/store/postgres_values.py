"""How values are written for PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import psycopg


class Cursor(psycopg.Cursor[Any]):
    """Writes U+FFFD where a text has a NUL, which no text in PostgreSQL can have."""

    def execute(self, query: Any, params: Any = None, **options: Any) -> Cursor:
        super().execute(query, _without_nul(params) if params else None, **options)
        return self

    def executemany(self, query: Any, params_seq: Any, **options: Any) -> Cursor:  # type: ignore[override]
        super().executemany(query, [_without_nul(row) for row in params_seq], **options)
        return self


def array(values: Sequence[Any]) -> str:
    """As PostgreSQL reads it, in a text. The driver would send each value through a regular expression of Python's."""
    written = {value: _element(value) for value in set(values)}
    return f"{{{','.join([written[value] for value in values])}}}"


def _element(value: str | int | bytes | None) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, bytes):
        return f'"\\\\x{value.hex()}"'
    if not isinstance(value, str):
        return str(value)
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _without_nul(values: Sequence[Any]) -> Sequence[Any]:
    for value in values:
        if (type(value) is str and "\0" in value) or (type(value) is list and _without_nul(value) is not value):
            return [_clean(each) for each in values]
    return values


def _clean(value: Any) -> Any:
    if isinstance(value, list):
        return _without_nul(value)
    return value.replace("\0", "\ufffd") if isinstance(value, str) else value


def written(value: Any) -> bytes | None:
    """As PostgreSQL reads it."""
    if value is None or isinstance(value, bytes):
        return None if value is None else b"\\x" + value.hex().encode()
    return (array(_without_nul(value)) if isinstance(value, list) else str(_clean(value))).encode()


@lru_cache(maxsize=1024)
def numbered(sql: str) -> bytes:
    """The statement with its places as PostgreSQL counts them; Peewee writes the driver's."""
    first, *others = sql.split("%s")
    places = (f"${number}{part}" for number, part in enumerate(others, 1))
    return "".join([first, *places]).replace("%%", "%").encode()
