"""What is done to a fleet while crons fire: kills, standstills, cut connections, a database that dies."""

from __future__ import annotations

import random
import threading
from dataclasses import dataclass
from time import monotonic

from e2e.torture.fleet import LEASE, Fleet, Member
from e2e.torture.journal import Journal
from postgres import PostgresServer


@dataclass(frozen=True)
class Weather:
    """How many blows of each kind come among so many, and how often PostgreSQL is killed."""

    kills: int = 12
    standstills: int = 5
    cuts: int = 2
    restarts: int = 1


class Storm:
    """One blow every second or two. All that is random comes from ``chance``."""

    def __init__(
        self, fleet: Fleet, postgres: PostgresServer, journal: Journal, chance: random.Random, weather: Weather
    ) -> None:
        self._fleet, self._postgres, self._journal, self._chance = fleet, postgres, journal, chance
        self._weather = weather
        self._waking: list[tuple[float, Member]] = []
        self._pause = threading.Event()

    def rage(self, seconds: float) -> None:
        """Then all that stands still goes on, and nothing more is done to them."""
        began, restarts = monotonic(), self._weather.restarts
        due = [seconds * number / (restarts + 1) for number in range(1, restarts + 1)]
        while (passed := monotonic() - began) < seconds:
            self._wake(monotonic())
            self._fleet.look_after()
            if due and passed > due[0]:
                due.pop(0)
                self._restart_postgres()
            else:
                self._blow()
            self._pause.wait(self._chance.uniform(1, 2))
        self._wake(float("inf"))

    def _wake(self, now: float) -> None:
        for at, member in list(self._waking):
            if at <= now:
                self._waking.remove((at, member))
                if member in self._fleet.members:
                    member.go_on()

    def _blow(self) -> None:
        weights = (self._weather.kills, self._weather.standstills, self._weather.cuts)
        self._chance.choices((self._kill, self._stand_still, self._cut), weights)[0]()

    def _kill(self) -> None:
        member = self._chance.choice(self._fleet.members)
        self._fleet.counts[f"kill -9 of a {member.place.command}"] += 1
        self._fleet.kill(member)

    def _stand_still(self) -> None:
        running = [member for member in self._fleet.members if member.ready and not member.stopped]
        if not running:
            return self._kill()
        member = self._chance.choice(running)
        self._fleet.disturb(member)
        member.pause()
        self._waking.append((monotonic() + LEASE * self._chance.uniform(1.2, 3), member))
        self._fleet.counts[f"SIGSTOP beyond the lease of a {member.place.command}"] += 1
        return None

    def _cut(self) -> None:
        self._fleet.disturb()
        self._fleet.counts["connections cut"] += self._journal.cut_connections()

    def _restart_postgres(self) -> None:
        self._fleet.disturb()
        self._postgres.kill()
        self._pause.wait(self._chance.uniform(0.2, 1.5))
        self._postgres.start()
        self._fleet.disturb()
        self._fleet.counts["kill -9 of PostgreSQL"] += 1
