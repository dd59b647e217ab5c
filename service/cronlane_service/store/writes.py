"""Operations that wait to be carried out, and who waits for their answers."""

from __future__ import annotations

from asyncio import AbstractEventLoop
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from contextlib import suppress
from threading import Lock
from typing import Any, NamedTuple

from cronlane_service.domain.errors import StoreUnavailable
from cronlane_service.domain.ports import Operation
from cronlane_service.store.engine import Notice


class Write:
    """One operation. Its future belongs to a loop, or, without one, to any thread."""

    __slots__ = ("_show", "_shown", "error", "future", "loop", "operation", "result", "tries")

    def __init__(
        self,
        operation: Operation[Any],
        loop: AbstractEventLoop | None = None,
        show: Callable[[Any], object] | None = None,
    ) -> None:
        """``show``: makes of the result what the future gets, on the loop."""
        self.operation, self.loop, self._show = operation, loop, show
        self._shown: tuple[Any, tuple[object, BaseException | None]] | None = None  # a result, and what came of it
        self.future: Any = Future() if loop is None else loop.create_future()
        self.tries = 0  # that failed because of other servers
        self.result: Any = None
        self.error: BaseException | None = None

    def begin(self) -> bool:
        """False: nobody waits for it any more, and it is not carried out."""
        if self.tries:
            return True
        return not self.future.cancelled() if self.loop else self.future.set_running_or_notify_cancel()

    def show(self) -> None:
        """Makes what the future will get, on the loop; it may turn out to be of another result."""
        result = self.result  # first: who refuses it meanwhile notes the error before he takes the result away
        if self._show is not None and self.error is None:
            self._shown = result, outcome(self._show, result)

    def answer(self) -> tuple[object, BaseException | None]:
        """What the future gets: a result, or an error."""
        if self._show is None or self.error is not None:
            return self.result, self.error
        if self._shown is not None and self._shown[0] is self.result:
            return self._shown[1]
        return outcome(self._show, self.result)


class Carried(NamedTuple):
    """Writes of which the first ``done`` were carried out on the loop; what is to be told of those after the commit."""

    batch: list[Write]
    notices: dict[Notice, None]
    done: int
    begun: Lock
    """Is released when the thread has them."""


def answer(writes: Iterable[Write]) -> None:
    """Hands over their answers, and wakes every loop once."""
    by_loop: dict[AbstractEventLoop | None, list[Write]] = {}
    for write in writes:
        by_loop.setdefault(write.loop, []).append(write)
    for loop, waiting in by_loop.items():
        if loop is None:
            _settle(waiting)
        else:
            with suppress(RuntimeError):  # it is closed, and nobody waits there
                loop.call_soon_threadsafe(_settle, waiting)


def refuse(writes: Iterable[Write], problem: str) -> None:
    """Says to all that the database cannot be used."""
    refused = [write for write in writes if write.future.done() is False]
    for write in refused:
        write.error, write.result = StoreUnavailable(problem), None
    answer(refused)


def _settle(writes: Iterable[Write]) -> None:
    """Hands over their answers, on the thread of their futures' loop; who has left meanwhile gets none."""
    for write in writes:
        if write.future.done():
            continue
        result, error = write.answer()
        if error is None:
            write.future.set_result(result)
        elif isinstance(error, StopIteration):  # which a future does not take
            write.future.set_exception(RuntimeError("the operation raised StopIteration"))
        else:
            write.future.set_exception(error)


def outcome(action: Callable[..., Any], *arguments: Any) -> tuple[Any, BaseException | None]:
    """What the action returned, or raised: that belongs to whoever asked for it, not to this thread."""
    try:
        return action(*arguments), None
    except BaseException as error:  # noqa: BLE001
        return None, error
