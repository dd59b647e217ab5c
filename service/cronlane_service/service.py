"""A serving process: what it is made of, and the order in which its parts start and stop."""

from __future__ import annotations

import asyncio
import uuid
from contextlib import AsyncExitStack
from datetime import timedelta
from functools import partial
from importlib.metadata import version
from typing import TYPE_CHECKING

import structlog

from cronlane.rest.app import build_app
from cronlane.rest.server import RestServer, bind
from cronlane_service import parts
from cronlane_service.domain.errors import StoreUnavailable
from cronlane_service.lasting import keep
from cronlane_service.process import StartError, say, signalled
from cronlane_service.rpc import listening
from cronlane_service.rpc.assistants import AssistantServicer
from cronlane_service.rpc.crons import CronServicer
from cronlane_service.rpc.endings import Endings
from cronlane_service.rpc.following import Following
from cronlane_service.rpc.graphs import GraphServicer
from cronlane_service.rpc.listening import CannotListen
from cronlane_service.rpc.readiness import Readiness
from cronlane_service.rpc.runs import RunServicer
from cronlane_service.rpc.server import GrpcServer, Options
from cronlane_service.rpc.store import StoreServicer
from cronlane_service.rpc.thread_protocol import ThreadProtocolServicer
from cronlane_service.rpc.threads import ThreadServicer
from cronlane_service.runner.deliverer import Deliverer
from cronlane_service.runner.introspection import GraphIntrospection
from cronlane_service.runner.local import LocalGraphs
from cronlane_service.runner.sender import Sender
from cronlane_service.scheduler.scheduler import Scheduler
from cronlane_service.scheduler.stranded import Stranded
from cronlane_service.scheduler.sweeper import Sweeper
from cronlane_service.store import SqlDatabase
from cronlane_service.usecases.assistants import Assistants
from cronlane_service.usecases.bursts import Burst
from cronlane_service.usecases.crons import Crons
from cronlane_service.usecases.items import Items
from cronlane_service.usecases.manual_runs import ManualRuns
from cronlane_service.usecases.previews import Previews
from cronlane_service.usecases.protocol import Protocol
from cronlane_service.usecases.runs import Runs
from cronlane_service.usecases.streams import Streams
from cronlane_service.usecases.threads import Threads
from cronlane_service.usecases.ticks import Ticks
from cronlane_service.usecases.webhooks import Webhooks
from cronlane_service.usecases.zones import Zones

if TYPE_CHECKING:
    from cronlane_service.runner.graphs import LoadedGraphs
    from cronlane_service.settings import Settings

log = structlog.get_logger(__name__)

CLOSING = 2.0
"""Seconds that calls under way are given when everything else has stopped."""


