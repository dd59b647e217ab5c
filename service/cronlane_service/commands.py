"""The command line: ``cronlane serve | worker | migrate | check | crons | version``."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError

from cronlane_service import commands_crons
from cronlane_service.lasting import lasting
from cronlane_service.settings import Settings

app = typer.Typer(
    help="Runs LangGraph graphs on a schedule. Every option can be given as CRONLANE_<OPTION> in the environment.",
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)

app.add_typer(commands_crons.app, name="crons")

MISTAKE = 2
"""The exit code for what the operator can put right."""
INTERRUPTED = 130
"""By Ctrl-C, as shells say it."""
UsageError: Any = typer.BadParameter.__base__
"""Click's; Typer has a copy of its own from some version on, and names neither."""

Config = Annotated[Path | None, typer.Option(help="Your langgraph.json; default: the one here, else a demo graph.")]
DatabaseUrl = Annotated[str | None, typer.Option(help="An SQLite file, sqlite:///PATH or postgresql://USER@HOST/DB.")]
Host = Annotated[str | None, typer.Option(help="The address to listen on; default 127.0.0.1.")]
GrpcPort = Annotated[int | None, typer.Option(help="Default 50051; 0 picks a free one.")]
RunTimeout = Annotated[float | None, typer.Option(help="Seconds an attempt at a run may take; default: for ever.")]
RestPort = Annotated[int | None, typer.Option(help="Default 8123; 0 picks a free one.")]


def main() -> int:
    """Does what the command line says; the exit code."""
    try:
        return int(app(standalone_mode=False) or 0)
    except UsageError as error:
        if text := " ".join(error.format_message().split()):  # without a command, help was given already
            see = f" (see {error.ctx.command_path} --help)" if error.ctx else ""
            typer.echo(f"cronlane: {text}{see}", err=True)
        return MISTAKE
    except typer.Abort:
        return INTERRUPTED


@app.command()
def serve(
    config: Config = None,
    database: DatabaseUrl = None,
    host: Host = None,
    grpc_port: GrpcPort = None,
    rest_port: RestPort = None,
    run_timeout: RunTimeout = None,
) -> None:
    """Serve the API, fire crons and execute runs, until SIGTERM."""
    with lasting():
        from cronlane_service.app import serve as action

    ports = {"grpc_port": grpc_port, "rest_port": rest_port}
    _run(action, config=config, database=database, host=host, run_timeout=run_timeout, **ports)


@app.command()
def worker(config: Config = None, database: DatabaseUrl = None, run_timeout: RunTimeout = None) -> None:
    """Execute runs, beside any number of servers on one PostgreSQL, until SIGTERM."""
    with lasting():
        from cronlane_service.app import work as action

    _run(action, config=config, database=database, run_timeout=run_timeout)


@app.command()
def migrate(database: DatabaseUrl = None) -> None:
    """Bring the database's tables up to date; serve does that by itself."""
    from cronlane_service.app import migrate as action

    _run(action, database=database)


@app.command()
def check(config: Config = None, database: DatabaseUrl = None) -> None:
    """Load every graph of langgraph.json and open the database, without serving."""
    from cronlane_service.app import check as action

    _run(action, config=config, database=database)


@app.command()
def version() -> None:
    """Print the version."""
    typer.echo(f"cronlane {installed_version('cronlane')}")


def _run(action: Callable[[Settings], None], **flags: Any) -> None:
    """Calls the action with the settings; a mistake of the operator's is one line and exit code 2."""
    from cronlane_service.process import StartError

    given = {name: value for name, value in flags.items() if value is not None}
    try:
        action(Settings.read(**given))
    except ValidationError as error:
        wrong = error.errors()[0]
        name = str(wrong["loc"][0])
        named = f"--{name.replace('_', '-')}" if name in given else f"CRONLANE_{name.upper()}"
        _mistake(f"{named}: {wrong['msg']}")
    except StartError as error:
        _mistake(str(error))


def _mistake(text: str) -> None:
    typer.echo(f"cronlane: {text}", err=True)
    raise typer.Exit(MISTAKE)
