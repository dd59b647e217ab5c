"""The methods of the services by path, each inside the RPC boundary."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import grpc.aio

from cronlane_service.rpc.boundary import Handler, guarded


class Methods(grpc.GenericRpcHandler):
    """Takes what the generated code registers, as a server does, and finds each method at once."""

    def __init__(self, *, tells_all: bool = True) -> None:
        """``tells_all``: the calls that went well are events of the log too."""
        self._tells_all = tells_all
        self._by_path: dict[str, Handler] = {}

    def add_registered_method_handlers(self, service: str, handlers: Mapping[str, Handler]) -> None:
        for name, handler in handlers.items():
            path = f"/{service}/{name}"
            self._by_path[path] = guarded(path, handler, tells_all=self._tells_all)

    def add_generic_rpc_handlers(self, handlers: Sequence[grpc.GenericRpcHandler]) -> None:
        """The same handlers again, to be asked one service after the other."""

    def find(self, path: str) -> Handler | None:
        return self._by_path.get(path)

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> Handler | None:
        return self._by_path.get(handler_call_details.method)


class Unregistered:
    """Takes what the generated code registers, and gives it to a server as methods that are looked for by name.

    The server's loop waits for the next call of each registered method apart, and every call of any method pays for
    each of these waits.
    """

    def __init__(self, server: grpc.aio.Server) -> None:
        self._server = server

    def add_registered_method_handlers(self, service: str, handlers: Mapping[str, Handler]) -> None:
        """They come once more as generic ones."""

    def add_generic_rpc_handlers(self, handlers: Sequence[grpc.GenericRpcHandler]) -> None:
        self._server.add_generic_rpc_handlers(handlers)
