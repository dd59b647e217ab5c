"""The gRPC server: servicers, health and reflection behind one port."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

import grpc
from grpc_health.v1 import health
from grpc_health.v1.health_pb2_grpc import add_HealthServicer_to_server
from grpc_reflection.v1alpha import reflection
from grpc_reflection.v1alpha.reflection_pb2_grpc import add_ServerReflectionServicer_to_server

from cronlane.v1 import assistants_pb2, crons_pb2, graphs_pb2, runs_pb2, store_pb2, thread_protocol_pb2, threads_pb2
from cronlane.v1.assistants_pb2_grpc import add_AssistantServiceServicer_to_server
from cronlane.v1.crons_pb2_grpc import add_CronServiceServicer_to_server
from cronlane.v1.graphs_pb2_grpc import add_GraphServiceServicer_to_server
from cronlane.v1.runs_pb2_grpc import add_RunServiceServicer_to_server
from cronlane.v1.store_pb2_grpc import add_StoreServiceServicer_to_server
from cronlane.v1.thread_protocol_pb2_grpc import add_ThreadProtocolServiceServicer_to_server
from cronlane.v1.threads_pb2_grpc import add_ThreadServiceServicer_to_server
from cronlane_service.rpc import listening
from cronlane_service.rpc.assistants import AssistantServicer
from cronlane_service.rpc.crons import CronServicer
from cronlane_service.rpc.endings import Endings
from cronlane_service.rpc.graphs import GraphServicer
from cronlane_service.rpc.health import HealthServicer
from cronlane_service.rpc.inprocess.channel import InProcessChannel
from cronlane_service.rpc.listening import CannotListen
from cronlane_service.rpc.methods import Methods, Unregistered
from cronlane_service.rpc.runs import RunServicer
from cronlane_service.rpc.store import StoreServicer
from cronlane_service.rpc.thread_protocol import ThreadProtocolServicer
from cronlane_service.rpc.threads import ThreadServicer

SERVICES = tuple(
    file.DESCRIPTOR.services_by_name[name].full_name
    for file, name in (
        (threads_pb2, "ThreadService"),
        (crons_pb2, "CronService"),
        (runs_pb2, "RunService"),
        (assistants_pb2, "AssistantService"),
        (graphs_pb2, "GraphService"),
        (store_pb2, "StoreService"),
        (thread_protocol_pb2, "ThreadProtocolService"),
    )
)


@dataclass(frozen=True, slots=True)
class Options:
    """How the server behaves.

    ``max_message``: bytes of a request, and of a reply. ``tells_all``: calls that went well are events of the log too.
    """

    max_message: int = 32 * 1024 * 1024
    tells_all: bool = True


class GrpcServer:
    """To be made, and used, on one asyncio loop: bind, start, stop."""

    def __init__(
        self,
        threads: ThreadServicer,
        crons: CronServicer,
        runs: RunServicer,
        assistants: AssistantServicer,
        graphs: GraphServicer,
        store: StoreServicer,
        protocol: ThreadProtocolServicer,
        endings: Endings,
        options: Options,
    ) -> None:
        self._endings = endings
        self._health = HealthServicer(SERVICES)
        self._channels: list[InProcessChannel] = []
        self._max_message = options.max_message
        methods: Any = Methods(tells_all=options.tells_all)  # to the generated code it is a server
        add_ThreadServiceServicer_to_server(threads, methods)
        add_CronServiceServicer_to_server(crons, methods)
        add_RunServiceServicer_to_server(runs, methods)
        add_AssistantServiceServicer_to_server(assistants, methods)
        add_GraphServiceServicer_to_server(graphs, methods)
        add_StoreServiceServicer_to_server(store, methods)
        add_ThreadProtocolServiceServicer_to_server(protocol, methods)
        self._server = grpc.aio.server(options=_arguments(options))
        self._server.add_generic_rpc_handlers((methods,))
        self._methods: Methods = methods
        others: Any = Unregistered(self._server)
        add_HealthServicer_to_server(self._health, others)
        reflected = (*SERVICES, health.SERVICE_NAME, reflection.SERVICE_NAME)
        add_ServerReflectionServicer_to_server(reflection.aio.ReflectionServicer(reflected), others)

    async def bind(self, host: str, port: int) -> int:
        """The port bound; 0 picks a free one. Raises CannotListen."""
        await listening.check(host, port)
        address = listening.address(host, port)
        try:
            bound = self._server.add_insecure_port(address)
        except RuntimeError as error:
            raise CannotListen(address, str(error)) from None
        if bound == 0:
            raise CannotListen(address, "the address was refused")
        return bound

    def channel(self) -> grpc.aio.Channel:
        """To the same methods, for callers on this loop: without a socket, and without copies of the messages."""
        self._channels.append(InProcessChannel(self._methods, self._max_message))
        return self._channels[-1]

    async def start(self) -> None:
        """From here on calls are answered, and health says SERVING."""
        self._health.set_serving(True)
        await self._server.start()

    @property
    def serving(self) -> bool:
        """What health says."""
        return self._health.serving

    def set_serving(self, serving: bool) -> None:
        """What health says; calls are answered all the same."""
        self._health.set_serving(serving)

    async def stop(self, grace: float) -> None:
        """Ends all waiting, then gives the other calls so many seconds; may be called twice."""
        self._health.close()
        self._endings.close()
        await asyncio.gather(self._server.stop(grace), *(channel.leave(grace) for channel in self._channels))


def _arguments(options: Options) -> list[tuple[str, int]]:
    return [
        ("grpc.max_receive_message_length", options.max_message),
        ("grpc.max_send_message_length", options.max_message),
        ("grpc.so_reuseport", 0),  # a second server on the port is to fail, not to take half of the calls
        # Clients that ping, to keep waits alive through what forgets silent connections, are no offenders; and a
        # client that is gone without a word does not wait here for ever.
        ("grpc.http2.min_recv_ping_interval_without_data_ms", 5_000),
        ("grpc.http2.max_ping_strikes", 0),
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.keepalive_time_ms", 60_000),
        ("grpc.keepalive_timeout_ms", 20_000),
    ]
