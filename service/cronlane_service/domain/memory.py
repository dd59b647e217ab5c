"""Answers that are remembered: many crons and threads are made with the same texts."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TypeVar

T = TypeVar("T")

_SHORT = 1000
"""Characters of a text of which something is remembered; callers may send megabytes."""


def remembered(read: Callable[[str], T]) -> Callable[[str], T]:
    """A function of a text that answers at once for a short one it had lately. What it raises is not remembered."""
    known = lru_cache(maxsize=2048)(read)

    def answer(text: str) -> T:
        return known(text) if len(text) <= _SHORT else read(text)

    return answer
