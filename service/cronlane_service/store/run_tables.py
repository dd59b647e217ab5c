"""The tables of runs and of what comes of them, as the others in `tables`."""

from __future__ import annotations

from peewee import SQL, BigIntegerField, BooleanField, CompositeKey, IntegerField, TextField

from cronlane_service.store.tables import Table

# A partial index is used only by a query that names its condition with the same literal.
PENDING = SQL("'pending'")
RUNNING = SQL("'running'")


class RunTable(Table):
    run_id = TextField(primary_key=True)
    owner = TextField()
    thread_id = TextField()
    assistant_id = TextField()
    graph_id = TextField()
    created_at = BigIntegerField()
    updated_at = BigIntegerField()
    status = TextField()
    metadata = TextField()
    kwargs = TextField()
    multitask_strategy = TextField()
    temporary = BooleanField()
    cron_id = TextField(null=True)
    scheduled_for = BigIntegerField(null=True)
    available_at = BigIntegerField(null=True)
    attempt = IntegerField()
    worker = TextField(null=True)
    lease_until = BigIntegerField(null=True)
    cancel = TextField(null=True)
    error = TextField(null=True)
    error_message = TextField(null=True)
    started_at = BigIntegerField(null=True)
    ended_at = BigIntegerField(null=True)
    values = TextField(null=True)
    interrupts = TextField(null=True)
    hidden = BooleanField()
    recorded = BooleanField()
    queued = BooleanField()
    history = TextField(null=True)  # JSON; null: there were no earlier attempts

    class Meta:
        table_name = "runs"


class RunEventTable(Table):
    run_id = TextField()
    seq = BigIntegerField()
    thread_id = TextField()
    owner = TextField()
    event = TextField()
    data = TextField()

    class Meta:
        table_name = "run_events"
        primary_key = CompositeKey("run_id", "seq")


class RecordingTable(Table):
    """The runs that have events, and when these may go."""

    run_id = TextField(primary_key=True)
    until = BigIntegerField(null=True)

    class Meta:
        table_name = "recordings"


class PurgeTable(Table):
    thread_id = TextField()
    run_id = TextField()

    class Meta:
        table_name = "purges"
        primary_key = CompositeKey("thread_id", "run_id")


class WebhookTable(Table):
    """What is to be called; ``next_attempt_at`` is also the end of the lease of who calls it."""

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


RunTable.add_index(RunTable.thread_id, RunTable.created_at, RunTable.run_id, name="runs_by_thread")
RunTable.add_index(
    RunTable.thread_id,
    RunTable.status,
    RunTable.created_at,
    RunTable.run_id,
    name="runs_active",
    where=((RunTable.status == PENDING) | (RunTable.status == RUNNING)),
)
RunTable.add_index(
    RunTable.created_at,
    RunTable.run_id,
    name="runs_in_turn",
    where=((RunTable.status == PENDING) | (RunTable.status == RUNNING)),
)
RunTable.add_index(
    RunTable.available_at,
    name="runs_delayed",
    where=((RunTable.status == PENDING) & RunTable.available_at.is_null(False)),
)
RunTable.add_index(RunTable.lease_until, name="runs_leased", where=(RunTable.status == RUNNING))
RunTable.add_index(RunTable.thread_id, name="runs_one_running", unique=True, where=(RunTable.status == RUNNING))
RunTable.add_index(RunTable.ended_at, name="runs_hidden", where=RunTable.hidden)
RunTable.add_index(
    RunTable.cron_id,
    name="runs_of_cron",
    where=((RunTable.status == PENDING) | (RunTable.status == RUNNING)),
)

RunEventTable.add_index(RunEventTable.thread_id, RunEventTable.seq, name="run_events_by_thread")

WebhookTable.add_index(WebhookTable.next_attempt_at, name="webhooks_due")
