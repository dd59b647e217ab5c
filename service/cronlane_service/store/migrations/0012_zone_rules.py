"""Keeps by which rules of their time zones the crons' next instants were found."""

from __future__ import annotations

from typing import Any

from peewee import Model, TextField


class ZoneTable(Model):
    """The table as it was at this migration."""

    timezone = TextField(primary_key=True)
    rules = TextField()

    class Meta:
        table_name = "zones"


def up(migrator: Any, db: Any) -> None:
    with db.bind_ctx([ZoneTable]):
        db.create_tables([ZoneTable], safe=False)
