"""Keeps what is to be called when runs have ended, and whom crons want to be called."""

from __future__ import annotations

from typing import Any

from peewee import BigIntegerField, IntegerField, Model, TextField


class WebhookTable(Model):
    """The table as it was at this migration."""

    run_id = TextField(primary_key=True)
    owner = TextField()
    url = TextField()
    body = TextField()
    attempts = IntegerField()
    next_attempt_at = BigIntegerField()
    last_error = TextField(null=True)
    created_at = BigIntegerField()

    class Meta:
        table_name = "webhooks"


WebhookTable.add_index(WebhookTable.next_attempt_at, name="webhooks_due")


def up(migrator: Any, db: Any) -> None:
    with db.bind_ctx([WebhookTable]):
        db.create_tables([WebhookTable], safe=False)
    migrator.migrate(migrator.add_column("crons", "webhook", TextField(null=True)))
