"""What the database itself saw: a trigger notes, in the same transaction, each change of a run's status or attempt.

A change of a run that has ended is noted too, whatever it changes.
"""

from __future__ import annotations

from dataclasses import dataclass

import psycopg

from ledger import WrittenTick, instant

INSTALL = """
CREATE TABLE torture_journal (
    number bigserial PRIMARY KEY, operation text, run_id text, cron_id text, thread_id text, scheduled_for bigint,
    was text, status text, attempt integer, worker text, lease_left double precision,
    at double precision DEFAULT extract(epoch FROM clock_timestamp())
);
CREATE FUNCTION torture_note() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE run runs%ROWTYPE; was text; left_over double precision;
BEGIN
    IF TG_OP = 'DELETE' THEN run := OLD; ELSE run := NEW; END IF;
    IF TG_OP <> 'INSERT' THEN
        was := OLD.status;
        IF was = 'running' THEN
            left_over := OLD.lease_until / 1e6 - extract(epoch FROM clock_timestamp());
        END IF;
    END IF;
    IF TG_OP = 'UPDATE' AND OLD.status = NEW.status AND OLD.attempt = NEW.attempt
        AND NEW.status IN ('pending', 'running') THEN
        RETURN NULL;
    END IF;
    INSERT INTO torture_journal (operation, run_id, cron_id, thread_id, scheduled_for, was, status, attempt, worker,
        lease_left)
    VALUES (TG_OP, run.run_id, run.cron_id, run.thread_id, run.scheduled_for, was,
        CASE WHEN TG_OP <> 'DELETE' THEN run.status END, run.attempt, run.worker, left_over);
    RETURN NULL;
END $$;
CREATE TRIGGER torture AFTER INSERT OR UPDATE OR DELETE ON runs FOR EACH ROW EXECUTE FUNCTION torture_note();
"""
_ENTRIES = """
SELECT operation, run_id, cron_id, thread_id, scheduled_for, was, status, attempt, worker, lease_left, at
FROM torture_journal ORDER BY number
"""
_TICKS = (
    "SELECT cron_id, scheduled_for, decided_at, outcome, reason, run_id, count, run_status FROM ticks ORDER BY 1, 2"
)
ACTIVE = ("pending", "running")


@dataclass(frozen=True)
class Entry:
    """A change of a run; ``status`` None: it was deleted. ``lease_left``: of the attempt that had it; in seconds."""

    operation: str
    run_id: str
    cron_id: str
    thread_id: str
    scheduled_for: int
    was: str | None
    status: str | None
    attempt: int
    worker: str | None
    lease_left: float | None
    at: float

    @property
    def ends(self) -> bool:
        """Whether it ended the run, for the first time or once more."""
        return self.status not in ACTIVE and not (self.operation == "DELETE" and self.was not in ACTIVE)

    @property
    def claims(self) -> bool:
        return self.operation == "UPDATE" and self.status == "running"

    @property
    def hands_back(self) -> bool:
        return self.was == "running" and self.status == "pending"

    @property
    def takes_over(self) -> bool:
        return self.claims and self.was == "running"


class Journal:
    """Reads what was written; nothing goes through the service."""

    def __init__(self, url: str) -> None:
        self._url = url

    def install(self, also: str = "") -> None:
        with psycopg.connect(self._url, autocommit=True) as connection:
            connection.execute((INSTALL + also).encode())

    def rows(self, query: str) -> list[tuple]:
        with psycopg.connect(self._url, autocommit=True) as connection:
            return connection.execute(query.encode()).fetchall()

    def entries(self) -> list[Entry]:
        return [Entry(*row) for row in self.rows(_ENTRIES)]

    def ledger(self) -> list[WrittenTick]:
        return [WrittenTick(row[0], instant(row[1]), instant(row[2]), *row[3:]) for row in self.rows(_TICKS)]

    def cut_connections(self) -> int:
        """Ends all others'; how many there were."""
        query = """SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
            WHERE datname = current_database() AND pid <> pg_backend_pid()"""
        [(number,)] = self.rows(query)
        return int(number)
