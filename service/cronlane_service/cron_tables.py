"""Crons and their ticks as tables for a terminal, with times as the reader's clock shows them."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime, tzinfo
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from cronlane_service.domain import zones

Object = Mapping[str, Any]
_LISTED = ("cron_id", "schedule", "zone", "state", "next (local)", "fired", "missed", "skipped", "failed", "last")
_TIMES = ("start_time", "end_time", "paused_at", "next_run_date", "due_at", "created_at", "updated_at")


def local(text: str | None, zone: tzinfo | None = None) -> str:
    """An instant as local time, or as that of a zone."""
    return "" if text is None else datetime.fromisoformat(text).astimezone(zone).strftime("%Y-%m-%d %H:%M:%S %Z")


def crons(found: Sequence[Object]) -> None:
    rows = []
    for each in found:
        counted = each["counters"] or {}
        numbers = [str(counted.get(name, 0)) for name in ("fired", "missed", "skipped", "failed")]
        state = "enabled" if each["enabled"] else "paused"
        cells = [each["cron_id"], each["schedule"], each["timezone"] or "UTC", state, local(each["next_run_date"])]
        rows.append([*cells, *numbers, each["last_outcome"] or ""])
    _table(_LISTED, rows)


def cron(found: Object) -> None:
    rows = [[name, local(value) if name in _TIMES else _plain(value)] for name, value in found.items()]
    _table(("", ""), [row for row in rows if row[1]], header=False)


def run(found: Object) -> None:
    _table(("", ""), [[name, str(found[name])] for name in ("run_id", "thread_id", "status")], header=False)


def ticks(found: Object) -> None:
    rows = [
        [
            local(tick["scheduled_for"]),
            tick["outcome"],
            str(tick["count"]) if tick["count"] != 1 else "",
            tick["run_id"] or "",
            tick["reason"] or "",
        ]
        for tick in found["ticks"]
    ]
    _table(("scheduled for (local)", "outcome", "count", "run", "reason"), rows)
    if found.get("next_page_token"):
        _say(f"more: --page-token {found['next_page_token']}")


def backfilled(found: Object) -> None:
    ticks(found)
    _say(f"{len(found['ticks'])} run, {found['already_run']} had been run before")


def preview(found: Object, timezone: str | None) -> None:
    _say(found["description"])
    zone = zones.named(timezone)
    rows = [[local(each), local(each, zone), each] for each in found["instants"]]
    _table(("local", timezone or "UTC", "instant"), rows)


def _plain(value: Any) -> str:
    if value is None or value == {}:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _table(names: Sequence[str], rows: Sequence[Sequence[str]], header: bool = True) -> None:
    table = Table(*names, show_header=header, box=None, pad_edge=False)
    for row in rows:
        table.add_row(*map(Text, row))
    _console().print(table)


def _say(line: str) -> None:
    _console().print(Text(line), soft_wrap=True)


def _console() -> Console:
    """As wide as the terminal; in a pipe nothing is broken or cut off."""
    return Console(width=None if sys.stdout.isatty() else 500)
