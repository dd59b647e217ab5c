"""Deletes, every minute, what is kept only for a while."""

from __future__ import annotations

import threading
from datetime import timedelta

import structlog

from cronlane_service.domain.errors import DomainError
from cronlane_service.domain.ports import Database, Operation

log = structlog.get_logger(__name__)

EVERY = timedelta(minutes=1)


class Sweeper:
    """One thread. ``tick`` sweeps until nothing is left to go, in small transactions."""

    def __init__(self, database: Database, *sweeps: Operation[int]) -> None:
        """Each sweep deletes, or ends, what it finds first, and answers how many rows that were."""
        self._database, self._sweeps = database, sweeps
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="cronlane-sweeper")

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join()

    def tick(self) -> int:
        """How many rows went."""
        gone = 0
        for sweep in self._sweeps:
            while not self._stopped.is_set() and (swept := self._database.submit(sweep).result()):
                gone += swept
        return gone

    def _run(self) -> None:
        while not self._stopped.wait(EVERY.total_seconds()):
            try:
                if gone := self.tick():
                    log.info("swept", rows=gone)
            except DomainError as error:
                log.warning("sweep_failed", problem=str(error))
            except Exception:
                # A fault of ours must not end the sweeper: the next minute it tries again.
                log.exception("sweep_failed")
