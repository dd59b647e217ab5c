"""What a process of cronlane says, what it hears, and why it could not start."""

from __future__ import annotations

import asyncio
import signal
import sys


class StartError(Exception):
    """Something the operator can put right, in one line."""


def say(line: str) -> None:
    """What programs that start the server wait for, on standard output."""
    sys.stdout.write(f"cronlane: {line}\n")
    sys.stdout.flush()


def signalled() -> asyncio.Event:
    """Set by SIGTERM and SIGINT."""
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    return stopping
