"""Keeps what happens in runs, for a while, for those who follow them."""

from __future__ import annotations

from typing import Any

from peewee import BigIntegerField, BooleanField, CompositeKey, Model, TextField


class RunEventTable(Model):
    """The table as it was at this migration."""

    run_id = TextField()
    seq = BigIntegerField()
    thread_id = TextField()
    owner = TextField()
    event = TextField()
    data = TextField()

    class Meta:
        table_name = "run_events"
        primary_key = CompositeKey("run_id", "seq")


class RecordingTable(Model):
    """The table as it was at this migration."""

    run_id = TextField(primary_key=True)
    until = BigIntegerField(null=True)

    class Meta:
        table_name = "recordings"


TABLES = (RunEventTable, RecordingTable)

RunEventTable.add_index(RunEventTable.thread_id, RunEventTable.seq, name="run_events_by_thread")


def up(migrator: Any, db: Any) -> None:
    with db.bind_ctx(TABLES):
        db.create_tables(TABLES, safe=False)
    migrator.migrate(migrator.add_column("runs", "recorded", BooleanField(default=False)))
