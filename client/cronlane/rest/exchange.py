"""One HTTP request on its way to the service and back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import grpc.aio
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Scope

from cronlane.errors import from_rpc_error
from cronlane.rest.routes import Binding


@dataclass(slots=True)
class Exchange:
    """As it came, as it goes to the service, who sends it, and by which call; ``keep_alive`` in seconds."""

    scope: Scope
    binding: Binding
    request: Any
    method: Callable[..., Any]
    identity: Sequence[tuple[str, str]]
    keep_alive: float

    @property
    def http(self) -> Request:
        """What else was sent; most replies do not depend on it."""
        return Request(self.scope)

    def send(self) -> Any:
        """The call."""
        return self.method(self.request, metadata=self.identity)

    async def reply(self) -> Any:
        """Raises CronlaneError."""
        try:
            return await self.method(self.request, metadata=self.identity)
        except grpc.aio.AioRpcError as error:
            raise from_rpc_error(error) from error


class JsonResponse(Response):
    """A text that is JSON."""

    def __init__(self, text: str, status: int = 200, headers: Mapping[str, str] | None = None) -> None:
        self.status_code, self.body, self.background = status, text.encode(), None
        self.raw_headers = []
        for name, value in (headers or {}).items():
            self.raw_headers.append((name.encode("latin-1"), value.encode("latin-1")))
        length = b"%d" % len(self.body)
        self.raw_headers += [(b"content-length", length), (b"content-type", b"application/json")]


def run_headers(thread_id: str, run_id: str) -> dict[str, str]:
    """Where a run is, and where its end can be waited for: the SDKs reconnect to the latter."""
    path = f"/threads/{thread_id}/runs/{run_id}"
    return {"content-location": path, "location": f"{path}/join"}
