"""Lets threads end: how long they live after their last change, and when that is."""

from __future__ import annotations

from typing import Any

from peewee import BigIntegerField, Model, TextField


class ThreadTable(Model):
    """The column of the index, as it was at this migration."""

    thread_id = TextField(primary_key=True)
    expires_at = BigIntegerField(null=True)

    class Meta:
        table_name = "threads"


def up(migrator: Any, db: Any) -> None:
    migrator.migrate(
        migrator.add_column("threads", "ttl", BigIntegerField(null=True)),
        migrator.add_column("threads", "ttl_strategy", TextField(null=True)),
        migrator.add_column("threads", "expires_at", BigIntegerField(null=True)),
    )
    with db.bind_ctx([ThreadTable]):
        index = ThreadTable.index(
            ThreadTable.expires_at, name="threads_ending", where=ThreadTable.expires_at.is_null(False)
        )
        db.execute(index)
