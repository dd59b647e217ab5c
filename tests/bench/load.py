"""The load client as a process of its own: jobs come in pickled on standard input, results go out."""

from __future__ import annotations

import asyncio
import os
import pickle
import subprocess
import sys
from functools import partial
from pathlib import Path

from bench.grpc_load import GrpcConnection, enveloped
from bench.jobs import GRPC, Job, Result
from bench.rest_load import RestConnection
from bench.tally import Tally

TESTS = Path(__file__).parent.parent


class Load:
    """The process, while it is entered."""

    def __enter__(self) -> Load:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "bench.load"],
            env=os.environ | {"PYTHONPATH": str(TESTS)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        return self

    def __exit__(self, *exc: object) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(30)
        self._process.stdout.close()

    def run(self, job: Job) -> Result:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        pickle.dump(job, self._process.stdin)
        self._process.stdin.flush()
        result: Result = pickle.load(self._process.stdout)
        return result


def connection(tally: Tally, job: Job, callers: int) -> asyncio.Protocol:
    return GrpcConnection(tally, job, callers) if job.protocol == GRPC else RestConnection(tally, keep=job.keep)


async def perform(job: Job) -> Result:
    loop = asyncio.get_running_loop()
    calls = [enveloped(call) for call in job.calls] if job.protocol == GRPC else job.calls
    tally = Tally(job, calls)
    connections = min(job.connections, job.callers) if job.protocol == GRPC else job.callers
    transports = []
    for number in range(connections):
        callers = len(range(number, job.callers, connections))
        transport, _ = await loop.create_connection(partial(connection, tally, job, callers), job.host, job.port)
        transports.append(transport)
    try:
        return await tally.finished()
    finally:
        for transport in transports:
            transport.close()


def main() -> None:
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        while True:
            try:
                job = pickle.load(sys.stdin.buffer)
            except EOFError:
                return
            pickle.dump(runner.run(perform(job)), sys.stdout.buffer)
            sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
