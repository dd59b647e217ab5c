"""Who is followed: runs and threads that somebody wants to be told of."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

WATCHED_FOR = 60.0
"""Seconds for which it is remembered; who follows says it again before that."""


class Watched:
    """Ids of runs and threads. For any thread."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._until: dict[str, float] = {}
        self._guard = threading.Lock()

    def note(self, key: str) -> None:
        """Without a key: some may have been missed, and will be said again."""
        if not key:
            return
        now = self._now()
        with self._guard:
            self._until.pop(key, None)  # so that the last is the latest said
            self._until[key] = now + WATCHED_FOR
            while self._until[oldest := next(iter(self._until))] <= now:
                del self._until[oldest]

    def has(self, *keys: str) -> bool:
        now = self._now()
        with self._guard:
            return any(self._until.get(key, 0.0) > now for key in keys)
