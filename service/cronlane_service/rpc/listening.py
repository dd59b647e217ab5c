"""Whether an address can be listened on, and if not, why."""

from __future__ import annotations

import asyncio
import errno
import socket


class CannotListen(Exception):
    """``str()`` is a line for the operator."""

    def __init__(self, address: str, problem: str) -> None:
        super().__init__(f"cannot listen on {address}: {problem}")
        self.address, self.problem = address, problem


def address(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


async def check(host: str, port: int) -> None:
    """gRPC says only that it failed, and is content with one of a name's addresses. Raises CannotListen."""
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError) as error:
        raise CannotListen(address(host, port), getattr(error, "strerror", None) or str(error)) from None
    problems = [_problem(family, where) for family, _, _, _, where in found]
    taken = [problem for problem in problems if problem is not None and problem.errno == errno.EADDRINUSE]
    if taken or None not in problems:
        worst = taken[0] if taken else problems[0]
        raise CannotListen(address(host, port), (worst and worst.strerror) or str(worst))


def _problem(family: int, where: tuple[object, ...]) -> OSError | None:
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(where)
            probe.listen(1)
        except OSError as error:
            return error
    return None
