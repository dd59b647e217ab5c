"""Why a database cannot be used at start; what goes wrong later is the domain's StoreUnavailable.

DatabaseUrlError   the URL names no database the service can open
UnusableDatabase   the database is there and cannot be used: corrupt, read-only, locked, newer than the service
"""

from __future__ import annotations


class DatabaseUrlError(ValueError):
    """The URL of the database is not one of the forms the service knows."""


class UnusableDatabase(Exception):
    """``name`` says which database, ``problem`` is a clause about it."""

    def __init__(self, name: str, problem: str) -> None:
        super().__init__(f"cannot use the database {name}: {problem}")
        self.name, self.problem = name, problem
