"""The stored service on a real gRPC server."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import grpc.aio

from client.stored_service import StoredService
from cronlane.v1 import assistants_pb2_grpc, crons_pb2_grpc, runs_pb2_grpc, thread_protocol_pb2_grpc, threads_pb2_grpc

REGISTRATIONS: tuple[Callable[[Any, Any], None], ...] = (
    threads_pb2_grpc.add_ThreadServiceServicer_to_server,
    crons_pb2_grpc.add_CronServiceServicer_to_server,
    runs_pb2_grpc.add_RunServiceServicer_to_server,
    assistants_pb2_grpc.add_AssistantServiceServicer_to_server,
    thread_protocol_pb2_grpc.add_ThreadProtocolServiceServicer_to_server,
)


@asynccontextmanager
async def serving(service: StoredService, *, max_message: int = 4 * 1024 * 1024) -> AsyncIterator[str]:
    """The address it listens on."""
    server = grpc.aio.server(options=[("grpc.max_receive_message_length", max_message)])
    for register in REGISTRATIONS:
        register(service, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        service.ended.set()
        await server.stop(0)
