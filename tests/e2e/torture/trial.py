"""A whole trial: plant, storm, calm, and the account."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from time import monotonic

import httpx

from e2e.torture import verdict
from e2e.torture.bystander import Bystander
from e2e.torture.fleet import Fleet
from e2e.torture.journal import ACTIVE, Entry, Journal
from e2e.torture.population import Planted, plant
from e2e.torture.storm import Storm, Weather
from ledger import WrittenTick
from postgres import PostgresServer

PATIENCE = 120.0  # seconds without any progress, in the calm after a storm
SHOWN = 20


class Trial:
    """What happened is in `faults` and `account`."""

    def __init__(
        self,
        fleet: Fleet,
        postgres: PostgresServer,
        chance: random.Random,
        weather: Weather,
        patience: float = PATIENCE,
    ) -> None:
        self._fleet, self._postgres, self._chance, self._patience = fleet, postgres, chance, patience
        self._weather = weather
        self._journal = Journal(postgres.url)
        self._crons: Sequence[Planted] = ()
        self._entries: Sequence[Entry] = ()
        self._ledger: Sequence[WrittenTick] = ()
        self._states: dict[str, list[str]] = {}
        self._lines: Sequence[str] = ()
        self._made: Sequence[str] = ()

    def run(self, seconds: int, also: str = "") -> None:
        """Crons fire for so long, and a storm rages a little longer. ``also``: SQL for the database before."""
        self._fleet.await_ready()
        self._journal.install(also)
        self._crons = plant(self._fleet.server(), self._chance, seconds)
        end_time = self._crons[0].end_time
        left = (end_time - datetime.now(UTC)).total_seconds()  # noqa: TID251 - a test's own clock
        with Bystander(self._fleet, random.Random(self._chance.random()), end_time) as bystander:
            Storm(self._fleet, self._postgres, self._journal, self._chance, self._weather).rage(left + 3)
        self._crons = [*self._crons, *bystander.planted]
        self._fleet.faults += bystander.faults
        self._fleet.counts += bystander.counts
        self._settle()
        self._fleet.await_ready()
        self._states = self._read_states()
        self._fleet.stop()
        self._entries, self._ledger = self._journal.entries(), self._journal.ledger()
        self._lines = self._fleet.witness.read_text().splitlines()
        self._made = [cron_id for (cron_id,) in self._journal.rows("SELECT cron_id FROM crons")]

    def _settle(self) -> None:
        """Until every tick is in the ledger and every run has ended, or nothing happens any more."""
        pause, before, since = threading.Event(), 0, monotonic()
        while not self._settled() and monotonic() - since < self._patience:
            self._fleet.look_after()
            [(happened,)] = self._journal.rows("SELECT count(*) FROM torture_journal")
            if happened != before:
                before, since = happened, monotonic()
            pause.wait(0.5)

    def _settled(self) -> bool:
        written = {(row.cron_id, row.scheduled_for) for row in self._journal.ledger()}
        if not all((cron.cron_id, at) in written for cron in self._crons for at in cron.expected()):
            return False
        return self._journal.rows(f"SELECT count(*) FROM runs WHERE status IN {ACTIVE}") == [(0,)]

    def _read_states(self) -> dict[str, list[str]]:
        """The marks in the state of each thread that is still there, of crons' own and of their runs'."""
        with httpx.Client(base_url=self._fleet.server(), timeout=60) as http:
            states = {}
            for (thread_id,) in self._journal.rows("SELECT thread_id FROM threads"):
                answer = http.get(f"/threads/{thread_id}/state")
                assert answer.is_success, f"{answer.status_code} {answer.text}"
                states[thread_id] = answer.json()["values"].get("marks", [])
            return states

    def faults(self) -> list[str]:
        """All that is wrong, the first of each kind."""
        found = {
            "processes": self._fleet.faults,
            "crons": list(verdict.crons(self._crons, self._made)),
            "ticks": list(verdict.ticks(self._crons, self._ledger)),
            "runs": list(verdict.runs(self._ledger, self._entries)),
            "outcomes": list(verdict.outcomes(self._crons, self._entries)),
            "threads": list(verdict.one_at_a_time(self._entries)),
            "states": list(verdict.marks(self._entries, self._states)),
            "steps": list(verdict.witnessed(self._entries, self._lines)),
        }
        return [f"{kind} ({len(each)}): {fault}" for kind, each in found.items() for fault in each[:SHOWN]]

    def account(self) -> str:
        """The counts, one a line."""
        counts = Counter(self._fleet.counts)
        counts["crons, each once"] = len(self._crons)
        counts["ticks expected"] = sum(len(cron.expected()) for cron in self._crons)
        for row in self._ledger:
            counts[f"ticks {row.outcome}{' late' if row.outcome == 'fired' and row.reason else ''}"] += 1
        counts["ticks late or missed while a server watched"] = verdict.late(self._ledger, self._fleet.watched)
        counts["runs"] = sum(entry.operation == "INSERT" for entry in self._entries)
        counts["attempts"] = sum(entry.claims for entry in self._entries)
        counts["attempts that took over a lost run"] = sum(entry.takes_over for entry in self._entries)
        counts["runs handed back"] = sum(entry.hands_back for entry in self._entries)
        for entry in self._entries:
            if entry.ends:
                counts[f"runs ended: {entry.status or 'rolled back'}"] += 1
        counts["steps taken"] = len(self._lines)
        return "\n".join(f"  {number:6} {what}" for what, number in counts.items())
