"""Lets crons be found by their metadata without looking at each."""

from __future__ import annotations

from typing import Any

from peewee import BigIntegerField, BlobField, CompositeKey, Model, SqliteDatabase, TextField

from cronlane_service.domain import labels

_BATCH = 1000
_SOME = (
    "SELECT cron_id, owner, metadata, created_at FROM crons"
    " WHERE cron_id > {0} AND metadata <> '{{}}' ORDER BY cron_id LIMIT {0}"
)
_INSERT = "INSERT INTO cron_labels (owner, label, created_at, cron_id) VALUES ({0}, {0}, {0}, {0})"


class CronLabelTable(Model):
    """The table as it was at this migration."""

    owner = TextField()
    label = BlobField()
    created_at = BigIntegerField()
    cron_id = TextField()

    class Meta:
        table_name = "cron_labels"
        primary_key = CompositeKey("owner", "label", "created_at", "cron_id")


CronLabelTable.add_index(CronLabelTable.cron_id, name="cron_labels_by_cron")


def up(migrator: Any, db: Any) -> None:
    CronLabelTable._meta.without_rowid = isinstance(db, SqliteDatabase)  # a row is all key
    with db.bind_ctx([CronLabelTable]):
        db.create_tables([CronLabelTable], safe=False)
    last = ""
    while crons := _some(db, last):
        rows = [
            (owner, label, created_at if isinstance(created_at, int) else 0, cron_id)
            for cron_id, owner, metadata, created_at in crons
            if isinstance(cron_id, str) and isinstance(owner, str)  # SQLite keeps also what no server wrote
            for label in labels.of(metadata)
        ]
        if rows:
            db.cursor().executemany(_INSERT.format(db.param), rows)
        last = crons[-1][0]


def _some(db: Any, last: str) -> list[tuple[str, str, str, int]]:
    """Those that follow by id; ones without metadata have no labels."""
    found: list[tuple[str, str, str, int]] = db.execute_sql(_SOME.format(db.param), (last, _BATCH)).fetchall()
    return found
