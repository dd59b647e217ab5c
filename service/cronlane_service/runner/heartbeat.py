"""The thread that keeps leases alive, also while a graph blocks the runner's loop."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta


class Heartbeat:
    """Calls ``beat``, which must not raise, at a fixed interval."""

    def __init__(self, beat: Callable[[], None], every: timedelta) -> None:
        self._beat, self._every = beat, every.total_seconds()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="cronlane-heartbeat")

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._stopped.wait(self._every):
            self._beat()
