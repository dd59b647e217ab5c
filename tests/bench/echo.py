"""The bare wire: a `grpc.aio` server on uvloop that answers /echo/N with N bytes, and does nothing else."""

from __future__ import annotations

import asyncio
import sys

import grpc
import uvloop


class Echo(grpc.GenericRpcHandler):
    """Messages stay bytes: nothing is parsed, nothing is serialised."""

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[bytes, bytes]:
        reply = bytes(int(handler_call_details.method.rsplit("/", 1)[1]))

        async def answer(request: bytes, context: grpc.aio.ServicerContext[bytes, bytes]) -> bytes:
            return reply

        return grpc.unary_unary_rpc_method_handler(answer)


async def main() -> None:
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((Echo(),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    print(port, flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)  # until whoever started it lets go
    await server.stop(0)


if __name__ == "__main__":
    uvloop.run(main())
