"""How evenly two servers and two workers on one PostgreSQL share 1000 crons that are due together.

    python -m e2e.torture.sharing [crons] [rounds]        in tests/

A trigger notes the connection that writes a tick: each server writes on one of its own. Who executes a run is in it.
"""

from __future__ import annotations

import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx

from e2e.torture.fleet import Fleet, Place
from e2e.torture.journal import Journal
from postgres import databases
from serving import wait_until

PLACES = (Place("serve"), Place("serve"), Place("worker"), Place("worker"))
SETTINGS = {"CRONLANE_LEASE": "30", "CRONLANE_LOG_LEVEL": "warning"}
BY_CONNECTION = """
CREATE TABLE shares (connection integer, scheduled_for bigint);
CREATE FUNCTION share() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO shares SELECT pg_backend_pid(), scheduled_for FROM written;
    RETURN NULL;
END $$;
CREATE TRIGGER share AFTER INSERT ON ticks REFERENCING NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION share();
"""
FIRED = "SELECT scheduled_for, connection, count(*) FROM shares GROUP BY 1, 2 ORDER BY 1, 3 DESC"
CLAIMED = """SELECT scheduled_for, worker, count(*) FROM torture_journal
WHERE operation = 'UPDATE' AND status = 'running' GROUP BY 1, 2 ORDER BY 1, 3 DESC"""
ENDED = "SELECT count(*) FROM ticks WHERE run_status = 'success'"
TOOK = """SELECT scheduled_for, max(ended_at - scheduled_for) / 1000, max(created_at - scheduled_for) / 1000
FROM runs GROUP BY 1 ORDER BY 1"""


def measure(url: str, folder: Path, crons: int, rounds: int) -> None:
    fleet, journal = Fleet(PLACES, url, folder, **SETTINGS), Journal(url)
    try:
        fleet.await_ready()
        journal.install(BY_CONNECTION)
        _plant(fleet.server(), crons, rounds)
        wait_until(lambda: journal.rows(ENDED) == [(crons * rounds,)], description="all runs have ended", within=300)
        names = {member.process.pid: str(member) for member in fleet.members}
        _show("ticks fired, by server", journal.rows(FIRED), {})
        _show("runs executed, by process", journal.rows(CLAIMED), names)
        for at, ended, made in journal.rows(TOOK):
            print(f"  round {at // 1_000_000}: last run made after {made} ms, ended after {ended} ms")
        fleet.stop()
        assert not fleet.faults, fleet.faults
    finally:
        fleet.kill_all()


def _plant(url: str, crons: int, rounds: int) -> None:
    """Due together at each of so many instants, 20 seconds apart."""
    with httpx.Client(base_url=url, timeout=60) as http:
        now = datetime.now(UTC).replace(microsecond=0)  # noqa: TID251 - a test's own clock
        first = now + timedelta(seconds=10 + crons // 100)
        first += timedelta(seconds=-first.second % 20)
        body = {
            "assistant_id": "witnessed",
            "input": {},
            "schedule": "* * * * * */20",
            "start_time": first.isoformat(),
            "end_time": (first + timedelta(seconds=20 * (rounds - 1))).isoformat(),
        }
        for _ in range(crons):
            http.post("/runs/crons", json=body).raise_for_status()
        assert datetime.now(UTC) < first, "planted too slowly"  # noqa: TID251 - a test's own clock


def _show(what: str, rows: list[tuple], names: dict[int, str]) -> None:
    print(f"{what}:")
    shares: dict[int, Counter[str]] = {}
    for at, who, number in rows:
        name = names.get(int(str(who).split("-")[-2]), str(who)) if names else f"connection {who}"
        shares.setdefault(at, Counter())[name] += number
    for at, share in shares.items():
        print(f"  round {at // 1_000_000}:", ", ".join(f"{name} {number}" for name, number in share.most_common()))


def main() -> None:
    crons, rounds = map(int, [*sys.argv[1:], *("1000", "3")[len(sys.argv) - 1 :]])
    with databases() as made, made.lent() as url, TemporaryDirectory() as folder:
        measure(url, Path(folder), crons, rounds)


if __name__ == "__main__":
    main()
