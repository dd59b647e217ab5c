"""Work for the runner's loop, awaited in any other."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from cronlane_service.domain.errors import StoreUnavailable

T = TypeVar("T")


async def carried_out(work: Coroutine[Any, Any, T], loop: asyncio.AbstractEventLoop | None) -> T:
    """What the work answers, done in that loop (None: in this one). Raises StoreUnavailable when it is closed."""
    if loop is None or loop is asyncio.get_running_loop():
        return await work
    try:
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, loop))
    except RuntimeError as problem:
        if not loop.is_closed():
            raise
        work.close()
        raise StoreUnavailable("the runner is not running") from problem
