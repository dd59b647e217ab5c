"""`cronlane serve` as a process of its own, on free ports and an empty database."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import TypeVar

ROOT = Path(__file__).parent.parent
GRAPHS = ROOT / "tests" / "e2e" / "graphs" / "langgraph.json"
CRONLANE = Path(sys.executable).with_name("cronlane")
PATIENCE = 30  # seconds

T = TypeVar("T")


class Served:
    """A running server. Its standard output is read line by line until it is ready, and on in the background."""

    def __init__(self, folder: Path, *options: str, program: Path = CRONLANE, **environment: str) -> None:
        self.folder = folder
        self.log = folder / "log.txt"
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [program, "serve", "--grpc-port", "0", "--rest-port", "0", *options],
                cwd=folder,
                env={**clean_environment(), **environment},
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        self.lines: list[str] = []
        self._ready = threading.Event()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        self._ready.wait(PATIENCE)
        if "cronlane: ready" not in self.lines:
            self.kill()
            raise AssertionError(f"not ready: {self.lines}\n{self.log.read_text()}")
        self.grpc = self._listening("grpc")
        self.url = self._listening("rest")

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))
            if self.lines[-1] == "cronlane: ready":
                self._ready.set()
        self._ready.set()

    def _listening(self, kind: str) -> str:
        return next(line.split("listening on ")[1] for line in self.lines if line.startswith(f"cronlane: {kind} "))

    @property
    def database(self) -> Path:
        return self.folder / ".cronlane" / "cronlane.db"

    def send(self, number: signal.Signals = signal.SIGTERM) -> None:
        """Asks it to stop, without waiting."""
        self.process.send_signal(number)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Asks it to stop; the exit code."""
        self.send(number)
        return self.gone()

    def kill(self) -> None:
        """SIGKILL."""
        self.process.kill()
        self.gone()

    def gone(self) -> int:
        """Waits for its end; the exit code."""
        try:
            code = self.process.wait(PATIENCE)
        finally:
            self.process.kill()
            self._reader.join()
            if self.process.stdout is not None:
                self.process.stdout.close()
        return code


def clean_environment() -> dict[str, str]:
    """The environment without what would configure a server or an SDK, or have each start compile all again."""
    unwanted = "CRONLANE_|LANG|PYTHONDONTWRITEBYTECODE"
    return {name: value for name, value in os.environ.items() if not re.match(unwanted, name)}


@dataclass(frozen=True)
class Finished:
    """A program that has ended."""

    code: int
    out: str
    err: str


def attempt(*command: object, cwd: Path | None = None, timeout: float = PATIENCE, **environment: str) -> Finished:
    """Runs a program to its end, well or not."""
    done = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env={**clean_environment(), **environment},
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    return Finished(done.returncode, done.stdout, done.stderr)


def run(*command: object, cwd: Path | None = None, timeout: float = PATIENCE, **environment: str) -> str:
    """Runs a program to its end and answers its output. It must succeed."""
    done = attempt(*command, cwd=cwd, timeout=timeout, **environment)
    assert done.code == 0, f"{command}: exit code {done.code}\n{done.out}\n{done.err}"
    return done.out


def wait_until(condition: Callable[[], T], *, description: str, within: float = 20, every: float = 0.02) -> T:
    """What the condition answers, as soon as that is true; times in seconds."""
    deadline = monotonic() + within
    pause = threading.Event()
    while not (found := condition()):
        assert monotonic() < deadline, f"not within {within} seconds: {description}"
        pause.wait(every)
    return found


def start(folder: Path, *options: object, **environment: str) -> Finished:
    """`cronlane serve` on free ports, which is to fail."""
    ports = {"CRONLANE_GRPC_PORT": "0", "CRONLANE_REST_PORT": "0"}
    return attempt(CRONLANE, "serve", *options, cwd=folder, **ports | environment)


def check_refused(done: Finished, *parts: object) -> None:
    """One line, which names everything expected; nothing listened."""
    assert done.code == 2, done
    assert done.out == ""
    assert re.fullmatch(r"cronlane: [^\n]+\n", done.err), done.err
    for part in parts:
        assert str(part) in done.err
