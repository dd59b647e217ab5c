"""Gives crons policies, due instants and counters; lets runs queue behind those of their cron."""

from __future__ import annotations

from typing import Any

from peewee import SQL, BigIntegerField, BooleanField, IntegerField, Model, TextField


class CronTable(Model):
    """The columns of the index, as they were at this migration."""

    cron_id = TextField(primary_key=True)
    enabled = BooleanField()
    next_run_date = BigIntegerField(null=True)
    due_at = BigIntegerField(null=True)
    fired = IntegerField()
    missed = IntegerField()
    skipped = IntegerField()
    failed = IntegerField()

    class Meta:
        table_name = "crons"


class TickTable(Model):
    """The columns read here, as they were at this migration."""

    cron_id = TextField()
    decided_at = BigIntegerField()
    outcome = TextField()
    count = IntegerField()
    run_status = TextField(null=True)

    class Meta:
        table_name = "ticks"
        primary_key = False


class RunTable(Model):
    """The columns of the index, as they were at this migration."""

    cron_id = TextField(null=True)
    status = TextField()

    class Meta:
        table_name = "runs"
        primary_key = False


TABLES = (CronTable, TickTable, RunTable)
COLUMNS = (
    ("start_time", BigIntegerField(null=True)),
    ("max_runs", IntegerField(null=True)),
    ("jitter", BigIntegerField(null=True)),
    ("gap", TextField(null=True)),
    ("fold", TextField(null=True)),
    ("catch_up", TextField(null=True)),
    ("catch_up_window", BigIntegerField(null=True)),
    ("overlap", TextField(null=True)),
    ("pause_after_failures", IntegerField(null=True)),
    ("due_at", BigIntegerField(null=True)),
    ("paused_at", BigIntegerField(null=True)),
    ("note", TextField(null=True)),
    ("last_outcome", TextField(null=True)),
    ("fired", IntegerField(default=0)),
    ("missed", IntegerField(default=0)),
    ("skipped", IntegerField(default=0)),
    ("failed", IntegerField(default=0)),
    ("failures_in_a_row", IntegerField(default=0)),
)


def up(migrator: Any, db: Any) -> None:
    migrator.migrate(migrator.drop_index("crons", "crons_due"))
    migrator.migrate(*(migrator.add_column("crons", name, field) for name, field in COLUMNS))
    migrator.migrate(migrator.add_column("runs", "queued", BooleanField(default=False)))
    with db.bind_ctx(TABLES):
        CronTable.update({CronTable.due_at: CronTable.next_run_date}).execute()
        _count()
        active = (RunTable.status == SQL("'pending'")) | (RunTable.status == SQL("'running'"))
        scheduled = CronTable.enabled & CronTable.due_at.is_null(False)
        db.execute(CronTable.index(CronTable.due_at, name="crons_due", where=scheduled))
        db.execute(TickTable.index(TickTable.decided_at, name="ticks_by_age"))
        db.execute(RunTable.index(RunTable.cron_id, name="runs_of_cron", where=active))


def _count() -> None:
    """What the ledger says so far."""
    outcome, ended = TickTable.outcome, TickTable.run_status
    for column, counted in (
        (CronTable.fired, outcome == "fired"),
        (CronTable.missed, outcome == "missed"),
        (CronTable.skipped, outcome == "skipped_busy"),
        (CronTable.failed, (ended == "error") | (ended == "timeout")),
    ):
        total = TickTable.select(SQL("coalesce(sum(count), 0)")).where(TickTable.cron_id == CronTable.cron_id, counted)
        CronTable.update({column: total}).execute()
