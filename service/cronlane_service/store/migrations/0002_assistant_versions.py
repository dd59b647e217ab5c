"""Keeps what assistants were; those that are there get their present state as the version that they have."""

from __future__ import annotations

from typing import Any

from peewee import BigIntegerField, CompositeKey, IntegerField, Model, TextField


class AssistantTable(Model):
    """The columns read here, as they were at this migration."""

    assistant_id = TextField(primary_key=True)
    version = IntegerField()
    graph_id = TextField()
    name = TextField()
    updated_at = BigIntegerField()
    config = TextField()
    context = TextField()
    metadata = TextField()
    description = TextField(null=True)

    class Meta:
        table_name = "assistants"


class AssistantVersionTable(Model):
    """The table as it was at this migration."""

    assistant_id = TextField()
    version = IntegerField()
    graph_id = TextField()
    name = TextField()
    created_at = BigIntegerField()
    config = TextField()
    context = TextField()
    metadata = TextField()
    description = TextField(null=True)

    class Meta:
        table_name = "assistant_versions"
        primary_key = CompositeKey("assistant_id", "version")


TABLES = (AssistantTable, AssistantVersionTable)


def up(migrator: Any, db: Any) -> None:
    with db.bind_ctx(TABLES):
        db.create_tables([AssistantVersionTable], safe=False)
        there = AssistantTable.select(*AssistantTable._meta.sorted_fields)
        AssistantVersionTable.insert_from(there, AssistantVersionTable._meta.sorted_fields).execute()
