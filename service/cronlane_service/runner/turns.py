"""How long a thread keeps the interpreter while another one waits for it.

A graph computes for long. What answers calls has a little to do at a time, and lets go of the interpreter whenever it
reads the database: it would wait Python's five milliseconds each time to go on.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

SHORT = 0.0002
"""Seconds. Not always so short: threads that hand work to each other, as those that write do, would be slower by it."""


class _Turns:
    """Of the whole process: they are short as long as anybody wants it."""

    def __init__(self) -> None:
        self._changing = threading.Lock()
        self._wanting, self._usual = 0, 0.0

    def shorten(self) -> None:
        with self._changing:
            if self._wanting == 0:
                self._usual = sys.getswitchinterval()
                sys.setswitchinterval(SHORT)
            self._wanting += 1

    def restore(self) -> None:
        with self._changing:
            self._wanting -= 1
            if self._wanting == 0:
                sys.setswitchinterval(self._usual)


_turns = _Turns()


@contextmanager
def short_turns() -> Iterator[None]:
    """What is done inside leaves other threads time at once; several tasks and threads may do so."""
    _turns.shorten()
    try:
        yield
    finally:
        _turns.restore()
