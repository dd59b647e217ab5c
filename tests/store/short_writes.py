"""Short writes, and when the loop carries them out itself."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

from cronlane_service.domain.models import Thread
from cronlane_service.domain.ports import Transaction
from cronlane_service.store import SqlDatabase
from serving import wait_until
from store.rows import thread

T = TypeVar("T")

LONG = timedelta(seconds=10).total_seconds()


def inserting(made: Thread) -> Callable[[Transaction], bool]:
    return lambda tx: tx.threads.insert(made)


def exists(store: SqlDatabase, made: Thread) -> bool:
    return store.read_now(lambda tx: tx.threads.get("", made.thread_id)) == made


def few(store: SqlDatabase, operation: Callable[[Transaction], T]) -> asyncio.Future[T]:
    return asyncio.ensure_future(store.write_few(operation, 100, itself))


def itself(result: T) -> T:
    return result


def where(_: Transaction) -> int:
    return threading.get_ident()


def idle(store: SqlDatabase) -> None:
    wait_until(lambda: store._writer._idle, description="the writer has nothing to do")


async def settled(store: SqlDatabase) -> None:
    """The writer is connected, and has nothing to do."""
    await store.write(inserting(thread()))
    idle(store)
