"""An acknowledged write survives the death of the server at any moment."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from cronlane_service.store import open_database

WRITER = """
import sys, uuid
from datetime import UTC, datetime
from cronlane_service.domain.models import Thread
from cronlane_service.store import open_database

at = datetime(2026, 11, 22, tzinfo=UTC)
database = open_database(sys.argv[1])
database.migrate()
database.start()

def inserting(thread_id):
    return lambda tx: tx.threads.insert(Thread(thread_id, "", at, at, at, values='"' + "x" * 500 + '"'))

while True:
    ids = [str(uuid.uuid4()) for _ in range(20)]
    for thread_id, future in [(thread_id, database.submit(inserting(thread_id))) for thread_id in ids]:
        assert future.result()
        print(thread_id, flush=True)
"""

DIES_BEFORE_THE_COMMIT = """
import os, sys, threading
from datetime import UTC, datetime
from cronlane_service.domain.models import Thread
from cronlane_service.store import open_database

at = datetime(2026, 11, 22, tzinfo=UTC)
database = open_database(sys.argv[1])
database.migrate()

def inserting(thread_id):
    return lambda tx: tx.threads.insert(Thread(thread_id, "", at, at, at))

def told(thread_id):
    return lambda future: print(thread_id, flush=True)

def dies(tx):
    tx.threads.insert(Thread("dying", "", at, at, at))
    os._exit(9)

database.start()
first = database.submit(inserting("acknowledged"))
first.add_done_callback(told("acknowledged"))
first.result()
hold = threading.Event()
database.submit(lambda tx: hold.wait(30))
neighbour = database.submit(inserting("neighbour"))  # waits, and then shares the transaction of the one that dies
neighbour.add_done_callback(told("neighbour"))
dying = database.submit(dies)
hold.set()
dying.result()
"""


def surviving(path: Path) -> set[str]:
    database = open_database(str(path))
    try:
        rows = database.read_now(lambda tx: tx.threads._connection.execute("SELECT thread_id FROM threads"))
        check = database.read_now(lambda tx: tx.threads._connection.execute("PRAGMA integrity_check"))
    finally:
        database.stop()
    assert check == [("ok",)]
    return {thread_id for (thread_id,) in rows}


def test_who_is_not_answered_before_a_crash_has_written_nothing(path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", DIES_BEFORE_THE_COMMIT, str(path)], capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stdout) == (9, "acknowledged\n"), done.stderr
    assert surviving(path) == {"acknowledged"}


@pytest.mark.timeout(240)
def test_twenty_kills_lose_no_acknowledged_write(path: Path) -> None:
    chance = random.Random(9)
    acknowledged: set[str] = set()
    for _ in range(20):
        with subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE) as server:
            assert server.stdout is not None
            text = _killed_after(server, chance.randint(1, 9000))
        told = [line for line in text.decode().splitlines(keepends=True) if line.endswith("\n")]
        assert told
        acknowledged |= {line.strip() for line in told}
        lost = acknowledged - surviving(path)
        assert not lost


def _killed_after(server: subprocess.Popen[bytes], size: int) -> bytes:
    """What the server said, to the end, when it was killed after it had said so much."""
    assert server.stdout is not None
    said = b""
    while len(said) < size:
        said += (part := os.read(server.stdout.fileno(), 37))
        assert part, "the server died by itself"
    server.send_signal(signal.SIGKILL)
    return said + server.stdout.read()
