"""Connections for the checkpoints and the long-term store, which LangGraph's own classes read and write."""

from __future__ import annotations

import select
from typing import Any

import psycopg
from psycopg_pool import AsyncConnectionPool

PATIENCE = 5.0
"""Seconds that a connection is waited for."""

Connection = psycopg.AsyncConnection[Any]


class Connections(AsyncConnectionPool[Connection]):
    """A pool that lends no connection that has ended meanwhile."""

    def __init__(self, url: str, most: int) -> None:
        super().__init__(
            url,
            kwargs={"autocommit": True, "prepare_threshold": 0, "application_name": "cronlane graphs"},
            min_size=1,
            max_size=most,
            open=False,
            timeout=PATIENCE,
            reconnect_timeout=1,  # it is tried again with every request
            check=self._checked,
        )

    async def _checked(self, connection: Connection) -> None:
        """Asks the database only where something came unasked, which is most likely the connection's end."""
        waiting = select.poll()
        waiting.register(connection.fileno(), select.POLLIN)
        if not waiting.poll(0):
            return
        try:
            await self.check_connection(connection)
        except psycopg.Error:
            # The others have ended with it, most likely. The pool would look at one after the other, with pauses that
            # double, and whoever waits would be refused before it had come to a new one.
            await self.check()
            raise
