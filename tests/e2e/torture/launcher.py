"""The program ``cronlane`` with something wrong: its clock is off, or it is a broken build.

    python launcher.py [--clock=90] [--broken=NAME] serve --database …

The clock is moved before anything of cronlane is imported, for Python and for the ids that are made in native code.
"""

from __future__ import annotations

import sys
import time
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import time_machine
import uuid_utils


def move_clock(seconds: float) -> None:
    """From now on, for good."""
    there = datetime.fromtimestamp(time.time() + seconds, UTC)
    time_machine.travel(there, tick=True).start()
    uuid7: Any = uuid_utils.uuid7
    uuid_utils.uuid7 = partial(_uuid7_of_now, uuid7)


def _uuid7_of_now(uuid7: Any) -> Any:
    seconds, nanos = divmod(time.time_ns(), 1_000_000_000)
    return uuid7(timestamp=seconds, nanos=nanos)


def main() -> None:
    wrong = [word for word in sys.argv[1:] if word.startswith(("--clock=", "--broken="))]
    for word in wrong:
        sys.argv.remove(word)
        kind, _, value = word.partition("=")
        if kind == "--clock":
            move_clock(timedelta(seconds=float(value)).total_seconds())
        else:
            import broken_builds

            broken_builds.BUILDS[value]()
    from cronlane_service import cli

    cli.main()


if __name__ == "__main__":
    main()
