"""The server around the servicers: its port, its limits, health, reflection, its log, its end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import grpc
import pytest
import structlog
from grpc_health.v1 import health_pb2
from grpc_health.v1.health_pb2_grpc import HealthStub

from cronlane.v1 import crons_pb2, threads_pb2
from cronlane.v1.common_pb2 import Json
from cronlane.v1.threads_pb2_grpc import ThreadServiceStub
from cronlane_service.domain.errors import StoreUnavailable
from cronlane_service.rpc.listening import CannotListen
from cronlane_service.rpc.server import SERVICES, GrpcServer, Options
from cronlane_service.usecases.threads import Threads

SERVING, NOT_SERVING = health_pb2.HealthCheckResponse.SERVING, health_pb2.HealthCheckResponse.NOT_SERVING
NOWHERE = "00000000-0000-4000-8000-0000000000ff"

Served = tuple[GrpcServer, int]


def rpc_events(events: list[Any]) -> list[Any]:
    return [event for event in events if event["event"] == "rpc"]


async def test_a_second_server_on_the_port_fails_and_says_why(build: Callable[[], GrpcServer], port: int) -> None:
    with pytest.raises(CannotListen, match=f"cannot listen on 127.0.0.1:{port}: Address already in use"):
        await build().bind("127.0.0.1", port)


async def test_a_second_server_on_a_name_s_address_fails_too(build: Callable[[], GrpcServer], port: int) -> None:
    with pytest.raises(CannotListen, match=f"cannot listen on localhost:{port}: Address already in use"):
        await build().bind("localhost", port)


@pytest.mark.parametrize("host", ["no-such-host.invalid", "203.0.113.7", "not a host", "a" * 70])
async def test_a_host_that_is_not_here_is_named(build: Callable[[], GrpcServer], host: str) -> None:
    with pytest.raises(CannotListen, match=f"cannot listen on {host}:0: .+"):
        await build().bind(host, 0)


async def test_a_port_is_free_again_when_its_server_has_stopped(
    build: Callable[[], GrpcServer], served: Served
) -> None:
    first, port = served
    await first.stop(0)
    second = build()
    assert await second.bind("127.0.0.1", port) == port
    await second.stop(0)


async def test_a_message_over_the_limit_is_refused_and_one_under_it_is_not(
    serve: Callable[[Options], Awaitable[Served]],
) -> None:
    _, port = await serve(Options(max_message=100_000))
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        threads: Any = ThreadServiceStub(channel)
        fits = threads_pb2.CreateThreadRequest(metadata=Json(text='{"a":"%s"}' % ("x" * 90_000)))
        made = await threads.CreateThread(fits)
        assert made.metadata == fits.metadata
        fits.metadata.text = '{"a":"%s"}' % ("x" * 100_000)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await threads.CreateThread(fits)
        assert caught.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
        await threads.CreateThread(threads_pb2.CreateThreadRequest(metadata=made.metadata))
        with pytest.raises(grpc.aio.AioRpcError) as caught:  # two of them are too much for one reply
            await threads.SearchThreads(threads_pb2.SearchThreadsRequest())
        assert caught.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
        assert (await threads.CountThreads(threads_pb2.CountThreadsRequest())).count == 2


async def test_sixteen_megabytes_go_in_by_default(threads: Any) -> None:
    metadata = Json(text='{"a":"%s"}' % ("x" * 16_000_000))
    made = await threads.CreateThread(threads_pb2.CreateThreadRequest(metadata=Json(text="{}")))
    update = threads_pb2.Thread(thread_id=made.thread_id, metadata=metadata)
    with pytest.raises(grpc.aio.AioRpcError) as caught:  # it is the client's own limit that the reply breaks
        await threads.UpdateThread(threads_pb2.UpdateThreadRequest(thread=update))
    assert "4194304" in str(caught.value.details())
    big = threads_pb2.SearchThreadsRequest(select=["thread_id"], metadata=metadata)
    assert (await threads.SearchThreads(big)).total == 1


async def test_a_long_name_still_comes_back_as_a_readable_refusal(crons: Any, refused: Any) -> None:
    cron = crons_pb2.Cron(assistant_id="ä" * 200_000, schedule="* * * * *")
    no = await refused(crons.CreateCron(crons_pb2.CreateCronRequest(cron=cron)))
    assert (no.code, no.reason) == (grpc.StatusCode.NOT_FOUND, "NOT_FOUND")


async def test_health_is_told_for_each_service(served: Served, channel: grpc.aio.Channel) -> None:
    health: Any = HealthStub(channel)

    async def statuses() -> set[int]:
        names = ("", *SERVICES)
        return {(await health.Check(health_pb2.HealthCheckRequest(service=name))).status for name in names}

    assert await statuses() == {SERVING}
    served[0].set_serving(False)
    assert await statuses() == {NOT_SERVING}
    served[0].set_serving(True)
    assert await statuses() == {SERVING}
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await health.Check(health_pb2.HealthCheckRequest(service="cronlane.v1.Nothing"))
    assert caught.value.code() == grpc.StatusCode.NOT_FOUND


async def test_a_watch_sees_the_server_go_and_does_not_hold_it_up(served: Served, channel: grpc.aio.Channel) -> None:
    health: Any = HealthStub(channel)
    watch = health.Watch(health_pb2.HealthCheckRequest(service=SERVICES[0]))
    unknown = health.Watch(health_pb2.HealthCheckRequest(service="cronlane.v1.Nothing"))
    assert (await watch.read()).status == SERVING
    assert (await unknown.read()).status == health_pb2.HealthCheckResponse.SERVICE_UNKNOWN
    served[0].set_serving(False)
    assert (await watch.read()).status == NOT_SERVING
    served[0].set_serving(True)
    assert (await watch.read()).status == SERVING
    async with asyncio.timeout(5):  # far less than the grace
        await served[0].stop(60)
    assert (await watch.read()).status == NOT_SERVING
    assert await watch.read() is await unknown.read() is grpc.aio.EOF


async def test_stopping_twice_is_fine(served: Served) -> None:
    await served[0].stop(0)
    await served[0].stop(0)


async def test_each_call_is_one_event_that_tells_ids_and_no_bodies(threads: Any) -> None:
    with structlog.testing.capture_logs() as events:
        secret = Json(text='{"secret":"hunter2"}')
        made = await threads.CreateThread(threads_pb2.CreateThreadRequest(metadata=secret))
    (event,) = rpc_events(events)
    assert (event["method"], event["code"]) == ("/cronlane.v1.ThreadService/CreateThread", "OK")
    assert (event["thread_id"], event["log_level"]) == (made.thread_id, "debug")
    assert event["duration_ms"] > 0
    assert "hunter2" not in str(events)


async def test_successes_are_told_to_who_debugs_alone_and_refusals_to_everybody(
    serve: Callable[[Options], Awaitable[Served]], refused: Any
) -> None:
    _, port = await serve(Options(tells_all=False))
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        threads: Any = ThreadServiceStub(channel)
        with structlog.testing.capture_logs() as events:
            await threads.CreateThread(threads_pb2.CreateThreadRequest())
            await refused(threads.GetThread(threads_pb2.GetThreadRequest(thread_id=NOWHERE)))
    assert [event["code"] for event in rpc_events(events)] == ["NOT_FOUND"]


async def test_a_refusal_is_one_event_too(threads: Any, refused: Any) -> None:
    with structlog.testing.capture_logs() as events:
        await refused(threads.GetThread(threads_pb2.GetThreadRequest(thread_id=NOWHERE)))
    (event,) = rpc_events(events)
    assert (event["code"], event["thread_id"], event["log_level"]) == ("NOT_FOUND", NOWHERE, "info")
    assert "exc_info" not in event


async def test_health_checks_stay_out_of_the_log(channel: grpc.aio.Channel) -> None:
    health: Any = HealthStub(channel)
    with structlog.testing.capture_logs() as events:
        await health.Check(health_pb2.HealthCheckRequest())
    assert not events


def failing(error: Exception) -> Callable[..., None]:
    def fail(*arguments: Any) -> None:
        raise error

    return fail


async def test_a_fault_is_internal_for_the_caller_and_whole_in_the_log(
    threads: Any, refused: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Threads, "get", failing(RuntimeError("the password is hunter2")))
    with structlog.testing.capture_logs() as events:
        no = await refused(threads.GetThread(threads_pb2.GetThreadRequest(thread_id=NOWHERE)))
    assert (no.code, no.reason, no.domain) == (grpc.StatusCode.INTERNAL, "INTERNAL", "cronlane")
    assert "hunter2" not in no.message
    (event,) = rpc_events(events)
    assert (event["code"], event["log_level"]) == ("INTERNAL", "error")
    assert "hunter2" in str(event["exc_info"])
    assert event["exc_info"].__traceback__ is not None
    monkeypatch.undo()
    assert (await threads.CountThreads(threads_pb2.CountThreadsRequest())).count == 0  # the server lives


async def test_a_database_that_is_away_is_worth_another_try(
    threads: Any, refused: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Threads, "get", failing(StoreUnavailable("the disk is full")))
    with structlog.testing.capture_logs() as events:
        no = await refused(threads.GetThread(threads_pb2.GetThreadRequest(thread_id=NOWHERE)))
    assert (no.code, no.reason, no.retry_after) == (grpc.StatusCode.UNAVAILABLE, "STORE_UNAVAILABLE", 1)
    (event,) = rpc_events(events)
    assert (event["log_level"], "disk is full" in event["problem"]) == ("warning", True)


async def test_many_callers_are_served_at_once(threads: Any) -> None:
    async def one() -> str:
        return str((await threads.CreateThread(threads_pb2.CreateThreadRequest())).thread_id)

    calls: list[Awaitable[str]] = [one() for _ in range(500)]
    assert len(set(await asyncio.gather(*calls))) == 500
    assert (await threads.CountThreads(threads_pb2.CountThreadsRequest())).count == 500
