"""One connection that writes: operations that wait share a transaction, each is answered after the commit."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

T = TypeVar("T")

_Operation = Callable[[], Any]
_Outcome = tuple[Any, BaseException | None]


class Commits:
    """Belongs to the running loop, and has a thread of its own for the connection."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        """``connection``: in autocommit mode, so that its transactions are begun and ended here alone."""
        self._connection = connection
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="cronlane-checkpoints")
        self._waiting: list[tuple[_Operation, asyncio.Future[Any]]] = []
        self._writing: asyncio.Task[None] | None = None

    async def run(self, operation: Callable[[], T]) -> T:
        """What the operation answers, once it is committed; or raises what it raises, and nothing is written.

        It may be run twice: after another one's failure, without that one. Who is cancelled while it is run still
        waits for its end; before that it is not run at all.
        """
        answer: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        entry = (operation, answer)
        self._waiting.append(entry)
        if self._writing is None:
            self._writing = asyncio.ensure_future(self._write())
        try:
            await asyncio.wait([answer])
        except asyncio.CancelledError:
            if entry in self._waiting:
                self._waiting.remove(entry)
            else:
                await asyncio.wait([answer])
                answer.exception()  # seen, though nobody is left to be told
            raise
        return answer.result()

    async def close(self) -> None:
        """Carries out what waits, and closes the connection."""
        if self._writing is not None:
            await asyncio.wait([self._writing])
        self._thread.shutdown()
        self._connection.close()

    async def _write(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting:
            batch, self._waiting = self._waiting, []
            operations = [operation for operation, _ in batch]
            outcomes = await loop.run_in_executor(self._thread, self._transact, operations)
            for (_, answer), (result, problem) in zip(batch, outcomes, strict=True):
                if problem is None:
                    answer.set_result(result)
                else:
                    answer.set_exception(problem)
        self._writing = None

    def _transact(self, operations: Sequence[_Operation]) -> list[_Outcome]:
        """All in one transaction; if one of them fails, each in one of its own."""
        if (stuck := self._rolled_back()) is not None:
            return [(None, stuck) for _ in operations]
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            outcomes = [_outcome(operation) for operation in operations]
            failed = any(problem is not None for _, problem in outcomes)
            if not failed:
                self._connection.execute("COMMIT")
        except sqlite3.Error as problem:
            outcomes, failed = [(None, problem) for _ in operations], False
        if (stuck := self._rolled_back()) is not None:
            return [(None, stuck) for _ in operations]
        if failed and len(operations) > 1:
            return [outcome for operation in operations for outcome in self._transact([operation])]
        return outcomes

    def _rolled_back(self) -> sqlite3.Error | None:
        """What went wrong with what may be left of a transaction; the next one begins with trying again."""
        try:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
        except sqlite3.Error as problem:
            return problem
        return None


def _outcome(operation: _Operation) -> _Outcome:
    try:
        return operation(), None
    except BaseException as problem:  # noqa: BLE001 - raised where the operation came from
        return None, problem
