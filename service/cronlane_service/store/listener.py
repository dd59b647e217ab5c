"""Hears what other servers have committed."""

from __future__ import annotations

import selectors
import socket
import threading
from typing import TYPE_CHECKING, Any

import psycopg
import structlog

from cronlane_service.domain.ports import Topic
from cronlane_service.store import postgres_errors
from cronlane_service.store.database_clock import ticking
from cronlane_service.store.engine import Hear, Notice

if TYPE_CHECKING:
    from cronlane_service.store.postgres import PostgresEngine

CHANNEL = "cronlane"
EVERYTHING: tuple[Notice, ...] = tuple((topic, "") for topic in Topic if topic is not Topic.WATCHED)
POLL = 5.0
"""Seconds after which everything counts as notified, for what was never delivered."""
RETRY = 0.1
"""Seconds between tries to connect."""

_TOPICS = frozenset(topic.value for topic in Topic)
log = structlog.get_logger(__name__)


def message(origin: str, topic: Topic, key: str) -> str:
    return f"{origin} {topic.value} {key}"


class Listener:
    """One thread with a connection of its own. It also keeps the database's clock."""

    def __init__(self, engine: PostgresEngine, hear: Hear) -> None:
        self._engine, self._hear = engine, hear
        self._stopped = False
        self._first: psycopg.Connection[Any] | None = None
        self._thread = threading.Thread(target=self._run, name="cronlane-listener")
        self._woken, self._waker = socket.socketpair()

    def start(self) -> None:
        """Whatever is committed after this is heard."""
        try:
            self._first = self._connected()
        except psycopg.Error as error:
            log.warning("listener_lost", problem=postgres_errors.explained(error))
        self._thread.start()

    def stop(self) -> None:
        if not self._stopped:
            self._stopped = True
            self._waker.close()  # wakes the other end
            if self._thread.ident is not None:
                self._thread.join()
            self._woken.close()

    def _connected(self) -> psycopg.Connection[Any]:
        connection = self._engine.driver_connection()
        connection.execute(f"LISTEN {CHANNEL}")
        return connection

    def _run(self) -> None:
        connection, known = self._first, self._first is None
        while not self._stopped:
            try:
                if connection is None:
                    connection = self._connected()
                    self._engine.set_clock(connection)
                    self._hear(EVERYTHING)  # nobody listened
                known = False
                self._listen(connection)
            except psycopg.Error as error:
                if not known:
                    log.warning("listener_lost", problem=postgres_errors.explained(error))
                known = True
                _close(connection)
                connection = None
                self._wait(RETRY)
        _close(connection)

    def _listen(self, connection: psycopg.Connection[Any]) -> None:
        while not self._until_poll(connection):
            self._engine.set_clock(connection)
            self._hear(EVERYTHING)  # also what was told while the connection was asked something else

    def _until_poll(self, connection: psycopg.Connection[Any]) -> bool:
        """Whether this is to stop."""
        until = ticking() + POLL
        while not self._stopped and (left := until - ticking()) > 0:
            if self._wait(left, connection):
                self._hear(self._told(connection))
        return self._stopped

    def _wait(self, seconds: float, *sources: Any) -> bool:
        """Whether a source has something, when it has, when the time is over or when this is to stop."""
        with selectors.DefaultSelector() as selector:
            for source in (self._woken, *sources):
                selector.register(source, selectors.EVENT_READ)
            return any(key.fileobj in sources for key, _ in selector.select(seconds))

    def _told(self, connection: psycopg.Connection[Any]) -> list[Notice]:
        """What others have committed; what this server has, its own writer tells."""
        connection.pgconn.consume_input()
        notices = []
        while (notify := connection.pgconn.notifies()) is not None:
            origin, _, notice = notify.extra.decode().partition(" ")
            topic, _, key = notice.partition(" ")
            if origin != self._engine.origin and topic in _TOPICS:
                notices.append((Topic(topic), key))
        return notices


def _close(connection: psycopg.Connection[Any] | None) -> None:
    if connection is not None:
        connection.close()
