"""Servers and workers as real processes on one database, each replaced by another one when it is gone."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from time import time

from serving import CRONLANE, clean_environment, wait_until

HERE = Path(__file__).parent
LEASE = 2  # seconds

SETTINGS = {
    "CRONLANE_LEASE": str(LEASE),
    "CRONLANE_ATTEMPTS": "50",
    "CRONLANE_GRACE": "10",
    "CRONLANE_GRPC_PORT": "0",
    "CRONLANE_REST_PORT": "0",
    "CRONLANE_CONFIG": str(HERE / "graphs" / "langgraph.json"),
    "CRONLANE_LOG_FORMAT": "json",
}
REFUSED = 2  # the exit code of one that did not find its database


@dataclass(frozen=True)
class Place:
    """What is to run in one place of the fleet: ``serve`` or ``worker``, with what options of `launcher`."""

    command: str
    options: tuple[str, ...] = ()

    @property
    def program(self) -> Sequence[object]:
        return [sys.executable, HERE / "launcher.py", *self.options] if self.options else [CRONLANE]


class Member:
    """One process."""

    def __init__(self, place: Place, number: int, folder: Path, environment: dict[str, str]) -> None:
        self.place, self.number = place, number
        self._said, self.log = folder / f"{number}.out", folder / f"{number}.log"
        self.stopped = False
        self.undisturbed_since: float | None = None  # by the machine's clock; None: it is not ready, or it is disturbed
        with self._said.open("wb") as said, self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [str(word) for word in (*place.program, place.command)],
                env=environment,
                cwd=folder,
                stdout=said,
                stderr=log,
                start_new_session=True,
            )

    @property
    def lines(self) -> Sequence[str]:
        return self._said.read_text().splitlines()

    @property
    def ready(self) -> bool:
        return "cronlane: ready" in self.lines

    @property
    def url(self) -> str:
        return self._listening("rest")

    @property
    def grpc(self) -> str:
        return self._listening("grpc")

    def _listening(self, kind: str) -> str:
        return next(line.split()[-1] for line in self.lines if line.startswith(f"cronlane: {kind} "))

    def __str__(self) -> str:
        return f"{self.place.command} {self.number} {' '.join(self.place.options)}".strip()

    def pause(self) -> None:
        self.stopped = True
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self.stopped = False
        self.process.send_signal(signal.SIGCONT)


class Fleet:
    """So many places, a process in each of them; `faults` are the ends that nobody wished for."""

    def __init__(self, places: Sequence[Place], database: str, folder: Path, **settings: str) -> None:
        self._folder = folder
        self.witness = folder / "witness.txt"
        self.witness.touch()
        self._environment = {
            **clean_environment(),
            **SETTINGS,
            **settings,
            "CRONLANE_DATABASE": database,
            "TORTURE_WITNESS": str(self.witness),
        }
        self.counts: Counter[str] = Counter()
        self.watched: list[tuple[float, float]] = []
        """From when to when some server was ready and nothing was done to it."""
        self.faults: list[str] = []
        self.members = [self._started(place) for place in places]

    def _started(self, place: Place) -> Member:
        self.counts["processes started"] += 1
        return Member(place, self.counts["processes started"], self._folder, self._environment)

    def add(self, place: Place) -> Member:
        self.members.append(self._started(place))
        return self.members[-1]

    def replace(self, member: Member) -> None:
        self.members[self.members.index(member)] = self._started(member.place)

    def disturb(self, *members: Member) -> None:
        """To be called before something is done to them; to all, if none are named."""
        for member in members or self.members:
            if member.undisturbed_since is not None and member.place.command == "serve":
                self.watched.append((member.undisturbed_since, time()))
            member.undisturbed_since = None

    def kill(self, member: Member) -> None:
        """SIGKILL; another one takes its place."""
        self.disturb(member)
        member.process.kill()
        member.process.wait(30)
        self.replace(member)

    def look_after(self) -> None:
        """Replaces those that could not start while the database was away; nothing else may end by itself."""
        for member in list(self.members):
            code = member.process.poll()
            if code is None:
                if member.undisturbed_since is None and member.ready and not member.stopped:
                    member.undisturbed_since = time()
                continue
            if code != REFUSED or member.ready:
                self.faults.append(f"{member} ended by itself with {code}: {member.log.read_text()[-2000:]}")
            self.counts["starts refused"] += 1
            self.replace(member)

    def await_ready(self, within: float = 90) -> None:
        def ready() -> bool:
            self.look_after()
            return all(member.ready for member in self.members)

        wait_until(ready, description="all servers and workers are ready", within=within)

    def server(self) -> str:
        """The REST URL of a server."""
        return next(member.url for member in self.members if member.place.command == "serve")

    def grpc(self) -> list[str]:
        """The addresses of the servers that have been ready."""
        return [member.grpc for member in list(self.members) if member.place.command == "serve" and member.ready]

    def stop(self) -> None:
        """SIGTERM for all: each is to end with exit code 0."""
        self.disturb()
        for member in self.members:
            member.process.send_signal(signal.SIGTERM)
        for member in self.members:
            if (code := member.process.wait(60)) != 0:
                self.faults.append(f"{member} stopped with {code}: {member.log.read_text()[-2000:]}")

    def kill_all(self) -> None:
        for member in self.members:
            member.process.kill()
            member.process.wait(30)
