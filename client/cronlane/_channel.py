"""Where the service is, the channel to it, and one call over it: for asyncio and blocking."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from typing import Any, TypeVar

import grpc
import grpc.aio

from cronlane.errors import InvalidRequest, from_rpc_error
from cronlane.v1.runs_pb2 import DESCRIPTOR as RUNS
from cronlane.v1.runs_pb2 import JoinRunRequest, RunOutcome, WaitRunRequest

Stub = TypeVar("Stub")
OnRunCreated = Callable[[dict[str, str]], None]

_DEFAULT_PORT = 50051
_SCHEME = re.compile(r"(grpc|http)://|dns:///?")
_TARGET = re.compile(r"(\[[0-9a-fA-F:.]+\]|[^\s/:\[\]]+)(?::([0-9]{1,5}))?/?")
_LOOPBACK = re.compile(r"(localhost|127\.[0-9.]+|\[::1\]):|unix:")


def parse_target(target: str) -> str:
    """``host:port`` out of ``host``, ``host:port`` (port 50051 when there is none) or a URL; ``unix:path`` stays."""
    if target.startswith("unix:"):
        return target
    found = _TARGET.fullmatch(_SCHEME.sub("", target.strip(), count=1))
    if found is None or int(found[2] or 0) > 65535:
        raise InvalidRequest.of("target", f"{target!r} is not host:port")
    return f"{found[1]}:{found[2] or _DEFAULT_PORT}"


def channel_options(target: str, max_message: int = -1) -> list[tuple[str, Any]]:
    """Options of a channel to ``host:port``, for messages of up to ``max_message`` bytes (-1: of any size)."""
    return [
        ("grpc.max_receive_message_length", max_message),
        ("grpc.max_send_message_length", max_message),
        # More often than each five minutes, and a server may take it for abuse.
        ("grpc.keepalive_time_ms", 330_000),
        ("grpc.keepalive_timeout_ms", 20_000),
        # A restarted server is found again within this time.
        ("grpc.max_reconnect_backoff_ms", 2_000),
        # The environment's proxy cannot know this machine's loopback.
        ("grpc.enable_http_proxy", 0 if _LOOPBACK.match(target) else 1),
    ]


def open_channel(target: str, max_message: int = -1) -> grpc.aio.Channel:
    """A channel of the running loop."""
    return grpc.aio.insecure_channel(target, options=channel_options(target, max_message))


def _metadata(api_key: str | None) -> Sequence[tuple[str, str]]:
    return [("x-api-key", api_key)] if api_key else []


def named_run(initial: Any) -> dict[str, str]:
    """The run that the initial metadata of a call names: ``{run_id, thread_id}``; ``{}`` when it names none."""
    found = dict(iter(initial or ()))
    if "cronlane-run-id" not in found:
        return {}
    return {"run_id": found["cronlane-run-id"], "thread_id": found.get("cronlane-thread-id", "")}


class WaitingStub:
    """WaitRun and JoinRun, read as streams of one message: only so is the initial metadata seen before the end."""

    def __init__(self, channel: Any) -> None:
        service = RUNS.services_by_name["RunService"]
        for name, request in (("WaitRun", WaitRunRequest), ("JoinRun", JoinRunRequest)):
            path = f"/{service.full_name}/{name}"
            call = channel.unary_stream(
                path, request_serializer=request.SerializeToString, response_deserializer=RunOutcome.FromString
            )
            setattr(self, name, call)

    WaitRun: Any
    JoinRun: Any


class AsyncConnection:
    """A channel for asyncio, opened at the first call so that it belongs to the loop that uses it."""

    def __init__(self, target: str, *, api_key: str | None = None, timeout: float | None = None) -> None:
        self._target, self._metadata, self._timeout = parse_target(target), _metadata(api_key), timeout
        self._channel: grpc.aio.Channel | None = None
        self._stubs: dict[Any, Any] = {}

    def stub(self, kind: Callable[[grpc.aio.Channel], Stub]) -> Stub:
        if self._channel is None:
            self._channel = open_channel(self._target)
        if kind not in self._stubs:
            self._stubs[kind] = kind(self._channel)
        stub: Stub = self._stubs[kind]
        return stub

    async def call(self, method: Any, request: Any, timeout: float | None) -> Any:
        """The reply. Raises CronlaneError."""
        try:
            return await method(request, timeout=self._seconds(timeout), metadata=self._metadata)
        except grpc.RpcError as error:
            raise from_rpc_error(error) from error

    async def wait(self, request: WaitRunRequest, timeout: float | None, on_run_created: OnRunCreated) -> RunOutcome:
        """How the run ended; ``on_run_created`` hears of it as soon as it is made. Raises CronlaneError."""
        method = self.stub(WaitingStub).WaitRun
        call = method(request, timeout=self._seconds(timeout), metadata=self._metadata)
        try:
            if run := named_run(await call.initial_metadata()):
                on_run_created(run)
            outcome: RunOutcome = await call.read()
        except grpc.RpcError as error:
            raise from_rpc_error(error) from error
        finally:
            call.cancel()
        return outcome

    async def stream(
        self, method: Any, request: Any, timeout: float | None, on_run_created: OnRunCreated
    ) -> AsyncIterator[Any]:
        """What the service tells, until that is over or nobody reads on. Raises CronlaneError."""
        call = method(request, timeout=self._seconds(timeout), metadata=self._metadata)
        try:
            if run := named_run(await call.initial_metadata()):
                on_run_created(run)
            async for message in call:
                yield message
        except grpc.RpcError as error:
            raise from_rpc_error(error) from error
        finally:
            call.cancel()

    def _seconds(self, timeout: float | None) -> float | None:
        return self._timeout if timeout is None else timeout

    async def close(self) -> None:
        if self._channel is not None:
            await self._channel.close()


class SyncConnection:
    """A channel for threads, opened at the first call."""

    def __init__(self, target: str, *, api_key: str | None = None, timeout: float | None = None) -> None:
        self._target, self._metadata, self._timeout = parse_target(target), _metadata(api_key), timeout
        self._channel: grpc.Channel | None = None
        self._stubs: dict[Any, Any] = {}

    def stub(self, kind: Callable[[grpc.Channel], Stub]) -> Stub:
        if self._channel is None:
            self._channel = grpc.insecure_channel(self._target, options=channel_options(self._target))
        if kind not in self._stubs:
            self._stubs[kind] = kind(self._channel)
        stub: Stub = self._stubs[kind]
        return stub

    def call(self, method: Any, request: Any, timeout: float | None) -> Any:
        """The reply. Raises CronlaneError."""
        try:
            return method(request, timeout=self._seconds(timeout), metadata=self._metadata)
        except grpc.RpcError as error:
            raise from_rpc_error(error) from error

    def wait(self, request: WaitRunRequest, timeout: float | None, on_run_created: OnRunCreated) -> RunOutcome:
        """How the run ended; ``on_run_created`` hears of it as soon as it is made. Raises CronlaneError."""
        method = self.stub(WaitingStub).WaitRun
        call = method(request, timeout=self._seconds(timeout), metadata=self._metadata)
        try:
            if run := named_run(call.initial_metadata()):
                on_run_created(run)
            outcome: RunOutcome = next(call)
        except grpc.RpcError as error:
            raise from_rpc_error(error) from error
        finally:
            call.cancel()  # an interrupted wait must not hold the process
        return outcome

    def stream(self, method: Any, request: Any, timeout: float | None, on_run_created: OnRunCreated) -> Iterator[Any]:
        """What the service tells, until that is over or nobody reads on. Raises CronlaneError."""
        call = method(request, timeout=self._seconds(timeout), metadata=self._metadata)
        try:
            if run := named_run(call.initial_metadata()):
                on_run_created(run)
            yield from call
        except grpc.RpcError as error:
            raise from_rpc_error(error) from error
        finally:
            call.cancel()

    def _seconds(self, timeout: float | None) -> float | None:
        return self._timeout if timeout is None else timeout

    def close(self) -> None:
        if self._channel is not None:
            self._channel.close()
