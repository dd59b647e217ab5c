"""Keeps count of how many crons have each label."""

from __future__ import annotations

from typing import Any

from peewee import BlobField, CompositeKey, IntegerField, Model, SqliteDatabase, TextField

_ON_SQLITE = (
    "INSERT INTO label_counts SELECT owner, label, count(*) FROM cron_labels GROUP BY owner, label",
    "CREATE TRIGGER cron_label_added AFTER INSERT ON cron_labels BEGIN"
    " INSERT INTO label_counts VALUES (new.owner, new.label, 1)"
    " ON CONFLICT DO UPDATE SET crons = crons + 1;"
    " END",
    "CREATE TRIGGER cron_label_removed AFTER DELETE ON cron_labels BEGIN"
    " UPDATE label_counts SET crons = crons - 1 WHERE owner = old.owner AND label = old.label;"
    " DELETE FROM label_counts WHERE owner = old.owner AND label = old.label AND crons = 0;"
    " END",
)


class LabelCountTable(Model):
    """The table as it was at this migration."""

    owner = TextField()
    label = BlobField()
    crons = IntegerField()

    class Meta:
        table_name = "label_counts"
        primary_key = CompositeKey("owner", "label")


def up(migrator: Any, db: Any) -> None:
    on_sqlite = isinstance(db, SqliteDatabase)
    LabelCountTable._meta.without_rowid = on_sqlite
    with db.bind_ctx([LabelCountTable]):
        db.create_tables([LabelCountTable], safe=False)
    if on_sqlite:
        for statement in _ON_SQLITE:
            db.execute_sql(statement)
