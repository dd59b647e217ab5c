"""Short writes that wait to be carried out together, on the loop that asks for them."""

from __future__ import annotations

from asyncio import AbstractEventLoop, Handle
from collections.abc import Callable
from contextvars import Context

from cronlane_service.store.writes import Write

_MOST = 64
"""If more wait, a commit for them takes longer than the loop can keep waiting."""
_MOST_EXPECTED = 48  # fewer, as some come before the loop gets to it
_PATIENCE = 0.003
"""Seconds for which they wait for others, to share a commit with them."""


class ShortWrites:
    """Those that wait are of one loop, which is called when all are there that are expected, or do not come.

    Guarded by whose they are.
    """

    def __init__(self, carry_out: Callable[[], None]) -> None:
        """``carry_out``: what the loop calls."""
        self._carry_out = carry_out
        self._waiting: list[Write] = []
        self._expected = 1
        self._called: AbstractEventLoop | None = None
        """The loop that will carry them out, by `_call`."""
        self._call: Handle

    def __len__(self) -> int:
        return len(self._waiting)

    def takes(self, loop: AbstractEventLoop | None) -> bool:
        return not self._waiting or (self._waiting[0].loop is loop and len(self._waiting) < _MOST)

    def append(self, write: Write) -> None:
        self._waiting.append(write)

    def expect(self, number: int) -> None:
        """So many were under way at a time: when they have their answers, they will come again."""
        self._expected = min(number, _MOST_EXPECTED)

    def call(self) -> None:
        """To be called on their loop."""
        loop, there = self._loop, len(self._waiting)
        if self._called is loop:
            if there != self._expected:
                return
            self._call.cancel()
        patience = _PATIENCE if there < self._expected else 0
        self._call = loop.call_later(patience, self._carry_out, context=Context())  # of no caller: it is for all
        self._called = loop

    def wake(self, callback: Callable[[], None]) -> None:
        """Has their loop call it. Raises RuntimeError: it is closed."""
        if self._waiting:
            self._loop.call_soon_threadsafe(callback, context=Context())

    def called(self) -> None:
        """The loop was, and will be again for those that wait then."""
        self._called = None

    def take(self) -> list[Write]:
        taken, self._waiting = self._waiting, []
        return taken

    @property
    def _loop(self) -> AbstractEventLoop:
        loop = self._waiting[0].loop
        assert loop is not None, "what is short is submitted by a loop"
        return loop
