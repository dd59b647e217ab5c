"""The seam between the store and one kind of database: all that differs from dialect to dialect."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import peewee

from cronlane_service.domain.clock import Clock
from cronlane_service.domain.ports import Operation, Topic

if TYPE_CHECKING:
    from cronlane_service.store.connection import Connection
    from cronlane_service.store.statements import Row

Notice = tuple[Topic, str]
Hear = Callable[[Iterable[Notice]], None]
"""Tells the listeners of this server; a key of "" stands for every key of the topic."""

T = TypeVar("T", bound=peewee.Model)
V = TypeVar("V")


class Listening(Protocol):
    """Hears what other servers have committed, between ``start`` and ``stop``."""

    def start(self) -> None: ...
    def stop(self) -> None: ...


class LookingUp(Protocol):
    """Runs look-ups on the loop without keeping it waiting, until ``stop``."""

    def run(self, operation: Operation[V]) -> Awaitable[V]: ...
    def stop(self) -> None: ...


class Driver(Protocol):
    """Carries out statements on one connection; raises the engine's ``refusal``."""

    @property
    def in_transaction(self) -> bool:
        """Whether one is open in which nothing has gone wrong."""
        ...

    def execute(self, sql: str, values: Sequence[Any] = ..., /) -> Changed: ...
    def executemany(self, sql: str, rows: Sequence[Row], /) -> Changed: ...
    def send(self, sql: str, values: Sequence[Any] = ..., /) -> object:
        """Has a statement carried out before all later ones; nobody waits until that is done."""
        ...

    def rows(self, sql: str, values: Sequence[Any] = ..., /) -> list[Row]: ...
    def settle(self) -> None:
        """Waits for what was sent. Raises the error of the first that failed."""
        ...

    def hasten(self, seconds: float | None) -> None:
        """Statements are given up after so many seconds of this thread's work from now.

        None: not any more. On a busy machine a short statement may wait long for its turn; that is not its fault.
        """
        ...

    def commit(self) -> None:
        """In one step: as a statement it would let go of the interpreter several times, and wait for it again."""
        ...

    def wait(self, wait: bool) -> None:
        """Whether a transaction that is begun from now on waits for other programs, where one at a time writes."""
        ...


class Changed(Protocol):
    @property
    def rowcount(self) -> int: ...


class Engine(Protocol):
    """One database of one kind."""

    @property
    def name(self) -> str:
        """Names the database in messages; holds no password."""
        ...

    @property
    def dialect(self) -> str: ...
    @property
    def exclusive(self) -> bool:
        """Whether one server has the database to itself, and one transaction at a time writes.

        If not, what a transaction reads in order to change it has to be locked, see `Connection.lock`.
        """
        ...

    @property
    def near(self) -> bool:
        """Whether a row is read in less time than another thread takes to wake up."""
        ...

    @property
    def clock(self) -> Clock:
        """Decides who is late; the same for every server of the database."""
        ...

    @property
    def begin_write(self) -> str: ...

    @property
    def begin_read(self) -> str:
        """Starts a transaction that sees one state of the database."""
        ...

    def open(self) -> None:
        """Makes sure the database can be used, and keeps it. Raises UnusableDatabase."""
        ...

    def check(self) -> None:
        """Raises Peewee's OperationalError when what is committed now would be lost."""
        ...

    def close(self) -> None: ...
    def connect(self, *, read_only: bool = False) -> peewee.Database:
        """A connection of its own, for one thread at a time."""
        ...

    @property
    def refusal(self) -> type[Exception]:
        """What its drivers raise: the base of all that Peewee has errors of its own for."""
        ...

    def compile(self, query: peewee.Query) -> tuple[str, Sequence[Any]]: ...
    def driver(self, database: peewee.Database) -> Driver:
        """What carries out statements on a connection."""
        ...

    def unavailable(self, error: BaseException) -> str | None:
        """What is wrong with the database, if that is what the error says; None: the statement was at fault."""
        ...

    def lost(self, error: BaseException) -> bool:
        """Whether the connection is gone, and a new one may work."""
        ...

    def tries(self, error: BaseException) -> int:
        """How often an operation that ends in this error is worth another try; 0: no other server was in its way."""
        ...

    def contains(self, document: peewee.Node, pattern: Any) -> peewee.Node:
        """Whether a JSON column has what the pattern names, which is what `pattern` gives, or a Bind for it."""
        ...

    def pattern(self, document: str) -> str:
        """Raises ValueError when it is not JSON."""
        ...

    def includes(self, text: peewee.Node, part: Any) -> peewee.Node:
        """Whether a text column has the part in it, in any case; that of the part has been folded."""
        ...

    def among(self, column: peewee.Node, values: Any) -> peewee.Node:
        """Whether a column is one of the values; they are what `several` gives, or a Bind for it."""
        ...

    def several(self, values: Sequence[str]) -> Any: ...
    def table(self, kinds: Sequence[str], count: int) -> peewee.Node:
        """A table ``given``: so many rows of values of these kinds (of Peewee's fields), in column1, column2 and so on.

        Its places come after all others of its query.
        """
        ...

    def portions(self, count: int) -> Iterable[int]:
        """How many rows the tables have that together hold so many: of few sizes, since each is a statement."""
        ...

    def table_values(self, kinds: Sequence[str], columns: Sequence[Sequence[Any]]) -> Sequence[Any]:
        """The values of a `table` of these kinds, given by column, in the order of its places."""
        ...

    def claimed(self, query: peewee.ModelSelect[T], *tables: Any) -> peewee.ModelSelect[T]:
        """The query without the rows that others have locked; those of the tables that it answers are locked."""
        ...

    def locked(self, query: peewee.ModelSelect[T]) -> peewee.ModelSelect[T]:
        """The query, which waits for its rows and locks them."""
        ...

    def migrating(self, database: peewee.Database) -> AbstractContextManager[None]:
        """Keeps other servers from migrating meanwhile."""
        ...

    def announce(self, connection: Connection, notices: Sequence[Notice]) -> None:
        """Tells other servers what the transaction on the connection did, if it commits."""
        ...

    def look_ups(self) -> LookingUp | None:
        """None: a row is read in no time."""
        ...

    def listener(self, hear: Hear) -> Listening | None:
        """None: there are no other servers to be heard."""
        ...
