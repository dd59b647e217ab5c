"""What a servicer is told of a call within the process, and says about its end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Any, Never, TypeAlias

import grpc
from grpc.aio import Metadata

Pairs: TypeAlias = "Iterable[tuple[str, str | bytes]]"


class CallContext(grpc.aio.ServicerContext[Any, Any]):
    """The servicer's side of one call; the caller's side reads its status here."""

    def __init__(self, metadata: Pairs, deadline: float | None) -> None:
        """``deadline``: by the loop's clock."""
        self._metadata, self._deadline = tuple(metadata), deadline
        self.begun: Callable[[], object] = _nobody
        """Is told when the initial metadata is known."""
        self.initial: Pairs = ()
        self.trailing: Pairs = ()
        self._code, self._details = grpc.StatusCode.OK, ""

    async def abort(self, code: grpc.StatusCode, details: str = "", trailing_metadata: Any = ()) -> Never:
        self.fail(code, details, trailing_metadata or self.trailing)

    async def abort_with_status(self, status: grpc.Status) -> Never:
        await self.abort(status.code, status.details, status.trailing_metadata)

    def fail(self, code: grpc.StatusCode, details: str, trailing: Pairs = ()) -> Never:
        self.end(code, details, trailing)
        raise grpc.aio.AbortError("Locally aborted.")

    def end(self, code: grpc.StatusCode, details: str, trailing: Pairs = ()) -> None:
        self._code, self._details, self.trailing = code, details, trailing

    def error(self) -> grpc.aio.AioRpcError:
        """The status, as a call raises it."""
        return grpc.aio.AioRpcError(self._code, pairs(self.initial), pairs(self.trailing), self._details)

    async def send_initial_metadata(self, initial_metadata: Any) -> None:
        self.initial = tuple(initial_metadata)
        self.begun()

    def set_trailing_metadata(self, trailing_metadata: Any) -> None:
        self.trailing = tuple(trailing_metadata)

    def invocation_metadata(self) -> Any:
        return self._metadata

    def time_remaining(self) -> Any:
        """Seconds; None: there is no deadline."""
        return None if self._deadline is None else max(0.0, self._deadline - asyncio.get_running_loop().time())

    def code(self) -> grpc.StatusCode:
        return self._code

    def details(self) -> str:
        return self._details

    def set_code(self, code: grpc.StatusCode) -> None:
        self._code = code

    def set_details(self, details: str) -> None:
        self._details = details

    def trailing_metadata(self) -> Any:
        return self.trailing

    def peer(self) -> str:
        return "inprocess:"

    def peer_identities(self) -> None:
        """There are no certificates."""

    def peer_identity_key(self) -> None:
        """There are no certificates."""

    def auth_context(self) -> dict[str, Any]:
        return {}

    def set_compression(self, compression: grpc.Compression) -> None:
        """Nothing is sent."""

    def disable_next_message_compression(self) -> None:
        """Nothing is sent."""

    async def read(self) -> Any:
        raise grpc.aio.UsageError("the call has one request, which its handler has")

    async def write(self, message: Any) -> None:
        raise grpc.aio.UsageError("replies are yielded or returned")


def _nobody() -> None:
    """Nobody waits for it."""


def pairs(metadata: Pairs) -> Metadata:
    return Metadata.from_tuple(tuple(metadata))
