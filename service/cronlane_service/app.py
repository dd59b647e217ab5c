"""The composition root: the only file that knows every layer."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
import uuid
from contextlib import AsyncExitStack
from datetime import timedelta
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import structlog
import uuid_utils

from cronlane._channel import open_channel
from cronlane.rest.app import build_app
from cronlane.rest.server import RestServer, bind
from cronlane_service import logs
from cronlane_service.domain.clock import SystemClock
from cronlane_service.domain.errors import StoreUnavailable
from cronlane_service.domain.ports import NewId
from cronlane_service.rpc import listening
from cronlane_service.rpc.assistants import AssistantServicer
from cronlane_service.rpc.crons import CronServicer
from cronlane_service.rpc.endings import Endings
from cronlane_service.rpc.listening import CannotListen
from cronlane_service.rpc.runs import RunServicer
from cronlane_service.rpc.server import GrpcServer, Options
from cronlane_service.rpc.threads import ThreadServicer
from cronlane_service.runner import config
from cronlane_service.runner.config import GraphsFile, GraphsFileError
from cronlane_service.runner.local import LocalGraphs
from cronlane_service.runner.pool import RunnerPool
from cronlane_service.scheduler.scheduler import Scheduler
from cronlane_service.scheduler.sweeper import Sweeper
from cronlane_service.store import DatabaseUrlError, SqlDatabase, UnusableDatabase, open_database, sqlite_path
from cronlane_service.usecases.assistants import Assistants
from cronlane_service.usecases.attempts import Attempts
from cronlane_service.usecases.crons import Crons
from cronlane_service.usecases.runs import Runs
from cronlane_service.usecases.threads import Threads
from cronlane_service.usecases.ticks import Ticks

if TYPE_CHECKING:
    from cronlane_service.runner.graphs import LoadedGraphs
    from cronlane_service.settings import Settings

log = structlog.get_logger(__name__)


CLOSING = 2.0
"""Seconds that calls under way are given when everything else has stopped."""


class StartError(Exception):
    """Something the operator can put right, in one line."""


def serve(settings: Settings) -> None:
    """Runs until SIGTERM or SIGINT. Raises StartError when it cannot start."""
    logs.configure(settings.log_format, settings.log_level)
    graphs = _load(settings)
    database = _open(settings)
    ended = True
    try:
        with _runner() as runner:
            ended = runner.run(_serve(settings, graphs, database))
    finally:
        database.stop()
    log.info("stopped")
    if not ended:
        # A graph's own thread is stuck, its run is handed back: nothing but this ends the process.
        sys.stdout.flush()
        os._exit(0)


def migrate(settings: Settings) -> None:
    """Applies what migrations are missing, and says which."""
    logs.configure(settings.log_format, "warning")
    database = _opened(settings)
    try:
        applied = database.migrate()
        say(f"{database.name}: {', '.join(applied) if applied else 'up to date'}")
    except UnusableDatabase as error:
        raise StartError(str(error)) from error
    finally:
        database.stop()


def check(settings: Settings) -> None:
    """Loads the graphs and opens the database."""
    logs.configure(settings.log_format, "warning")
    graphs = _load(settings)
    _open(settings).stop()
    say(f"graphs {', '.join(graphs.names)}: ok")
    say(f"database {settings.database}: ok")


def _file(settings: Settings) -> GraphsFile:
    if settings.config is not None:
        return config.read(settings.config)
    here = Path("langgraph.json")
    return config.read(here) if here.exists() else config.demo()


def _load(settings: Settings) -> LoadedGraphs:
    from cronlane_service.runner import graphs

    try:
        return graphs.load(_file(settings))
    except GraphsFileError as error:
        raise StartError(str(error)) from error


def _opened(settings: Settings) -> SqlDatabase:
    try:
        return open_database(settings.database)
    except (DatabaseUrlError, UnusableDatabase) as error:
        raise StartError(str(error)) from error


def _open(settings: Settings) -> SqlDatabase:
    """Open, migrated and started."""
    database = _opened(settings)
    try:
        database.migrate()
    except UnusableDatabase as error:
        database.stop()
        raise StartError(str(error)) from error
    database.start()
    return database


async def _serve(settings: Settings, loaded: LoadedGraphs, database: SqlDatabase) -> bool:
    return await Service(settings, loaded, database).run()  # gRPC wants to be built on its loop


class Service:
    """Every part of a serving process, built and not yet started."""

    def __init__(self, settings: Settings, loaded: LoadedGraphs, database: SqlDatabase) -> None:
        self._settings, self._loaded, self._database = settings, loaded, database
        clock, new_id = SystemClock(), _new_id()
        self._assistants, self._attempts = Assistants(clock), Attempts(clock, settings.attempts)
        graphs = LocalGraphs(loaded, sqlite_path(settings.database).with_suffix(".checkpoints.db"))
        endings = Endings(database)
        self._server = GrpcServer(
            ThreadServicer(database, Threads(clock, new_id), graphs),
            CronServicer(database, Crons(clock, new_id)),
            RunServicer(database, Runs(clock, new_id), endings),
            AssistantServicer(database, self._assistants),
            endings,
            Options(max_message=settings.max_message),
        )
        worker = f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:8]}"
        lease = timedelta(seconds=settings.lease)
        self._pool = RunnerPool(database, self._attempts, graphs, clock, worker, settings.concurrency, lease)
        self._scheduler = Scheduler(database, Ticks(clock, new_id), clock)
        self._sweeper = Sweeper(database, self._attempts)

    async def run(self) -> bool:
        """Serves until a signal comes. False: user code could not be stopped. Raises StartError."""
        stopping = _signalled()
        await self._database.write(lambda tx: self._assistants.sync(tx, self._loaded.names))
        # The database's lock says that no other server is there: what the last one left is taken up at once.
        await self._database.write(self._attempts.recover)
        async with AsyncExitStack() as stack:
            shim = await self._listen(stack)
            await asyncio.to_thread(self._start)
            try:
                await self._server.start()
                await shim.start()
                say("ready")
                await stopping.wait()
            finally:
                ended = await self._drain(shim)
            return ended

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
        target = "127.0.0.1" if settings.host in ("0.0.0.0", "::", "localhost") else settings.host  # noqa: S104
        channel = open_channel(listening.address(target, port))
        stack.push_async_callback(channel.close)
        shim = build_app(
            channel,
            version=version("cronlane"),
            max_body=settings.max_message,
            langgraph_version=version("langgraph"),
        )
        return RestServer(shim, sock)

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
        await self._server.set_serving(False)
        await asyncio.to_thread(self._scheduler.stop)
        await asyncio.to_thread(self._sweeper.stop)
        ended = await asyncio.to_thread(self._pool.stop, timedelta(seconds=self._settings.grace))
        await self._server.stop(CLOSING)
        await shim.stop()
        return ended


def say(line: str) -> None:
    """What programs that start the server wait for, on standard output."""
    sys.stdout.write(f"cronlane: {line}\n")
    sys.stdout.flush()


def _signalled() -> asyncio.Event:
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    return stopping


def _new_id() -> NewId:
    """Time-ordered UUIDs, in order also within a millisecond."""
    return lambda: str(uuid_utils.uuid7())


def _runner() -> asyncio.Runner:
    try:
        import uvloop
    except ModuleNotFoundError:
        return asyncio.Runner()
    return asyncio.Runner(loop_factory=uvloop.new_event_loop)
