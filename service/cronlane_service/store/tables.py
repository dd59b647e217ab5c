"""The tables, column for column the domain's values; instants are `instants`, JSON is the text that came.

Those of runs are in `run_tables`.
"""

from __future__ import annotations

from peewee import BigIntegerField, BlobField, BooleanField, CompositeKey, IntegerField, Model, TextField


class Table(Model):
    """No table belongs to a database: a connection runs the queries made of it."""

    class Meta:
        legacy_table_names = False


class AssistantTable(Table):
    assistant_id = TextField(primary_key=True)
    owner = TextField()
    graph_id = TextField()
    name = TextField()
    created_at = BigIntegerField()
    updated_at = BigIntegerField()
    config = TextField()
    context = TextField()
    metadata = TextField()
    version = IntegerField()
    description = TextField(null=True)

    class Meta:
        table_name = "assistants"


class AssistantVersionTable(Table):
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


class ThreadTable(Table):
    thread_id = TextField(primary_key=True)
    owner = TextField()
    created_at = BigIntegerField()
    updated_at = BigIntegerField()
    state_updated_at = BigIntegerField()
    metadata = TextField()
    status = TextField()
    config = TextField()
    values = TextField(null=True)
    interrupts = TextField()
    error = TextField(null=True)
    error_message = TextField(null=True)
    ttl = BigIntegerField(null=True)  # microseconds
    ttl_strategy = TextField(null=True)
    expires_at = BigIntegerField(null=True)

    class Meta:
        table_name = "threads"


class CronTable(Table):
    cron_id = TextField(primary_key=True)
    owner = TextField()
    assistant_id = TextField()
    thread_id = TextField(null=True)
    schedule = TextField()
    timezone = TextField(null=True)
    end_time = BigIntegerField(null=True)
    enabled = BooleanField()
    on_run_completed = TextField(null=True)
    next_run_date = BigIntegerField(null=True)
    metadata = TextField()
    created_at = BigIntegerField()
    updated_at = BigIntegerField()
    extra = TextField()
    disabled_reason = TextField(null=True)
    # What it hands to its runs; the lists are JSON.
    input = TextField(null=True)
    config = TextField(null=True)
    context = TextField(null=True)
    interrupt_before = TextField()
    interrupt_after = TextField()
    multitask_strategy = TextField(null=True)
    stream_mode = TextField()
    stream_subgraphs = BooleanField(null=True)
    stream_resumable = BooleanField(null=True)
    durability = TextField(null=True)
    command = TextField(null=True)
    feedback_keys = TextField()
    webhook = TextField(null=True)
    # How it deals with time; null: the default.
    start_time = BigIntegerField(null=True)
    max_runs = IntegerField(null=True)
    jitter = BigIntegerField(null=True)
    gap = TextField(null=True)
    fold = TextField(null=True)
    catch_up = TextField(null=True)
    catch_up_window = BigIntegerField(null=True)
    overlap = TextField(null=True)
    pause_after_failures = IntegerField(null=True)
    due_at = BigIntegerField(null=True)
    paused_at = BigIntegerField(null=True)
    note = TextField(null=True)
    # What is counted. Only the statements that count write these.
    last_outcome = TextField(null=True)
    fired = IntegerField()
    missed = IntegerField()
    skipped = IntegerField()
    failed = IntegerField()
    failures_in_a_row = IntegerField()

    class Meta:
        table_name = "crons"


class CronLabelTable(Table):
    """What crons are found by; in the order of the key lies the page that is asked for."""

    owner = TextField()
    label = BlobField()
    created_at = BigIntegerField()  # the cron's
    cron_id = TextField()

    class Meta:
        table_name = "cron_labels"
        primary_key = CompositeKey("owner", "label", "created_at", "cron_id")
        without_rowid = True  # on SQLite: a row is all key


class LabelCountTable(Table):
    """How many crons have a label, so that nobody has to count them to say how many a search finds.

    Kept by triggers on SQLite alone: where transactions write side by side, they would wait for one another's counts.
    """

    owner = TextField()
    label = BlobField()
    crons = IntegerField()

    class Meta:
        table_name = "label_counts"
        primary_key = CompositeKey("owner", "label")
        without_rowid = True


class ZoneTable(Table):
    """By which rules of a time zone its crons' next instants were found."""

    timezone = TextField(primary_key=True)
    rules = TextField()

    class Meta:
        table_name = "zones"


class TickTable(Table):
    cron_id = TextField()
    scheduled_for = BigIntegerField()
    owner = TextField()
    decided_at = BigIntegerField()
    outcome = TextField()
    reason = TextField(null=True)
    run_id = TextField(null=True)
    count = IntegerField()
    # How the run ended; it may be gone by the time somebody asks.
    run_status = TextField(null=True)
    run_error = TextField(null=True)
    run_error_message = TextField(null=True)

    class Meta:
        table_name = "ticks"
        primary_key = CompositeKey("cron_id", "scheduled_for")


class RequestTable(Table):
    owner = TextField()
    request_id = TextField()
    fingerprint = TextField()
    resource_id = TextField()
    created_at = BigIntegerField()

    class Meta:
        table_name = "requests"
        primary_key = CompositeKey("owner", "request_id")


AssistantTable.add_index(AssistantTable.owner, AssistantTable.created_at, name="assistants_by_owner")

ThreadTable.add_index(ThreadTable.owner, ThreadTable.updated_at, name="threads_by_owner")
ThreadTable.add_index(ThreadTable.expires_at, name="threads_ending", where=ThreadTable.expires_at.is_null(False))

CronTable.add_index(CronTable.owner, CronTable.created_at, name="crons_by_owner")
CronTable.add_index(CronTable.assistant_id, name="crons_by_assistant")
CronTable.add_index(CronTable.thread_id, name="crons_by_thread", where=CronTable.thread_id.is_null(False))
CronTable.add_index(
    CronTable.due_at,
    CronTable.cron_id,
    name="crons_due",
    where=(CronTable.enabled & CronTable.due_at.is_null(False)),
)

CronLabelTable.add_index(CronLabelTable.cron_id, name="cron_labels_by_cron")

TickTable.add_index(TickTable.run_id, name="ticks_by_run", where=TickTable.run_id.is_null(False))
TickTable.add_index(TickTable.decided_at, name="ticks_by_age")

RequestTable.add_index(RequestTable.created_at, name="requests_by_age")
