"""The seam between the store and one kind of database: all that differs from dialect to dialect."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, TypeVar

import peewee

T = TypeVar("T", bound=peewee.Model)


class Engine(Protocol):
    """One database of one kind."""

    @property
    def name(self) -> str:
        """Names the database in messages; holds no password."""
        ...

    @property
    def dialect(self) -> str: ...
    @property
    def begin_write(self) -> str:
        """Starts a transaction that no other writer can come between."""
        ...

    @property
    def begin_read(self) -> str:
        """Starts a transaction that sees one state of the database."""
        ...

    def open(self) -> None:
        """Makes sure the database can be used, and keeps it. Raises UnusableDatabase."""
        ...

    def close(self) -> None: ...
    def connect(self, *, read_only: bool = False) -> peewee.Database:
        """A connection of its own, for one thread at a time."""
        ...

    def compile(self, query: peewee.Query) -> tuple[str, Sequence[Any]]: ...
    def unavailable(self, error: BaseException) -> str | None:
        """What is wrong with the database, if that is what the error says; None: the statement was at fault."""
        ...

    def contains(self, document: peewee.Node, pattern: str) -> peewee.Node:
        """Whether a JSON column has what the pattern names. Raises ValueError when the pattern is not JSON."""
        ...

    def includes(self, text: peewee.Node, part: str) -> peewee.Node:
        """Whether a text column has the part in it, in any case."""
        ...

    def among(self, column: peewee.Node, values: Any) -> peewee.Node:
        """Whether a column is one of the values; they are what `several` gives, or a Bind for it."""
        ...

    def several(self, values: Sequence[str]) -> Any: ...
    def claimed(self, query: peewee.ModelSelect[T]) -> peewee.ModelSelect[T]:
        """The query, with its rows locked against other claimers if the transaction alone does not."""
        ...
