"""What goes wrong, as an HTTP status and ``{"detail": text}``."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from math import ceil
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from cronlane import errors
from cronlane._decode import NotAnObject

_BY_REASON: Mapping[str, int] = {
    "INVALID_FIELD": 422,
    "SYSTEM_ASSISTANT": 409,
    "EMPTY_UPDATE": 400,
    "CONTEXT_AND_CONFIGURABLE": 400,
    "THREAD_HAS_NO_GRAPH": 400,
    "INVALID_STATE_UPDATE": 400,
    "THREAD_BUSY": 409,
    "ALREADY_EXISTS": 409,
    "REQUEST_ID_REUSED": 409,
    "ETAG_MISMATCH": 409,
    "NOT_FOUND": 404,
    "GRAPH_NOT_LOADED": 404,
}
_BY_KIND: Mapping[type[errors.CronlaneError], int] = {
    errors.InvalidRequest: 422,
    errors.TooLarge: 413,
    errors.Unauthenticated: 401,
    errors.PermissionDenied: 403,
    errors.NotFound: 404,
    errors.AlreadyExists: 409,
    errors.Conflict: 409,
    errors.Overloaded: 429,
    errors.Unavailable: 503,
    errors.Timeout: 504,
    errors.Unimplemented: 501,
}
# What the service did not say itself may tell of its inside: addresses, paths, tracebacks.
_PLAIN = {500: "Internal Server Error", 501: "Not Implemented", 503: "Service Unavailable", 504: "Gateway Timeout"}


async def service_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, errors.CronlaneError)
    status = _BY_REASON.get(error.reason) or _BY_KIND.get(type(error), 500)
    told = status < 500 or (error.reason and status != 500)
    headers = {"retry-after": str(max(1, ceil(error.retry_after or 1)))} if status in (429, 503) else None
    return JSONResponse({"detail": str(error) if told else _PLAIN[status]}, status, headers)


async def no_object(_: Request, __: Exception) -> Response:
    return JSONResponse({"detail": "Invalid JSON in request body"}, 422)


async def http_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return JSONResponse({"detail": error.detail}, error.status_code, error.headers)


async def gone(_: Request, __: Exception) -> Response:
    """Nobody reads this."""
    return Response(status_code=400)


async def answer(http: Request, error: Exception) -> Response:
    """To one that is known."""
    handler = next(HANDLERS[kind] for kind in type(error).__mro__ if kind in HANDLERS)
    return await handler(http, error)


async def failed(_: Request, __: Exception) -> Response:
    return JSONResponse({"detail": _PLAIN[500]}, 500)


KNOWN = (errors.CronlaneError, HTTPException, ClientDisconnect)
"""What an API call may raise."""
HANDLERS: Mapping[Any, Callable[[Request, Exception], Awaitable[Response]]] = {
    NotAnObject: no_object,
    errors.CronlaneError: service_error,
    HTTPException: http_error,
    ClientDisconnect: gone,
    Exception: failed,
}
