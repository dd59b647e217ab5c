"""The command line's ``cronlane crons …``: crons of a running server, over gRPC."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, TypeAlias

import typer

from cronlane_service import cron_tables as tables

app = typer.Typer(help="Crons of a running server.", no_args_is_help=True)

MISTAKE = 2
_MEMBERS = [
    "cron_id",
    "assistant_id",
    "thread_id",
    "schedule",
    "timezone",
    "start_time",
    "end_time",
    "max_runs",
    "jitter",
    "dst_policy",
    "catch_up",
    "catch_up_window",
    "overlap",
    "pause_after_failures",
    "enabled",
    "paused_at",
    "note",
    "disabled_reason",
    "next_run_date",
    "due_at",
    "last_outcome",
    "counters",
    "failures_in_a_row",
    "on_run_completed",
    "metadata",
    "created_at",
    "updated_at",
]


def _instant(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text).astimezone()
    except (ValueError, OverflowError):
        raise typer.BadParameter(f"{text!r} is not an ISO 8601 date and time") from None


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise typer.BadParameter(f"it is not JSON: {error}") from None


def _time(says: str) -> Any:
    return typer.Option(parser=_instant, metavar="INSTANT", help=says)


Client: TypeAlias = Any
CronId = Annotated[str, typer.Argument(help="The cron's UUID.")]
Server = Annotated[str, typer.Option(envvar="CRONLANE_SERVER", help="Where the server listens for gRPC.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
Note = Annotated[str | None, typer.Option(help="Why; replaces the cron's note.")]
Timezone = Annotated[str | None, typer.Option(help="An IANA time zone; default UTC.")]
Schedule = Annotated[str, typer.Argument(help="A cron expression, 'every 90s' or 'at 2027-01-01T00:00:00Z'.")]
Instant = Annotated[datetime | None, _time("ISO 8601; without offset in local time.")]
HERE = "127.0.0.1:50051"


@app.command("list")
def list_crons(
    server: Server = HERE,
    as_json: AsJson = False,
    enabled: Annotated[bool | None, typer.Option(help="Only those, or only the others.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="At most so many.")] = 100,
) -> None:
    """The newest crons."""
    found = _ask(server, lambda client: client.crons.search(enabled=enabled, limit=limit, select=_MEMBERS))
    _print(found, as_json, tables.crons)


@app.command()
def show(cron_id: CronId, server: Server = HERE, as_json: AsJson = False) -> None:
    """Everything about one cron."""
    _print(_ask(server, lambda client: client.crons.get(cron_id, select=_MEMBERS)), as_json, tables.cron)


@app.command()
def create(
    assistant: Annotated[str, typer.Argument(help="An assistant's UUID, or the name of a graph.")],
    schedule: Schedule,
    server: Server = HERE,
    as_json: AsJson = False,
    thread: Annotated[str | None, typer.Option(help="The thread its runs go to; default: a new one each.")] = None,
    timezone: Timezone = None,
    input: Annotated[Any, typer.Option(parser=_json, metavar="JSON", help="The graph's input.")] = "{}",  # noqa: A002 - the option's name
    start_time: Instant = None,
    end_time: Instant = None,
    max_runs: Annotated[int | None, typer.Option(min=1)] = None,
    jitter: Annotated[float | None, typer.Option(min=0, help="Seconds.")] = None,
    catch_up: Annotated[str | None, typer.Option(help="latest, skip or all.")] = None,
    overlap: Annotated[str | None, typer.Option(help="allow, skip or queue.")] = None,
    pause_after_failures: Annotated[int | None, typer.Option(min=1)] = None,
    note: Note = None,
) -> None:
    """Create a cron."""
    options = {
        "schedule": schedule,
        "timezone": timezone,
        "input": input,
        "start_time": start_time,
        "end_time": end_time,
        "max_runs": max_runs,
        "jitter": jitter,
        "catch_up": catch_up,
        "pause_after_failures": pause_after_failures,
        "note": note,
        **({} if overlap is None else {"overlap": overlap}),
    }

    def action(client: Client) -> Any:
        if thread is None:
            made = client.crons.create(assistant, **options)
        else:
            made = client.crons.create_for_thread(thread, assistant, **options)
        return client.crons.get(made["cron_id"], select=_MEMBERS)

    _print(_ask(server, action), as_json, tables.cron)


@app.command()
def delete(cron_id: CronId, server: Server = HERE) -> None:
    """Delete a cron; a run under way goes on."""
    _ask(server, lambda client: client.crons.delete(cron_id))


@app.command()
def pause(cron_id: CronId, note: Note = None, server: Server = HERE, as_json: AsJson = False) -> None:
    """Stop its ticks until it is resumed."""
    _switch(server, as_json, cron_id, lambda client: client.crons.pause(cron_id, note=note))


@app.command()
def resume(cron_id: CronId, note: Note = None, server: Server = HERE, as_json: AsJson = False) -> None:
    """Let it go on from now."""
    _switch(server, as_json, cron_id, lambda client: client.crons.resume(cron_id, note=note))


@app.command()
def trigger(cron_id: CronId, server: Server = HERE, as_json: AsJson = False) -> None:
    """Make one run of it now, outside its schedule."""
    _print(_ask(server, lambda client: client.crons.trigger(cron_id)), as_json, tables.run)


@app.command()
def backfill(
    cron_id: CronId,
    start_time: Annotated[datetime, _time("The first instant, ISO 8601; without offset in local time.")],
    end_time: Annotated[datetime, _time("The last instant.")],
    request_id: Annotated[str | None, typer.Option(help="A UUID: the same one twice makes nothing twice.")] = None,
    server: Server = HERE,
    as_json: AsJson = False,
) -> None:
    """Make a run for each tick of a past time that was not run."""
    span = {"start_time": start_time, "end_time": end_time}
    done = _ask(server, lambda client: client.crons.backfill(cron_id, request_id=request_id, **span))
    _print(done, as_json, tables.backfilled)


@app.command()
def preview(
    schedule: Schedule,
    timezone: Timezone = None,
    count: Annotated[int, typer.Option(min=1, max=1000, help="At most so many.")] = 10,
    after: Instant = None,
    until: Instant = None,
    server: Server = HERE,
    as_json: AsJson = False,
) -> None:
    """Say when a schedule will come; nothing is created."""
    options = {"timezone": timezone, "count": count, "after": after, "until": until}
    found = _ask(server, lambda client: client.crons.preview(schedule, **options))
    _print(found, as_json, lambda each: tables.preview(each, timezone))


@app.command()
def ticks(
    cron_id: CronId,
    outcome: Annotated[str | None, typer.Option(help="fired, missed, skipped_busy, … ; default all.")] = None,
    start_time: Instant = None,
    end_time: Instant = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="At most so many.")] = 100,
    page_token: Annotated[str | None, typer.Option(help="Of the page before.")] = None,
    server: Server = HERE,
    as_json: AsJson = False,
) -> None:
    """What became of each of its ticks, oldest first."""
    options = {"outcome": outcome, "start_time": start_time, "end_time": end_time}
    found = _ask(server, lambda client: client.crons.ticks(cron_id, page_size=limit, page_token=page_token, **options))
    _print(found, as_json, tables.ticks)


def _switch(server: str, as_json: bool, cron_id: str, action: Callable[[Client], Any]) -> None:
    def both(client: Client) -> Any:
        action(client)
        return client.crons.get(cron_id, select=_MEMBERS)

    _print(_ask(server, both), as_json, tables.cron)


def _ask(server: str, action: Callable[[Client], Any]) -> Any:
    """What the server answers; what it refuses is one line and an exit code."""
    from cronlane import errors, get_sync_client  # gRPC, which the other commands do without

    try:
        with get_sync_client(server, timeout=30) as client:
            return action(client)
    except errors.CronlaneError as error:
        typer.echo(f"cronlane: {error}", err=True)
        raise typer.Exit(1 if isinstance(error, (errors.Unavailable, errors.Internal)) else MISTAKE) from None


def _print(found: Any, as_json: bool, table: Callable[[Any], None]) -> None:
    if as_json:
        typer.echo(json.dumps(found, indent=2, ensure_ascii=False))
    else:
        table(found)
