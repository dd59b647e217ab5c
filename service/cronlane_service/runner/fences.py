"""Keeps a graph that was let go from writing to the thread that it had."""

from __future__ import annotations

from contextvars import ContextVar


class LetGo(RuntimeError):
    """Raised inside a graph whose run has ended without it."""

    def __init__(self) -> None:
        super().__init__("the run has ended: its graph was cancelled and went on")


class Fence:
    """Stands around one attempt; what runs in the attempt's task, and what that starts, is inside."""

    def __init__(self) -> None:
        self._closed = False

    def enter(self) -> None:
        _around.set(self)

    def close(self) -> None:
        self._closed = True

    def check(self) -> None:
        if self._closed:
            raise LetGo


_around: ContextVar[Fence | None] = ContextVar("cronlane_fence", default=None)


def check() -> None:
    """Raises LetGo when it is called from inside of a fence that was closed."""
    fence = _around.get()
    if fence is not None:
        fence.check()
