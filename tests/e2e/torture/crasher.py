"""Carries out one step on a file and dies before its Nth statement: a process of its own for each.

Standard input has a line for each: path, step and N. Standard output has the exit code and how many statements there
were. The process that reads forks; it has no threads and no connection.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from cronlane_service.store.sqlite import SqliteEngine
from e2e.torture.crash_house import STEPS, opened

DIED, DONE = 9, 0


class Countdown:
    """Hears of each statement as SQLite begins it; the one before it is done then."""

    def __init__(self, last: int) -> None:
        self.left, self.armed = last, False

    def __call__(self, statement: str) -> None:
        if self.armed:
            self.left -= 1
            if self.left == 0:
                os._exit(DIED)


def die(path: Path, step: str, last: int) -> None:
    """In a process of its own: it does not come back."""
    countdown, connect = Countdown(last), SqliteEngine.connect
    engine: Any = SqliteEngine

    def watched(self: SqliteEngine, *, read_only: bool = False) -> Any:
        database: Any = connect(self, read_only=read_only)
        if not read_only:
            database.connection().set_trace_callback(countdown)
        return database

    engine.connect = watched
    with opened(path, 2) as house:
        chosen = STEPS[step][1]
        countdown.armed = True
        chosen(house)
        os._exit(DONE)  # it has its answer, and nothing is closed


def main() -> None:
    for line in sys.stdin:
        path, step, last = line.rsplit(" ", 2)
        child = os.fork()
        if child == 0:
            die(Path(path), step, int(last))
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    main()
