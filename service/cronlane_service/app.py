"""What the command line starts; with `service` and `parts` the composition root, which alone knows every layer."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from cronlane_service import logs, parts
from cronlane_service.domain.errors import StoreUnavailable
from cronlane_service.lasting import lasting
from cronlane_service.process import StartError, say, signalled
from cronlane_service.runner import config
from cronlane_service.runner.config import GraphsFile, GraphsFileError
from cronlane_service.runner.local import LocalGraphs
from cronlane_service.store import (
    DatabaseUrlError,
    SqlDatabase,
    UnusableDatabase,
    is_postgres,
    open_database,
)

if TYPE_CHECKING:
    from cronlane_service.runner.graphs import LoadedGraphs
    from cronlane_service.settings import Settings

log = structlog.get_logger(__name__)


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
    stopping = signalled()
    items, checkpoints = parts.kept(settings)
    attempts = parts.attempts(settings, database, loaded.names)
    pool = parts.pool(settings, database, attempts, LocalGraphs(loaded, checkpoints, items))
    try:
        await asyncio.to_thread(pool.start)
    except StoreUnavailable as error:
        raise StartError(str(error)) from error
    say("ready")
    await stopping.wait()
    log.info("stopping")
    return await asyncio.to_thread(pool.stop, timedelta(seconds=settings.grace))


async def _serve(settings: Settings, loaded: LoadedGraphs, database: SqlDatabase) -> bool:
    with lasting():  # what workers and the other commands do without
        from cronlane_service.service import Service

    return await Service(settings, loaded, database).run()  # gRPC wants to be built on its loop


def _runner() -> asyncio.Runner:
    try:
        import uvloop
    except ModuleNotFoundError:
        return asyncio.Runner()
    return asyncio.Runner(loop_factory=uvloop.new_event_loop)