class Service:
    """Every part of a serving process, built and not yet started."""

    def __init__(self, settings: Settings, loaded: LoadedGraphs, database: SqlDatabase) -> None:
        self._settings, self._database = settings, database
        clock, new_id = database.clock, parts.new_id()
        threads = Threads(clock, new_id)
        self._assistants = Assistants(clock, lambda: str(uuid.uuid4()), loaded.names)
        self._zones = Zones(clock, f"cronlane {version('cronlane')} croniter {version('croniter')}")
        self._crons = Crons(clock, new_id, settings.webhook_hosts)
        self._attempts = parts.attempts(settings, database, loaded.names, burst := Burst())
        items, checkpoints = parts.kept(settings)
        graphs = LocalGraphs(loaded, checkpoints, items)
        endings, runs = Endings(database), Runs(clock, new_id, settings.webhook_hosts)
        following = Following(database, Streams(), runs, endings)
        self._server = GrpcServer(
            ThreadServicer(database, threads, graphs, following),
            CronServicer(database, self._crons, ManualRuns(clock, new_id), Previews(clock)),
            RunServicer(database, runs, endings, following),
            AssistantServicer(database, self._assistants),
            GraphServicer(database, self._assistants, GraphIntrospection(loaded, items)),
            StoreServicer(Items(items)),
            ThreadProtocolServicer(database, Protocol(clock, runs), following),
            endings,
            Options(max_message=settings.max_message, tells_all=settings.log_level.lower() == "debug"),
        )
        self._pool = parts.pool(settings, database, self._attempts, graphs)
        self._scheduler = Scheduler(database, Ticks(clock, new_id, burst=burst), clock)
        self._sweeper = Sweeper(database, self._attempts.sweep, threads.expire, Stranded(self._attempts.stranded).tell)
        self._webhooks = Webhooks(clock, settings.webhook_attempts)
        secret = settings.webhook_secret.get_secret_value() if settings.webhook_secret else None
        sender = Sender(clock, settings.webhook_hosts, secret)
        self._readiness = Readiness(database, self._server.set_serving)
        self._deliverer = Deliverer(database, self._webhooks, sender, clock)

    async def run(self) -> bool:
        """Serves until a signal comes. False: user code could not be stopped. Raises StartError."""
        stopping = signalled()
        await self._database.write(self._assistants.sync)
        if self._database.alone:  # what the last server left is taken up at once; elsewhere leases run out
            await self._database.write(self._attempts.recover)
            await self._database.write(self._webhooks.recover)
        await self._retime()
        async with AsyncExitStack() as stack:
            shim = await self._listen(stack)
            await asyncio.to_thread(self._start)
            try:
                await self._deliverer.start()
                await self._server.start()
                await self._readiness.start()
                await shim.start()
                keep()
                say("ready")
                await stopping.wait()
            finally:
                ended = await self._drain(shim)
            return ended

    async def _retime(self) -> None:
        """What the time zones' rules were when the crons' next instants were found need not be what they are now."""
        changed = await self._database.read(self._zones.changed)
        after: str | None = "" if changed else None
        moved = 0
        while after is not None:
            after, more = await self._database.write(partial(self._zones.retime, names=list(changed), after=after))
            moved += more
        if changed:
            await self._database.write(partial(self._zones.note, rules=changed))
            log.info("zones_changed", zones=len(changed), crons_retimed=moved)

    async def _listen(self, stack: AsyncExitStack) -> RestServer:
        settings = self._settings
        try:
            sock = bind(settings.host, settings.rest_port)
            stack.callback(sock.close)
            port = await self._server.bind(settings.host, settings.grpc_port)
        except CannotListen as error:
            raise StartError(str(error)) from error
        except OSError as error:
            where = listening.address(settings.host, settings.rest_port)
            raise StartError(f"cannot listen on {where}: {error.strerror}") from error
        say(f"grpc listening on {listening.address(settings.host, port)}")
        say(f"rest listening on http://{listening.address(settings.host, sock.getsockname()[1])}")
        channel = self._server.channel()
        stack.push_async_callback(channel.close)
        shim = build_app(
            channel,
            version=version("cronlane"),
            max_body=settings.max_message,
            langgraph_version=version("langgraph"),
            ready=lambda: self._server.serving,
        )
        return RestServer(shim, sock, settings.max_message)

    def _start(self) -> None:
        """Starts the background parts. Raises StartError, with nothing left running."""
        try:
            self._pool.start()
        except StoreUnavailable as error:
            raise StartError(str(error)) from error
        self._scheduler.start()
        self._sweeper.start()

    async def _drain(self, shim: RestServer) -> bool:
        """No new ticks, no new claims; what is under way ends or is handed back; then the listeners close."""
        log.info("stopping")
        await self._readiness.stop()
        self._server.set_serving(False)
        await asyncio.to_thread(self._scheduler.stop)
        await asyncio.to_thread(self._sweeper.stop)
        ended = await asyncio.to_thread(self._pool.stop, timedelta(seconds=self._settings.grace))
        await self._deliverer.stop()
        await self._server.stop(CLOSING)
        await shim.stop(CLOSING)
        return ended
