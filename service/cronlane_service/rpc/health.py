"""grpc.health.v1: whether each service is to be called."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

if TYPE_CHECKING:
    from cronlane_service.rpc.auth import Context

_Reply = health_pb2.HealthCheckResponse


class HealthServicer(health_pb2_grpc.HealthServicer):  # type: ignore[misc]
    """Unlike that of grpc's own package, its watches end when the server stops, and do not hold it up."""

    def __init__(self, services: Sequence[str]) -> None:
        self._statuses = dict.fromkeys(("", *services), _Reply.NOT_SERVING)
        self._changed = asyncio.Event()
        self._closed = False

    @property
    def serving(self) -> bool:
        return bool(self._statuses[""] == _Reply.SERVING)

    def set_serving(self, serving: bool) -> None:
        """Of every service, and of the server as a whole; nothing after `close`."""
        if not self._closed:
            self._tell(_Reply.SERVING if serving else _Reply.NOT_SERVING)

    def close(self) -> None:
        """Tells NOT_SERVING, for good, and ends the watches."""
        self._closed = True
        self._tell(_Reply.NOT_SERVING)

    def _tell(self, status: int) -> None:
        self._statuses = dict.fromkeys(self._statuses, status)
        told, self._changed = self._changed, asyncio.Event()
        told.set()

    async def Check(  # noqa: N802
        self, request: health_pb2.HealthCheckRequest, context: Context
    ) -> health_pb2.HealthCheckResponse:
        status = self._statuses.get(request.service)
        if status is None:
            await context.abort(grpc.StatusCode.NOT_FOUND, "no such service")
        return _Reply(status=status)

    async def Watch(self, request: health_pb2.HealthCheckRequest, context: Context) -> None:  # noqa: N802
        told = None
        while True:
            changed = self._changed
            status = self._statuses.get(request.service, _Reply.SERVICE_UNKNOWN)
            if status != told:
                await context.write(_Reply(status=status))
                told = status
            elif self._closed:
                return
            else:
                await changed.wait()
