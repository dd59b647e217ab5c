"""Lets a batch of due crons be read in its order: with one instant for all, the index alone left them to be sorted."""

from __future__ import annotations

from typing import Any

from peewee import BigIntegerField, BooleanField, Model, TextField


class CronTable(Model):
    """The columns of the index, as they were at this migration."""

    cron_id = TextField(primary_key=True)
    enabled = BooleanField()
    due_at = BigIntegerField(null=True)

    class Meta:
        table_name = "crons"


def up(migrator: Any, db: Any) -> None:
    migrator.migrate(migrator.drop_index("crons", "crons_due"))
    with db.bind_ctx([CronTable]):
        scheduled = CronTable.enabled & CronTable.due_at.is_null(False)
        db.execute(CronTable.index(CronTable.due_at, CronTable.cron_id, name="crons_due", where=scheduled))
