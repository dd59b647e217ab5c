"""The composition root: the only file that knows every layer."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import socket
import sys
import uuid
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import timedelta
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import structlog
import uuid_utils

from cronlane.rest.app import build_app
from cronlane.rest.server import RestServer, bind
from cronlane_service import logs
from cronlane_service.domain.errors import StoreUnavailable
from cronlane_service.domain.ports import NewId
from cronlane_service.lasting import lasting
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
from cronlane_service.runner import config
from cronlane_service.runner.checkpoints import Checkpoints
from cronlane_service.runner.config import GraphsFile, GraphsFileError
from cronlane_service.runner.deliverer import Deliverer
from cronlane_service.runner.introspection import GraphIntrospection
from cronlane_service.runner.items import LocalItems
from cronlane_service.runner.local import LocalGraphs
from cronlane_service.runner.pool import RunnerPool
from cronlane_service.runner.sender import Sender
from cronlane_service.scheduler.scheduler import Scheduler
from cronlane_service.scheduler.sweeper import Sweeper
from cronlane_service.store import (
    DatabaseUrlError,
    SqlDatabase,
    UnusableDatabase,
    is_postgres,
    open_database,
    sqlite_path,
)
from cronlane_service.usecases.assistants import Assistants
from cronlane_service.usecases.attempts import Attempts
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


class StartError(Exception):
    """Something the operator can put right, in one line."""


def serve(settings: Settings) -> None:
    """Runs until SIGTERM or SIGINT. Raises StartError when it cannot start."""
    _until_stopped(settings, _serve)


def work(settings: Settings) -> None:
    """Executes runs, and does nothing else, until SIGTERM or SIGINT. Raises StartError when it cannot start."""
    if not is_postgres(settings.database):
        raise StartError(
            "a worker executes the runs of servers on the same PostgreSQL: give --database postgresql://…"
            " (on SQLite, serve executes them itself)"
        )
    _until_stopped(settings, _work)


def _until_stopped(settings: Settings, main: Callable[[Settings, LoadedGraphs, SqlDatabase], Awaitable[bool]]) -> None:
    logs.configure(settings.log_format, settings.log_level)
    graphs = _load(settings)
    database = _open(settings)
    ended = True
    try:
        with _runner() as runner:
            ended = runner.run(_run(main(settings, graphs, database)))
    except StoreUnavailable as error:  # it went away while this was starting
        raise StartError(str(error)) from error
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
    database = _open(settings)
    database.stop()
    say(f"graphs {', '.join(graphs.names)}: ok")
    say(f"database {settings.database if database.alone else database.name}: ok")


def _file(settings: Settings) -> GraphsFile:
    if settings.config is not None:
        return config.read(settings.config)
    here = Path("langgraph.json")
    return config.read(here) if here.exists() else config.demo()


def _load(settings: Settings) -> LoadedGraphs:
    from cronlane_service.runner import graphs

    try:
        with lasting():
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


async def _run(main: Awaitable[bool]) -> bool:
    return await main


async def _work(settings: Settings, loaded: LoadedGraphs, database: SqlDatabase) -> bool:
    """False: user code could not be stopped. Raises StartError."""
    stopping = _signalled()
    items, checkpoints = _kept(settings)
    attempts = _attempts(settings, database)
    pool = _pool(settings, database, attempts, LocalGraphs(loaded, checkpoints, items))
    try:
        await asyncio.to_thread(pool.start)
    except StoreUnavailable as error:
        raise StartError(str(error)) from error
    say("ready")
    await stopping.wait()
    log.info("stopping")
    return await asyncio.to_thread(pool.stop, timedelta(seconds=settings.grace))


def _kept(settings: Settings) -> tuple[LocalItems, Path | Checkpoints]:
    """What graphs keep: in the servers' PostgreSQL, or in files beside the SQLite database."""
    if is_postgres(settings.database):
        from cronlane_service.runner.postgres import PostgresCheckpoints

        return LocalItems(settings.database), PostgresCheckpoints(settings.database)
    path = sqlite_path(settings.database)
    return LocalItems(path.with_suffix(".store.db")), path.with_suffix(".checkpoints.db")


def _attempts(settings: Settings, database: SqlDatabase) -> Attempts:
    kept, pause = timedelta(days=settings.tick_retention), timedelta(seconds=settings.retry_pause)
    return Attempts(database.clock, settings.attempts, kept, pause)


def _pool(settings: Settings, database: SqlDatabase, attempts: Attempts, graphs: LocalGraphs) -> RunnerPool:
    worker = f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:8]}"
    lease = timedelta(seconds=settings.lease)
    longest = None if settings.run_timeout is None else timedelta(seconds=settings.run_timeout)
    return RunnerPool(database, attempts, graphs, database.clock, worker, settings.concurrency, lease, longest)


async def _serve(settings: Settings, loaded: LoadedGraphs, database: SqlDatabase) -> bool:
    return await Service(settings, loaded, database).run()  # gRPC wants to be built on its loop


class Service:
    """Every part of a serving process, built and not yet started."""

    def __init__(self, settings: Settings, loaded: LoadedGraphs, database: SqlDatabase) -> None:
        self._settings, self._database = settings, database
        clock, new_id = database.clock, _new_id()
        threads = Threads(clock, new_id)
        self._assistants = Assistants(clock, lambda: str(uuid.uuid4()), loaded.names)
        self._zones = Zones(clock, f"cronlane {version('cronlane')} croniter {version('croniter')}")
        self._crons = Crons(clock, new_id, settings.webhook_hosts)
        self._attempts = _attempts(settings, database)
        items, checkpoints = _kept(settings)
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
        self._pool = _pool(settings, database, self._attempts, graphs)
        self._scheduler = Scheduler(database, Ticks(clock, new_id), clock)
        self._sweeper = Sweeper(database, self._attempts.sweep, threads.expire)
        self._webhooks = Webhooks(clock, settings.webhook_attempts)
        secret = settings.webhook_secret.get_secret_value() if settings.webhook_secret else None
        sender = Sender(clock, settings.webhook_hosts, secret)
        self._readiness = Readiness(database, self._server.set_serving)
        self._deliverer = Deliverer(database, self._webhooks, sender, clock)

    async def run(self) -> bool:
        """Serves until a signal comes. False: user code could not be stopped. Raises StartError."""
        stopping = _signalled()
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
                gc.freeze()  # what was imported stays, and need not be looked through again and again
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
