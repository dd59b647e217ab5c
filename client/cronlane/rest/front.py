"""What every request passes: answers are counted, and pages of any origin may read them."""

from __future__ import annotations

from collections.abc import Callable

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cronlane.rest.metrics import Requests

_VARY = (b"vary", b"Origin")


class Front:
    """The one layer around the application. Only what a page asks takes the way through Starlette's rules for pages,
    which costs as much as the rest of a small request.
    """

    def __init__(self, find: Callable[[Scope], ASGIApp], requests: Requests) -> None:
        """``find``: what answers."""
        self._find, self._requests = find, requests
        self._for_pages = CORSMiddleware(
            self._for_all,
            allow_origins=["*"],
            allow_methods=["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"],
            allow_headers=["*"],
            expose_headers=["x-pagination-total", "x-pagination-next", "content-location"],
            allow_private_network=True,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._for_all(scope, receive, send)
            return
        from_page = b"origin" in dict(scope["headers"])

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._requests.count(scope["method"], message["status"])
                if not from_page:
                    message["headers"] = [*message.get("headers", ()), _VARY]
            await send(message)

        await (self._for_pages if from_page else self._find(scope))(scope, receive, sent)

    async def _for_all(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._find(scope)(scope, receive, send)
