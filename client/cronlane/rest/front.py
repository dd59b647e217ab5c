"""What every request passes: answers are counted, and pages of any origin may read them."""

from __future__ import annotations

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cronlane.rest.metrics import Requests

_VARY = (b"vary", b"Origin")


class Front:
    """The one layer around the application. Only what a page asks takes the way through Starlette's rules for pages,
    which costs as much as the rest of a small request.
    """

    def __init__(self, app: ASGIApp, requests: Requests) -> None:
        self._app, self._requests = app, requests
        self._for_pages = CORSMiddleware(
            app,
            allow_origins=["*"],
            allow_methods=["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"],
            allow_headers=["*"],
            expose_headers=["x-pagination-total", "x-pagination-next", "content-location"],
            allow_private_network=True,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        from_page = any(name == b"origin" for name, _ in scope["headers"])

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._requests.count(scope["method"], message["status"])
                if not from_page:
                    message["headers"] = [*message.get("headers", ()), _VARY]
            await send(message)

        await (self._for_pages if from_page else self._app)(scope, receive, sent)
