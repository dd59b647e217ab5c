"""Schedule LangGraph graphs over gRPC.

``get_client`` is for asyncio, ``get_sync_client`` blocks; both speak the official LangGraph SDK's calls and dicts.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cronlane import errors as errors
    from cronlane._async.client import CronlaneClient as CronlaneClient
    from cronlane._async.client import get_client as get_client
    from cronlane._convert import StreamPart as StreamPart
    from cronlane._sync.client import SyncCronlaneClient as SyncCronlaneClient
    from cronlane._sync.client import get_sync_client as get_sync_client
    from cronlane.errors import AlreadyExists as AlreadyExists
    from cronlane.errors import Conflict as Conflict
    from cronlane.errors import CronlaneError as CronlaneError
    from cronlane.errors import Internal as Internal
    from cronlane.errors import InvalidRequest as InvalidRequest
    from cronlane.errors import NotFound as NotFound
    from cronlane.errors import Overloaded as Overloaded
    from cronlane.errors import PermissionDenied as PermissionDenied
    from cronlane.errors import RunFailed as RunFailed
    from cronlane.errors import Timeout as Timeout
    from cronlane.errors import TooLarge as TooLarge
    from cronlane.errors import Unauthenticated as Unauthenticated
    from cronlane.errors import Unavailable as Unavailable
    from cronlane.errors import Unimplemented as Unimplemented

_ERRORS = (
    "AlreadyExists",
    "Conflict",
    "CronlaneError",
    "Internal",
    "InvalidRequest",
    "NotFound",
    "Overloaded",
    "PermissionDenied",
    "RunFailed",
    "Timeout",
    "TooLarge",
    "Unauthenticated",
    "Unavailable",
    "Unimplemented",
)
# Imported when they are first asked for: grpc takes its time.
_HOMES = {
    "CronlaneClient": "cronlane._async.client",
    "get_client": "cronlane._async.client",
    "SyncCronlaneClient": "cronlane._sync.client",
    "get_sync_client": "cronlane._sync.client",
    "StreamPart": "cronlane._convert",
    **dict.fromkeys(_ERRORS, "cronlane.errors"),
}

__all__ = ["errors", *_HOMES]


def __getattr__(name: str) -> Any:
    if name == "errors":
        return import_module("cronlane.errors")
    if name not in _HOMES:
        raise AttributeError(f"module 'cronlane' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
