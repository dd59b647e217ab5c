"""What an error of PostgreSQL means for the store."""

from __future__ import annotations

import psycopg

_DEADLOCK, _LOCKED, _SERIALIZATION, _TAKEN = "40P01", "55P03", "40001", "23505"
_PATIENCE = 150
"""With a wait of 100 ms each: longer than a server that stands still may keep its locks."""
# By class: no connection, transaction over or aborted, no resources, taken out of service, broken files, damaged data.
_UNAVAILABLE = ("08", "25", "53", "57P", "58", "XX")


def tries(error: BaseException) -> int:
    """How often an operation that ends in this error is worth another try."""
    state = _state(error)
    if state == _TAKEN:
        return 1  # of a key that another server has just written, the operation may know what to do when it sees it
    return _PATIENCE if state in (_DEADLOCK, _LOCKED, _SERIALIZATION) else 0


def lost(error: BaseException) -> bool:
    """Whether the connection is gone."""
    original = _original(error)
    state = _state(error)
    if state is None:  # said by the client library
        return isinstance(original, (psycopg.OperationalError, psycopg.InterfaceError))
    return state.startswith(("08", "57P")) or state == "25P03"


def unavailable(error: BaseException) -> str | None:
    """What is wrong with the database, in one line; None: the statement was at fault."""
    original = _original(error)
    state = _state(error)
    if state is None:
        gone = isinstance(original, (psycopg.OperationalError, psycopg.InterfaceError))
        return explained(error) if gone else None
    return explained(error) if state.startswith(_UNAVAILABLE) else None


def explained(error: BaseException) -> str:
    """The error's own words, in one line."""
    original = _original(error)
    primary = original.diag.message_primary if isinstance(original, psycopg.Error) else None
    lines = [line.strip() for line in str(primary or original).splitlines()]
    return "; ".join(line for line in lines if line)


def _original(error: BaseException) -> BaseException:
    """Peewee's errors carry the driver's."""
    original: BaseException = getattr(error, "orig", error)
    return original


def _state(error: BaseException) -> str | None:
    original = _original(error)
    return original.sqlstate if isinstance(original, psycopg.Error) else None
