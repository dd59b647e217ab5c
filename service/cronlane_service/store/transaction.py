"""What an operation gets: the stores of one transaction, and a place for its notifications."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import peewee

from cronlane_service.domain.ports import Topic
from cronlane_service.store.assistants import Assistants
from cronlane_service.store.connection import Connection
from cronlane_service.store.crons import Crons
from cronlane_service.store.engine import Notice
from cronlane_service.store.events import Events
from cronlane_service.store.firings import Firings
from cronlane_service.store.purges import Purges
from cronlane_service.store.requests import Requests
from cronlane_service.store.runs import Runs
from cronlane_service.store.threads import Threads
from cronlane_service.store.ticks import Ticks
from cronlane_service.store.versions import Versions
from cronlane_service.store.webhooks import Webhooks
from cronlane_service.store.zones import Zones


class Transaction:
    """The stores on one connection, for one transaction on it after the other.

    ``notices`` are told to the listeners after the commit.
    """

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.threads = Threads(connection)
        self.crons = Crons(connection)
        self.zones = Zones(connection)
        self.ticks = Ticks(connection)
        self.firings = Firings(connection)
        self.runs = Runs(connection)
        self.assistants = Assistants(connection)
        self.versions = Versions(connection)
        self.requests = Requests(connection)
        self.purges = Purges(connection)
        self.events = Events(connection)
        self.webhooks = Webhooks(connection)
        self.notices: dict[Notice, None] = {}  # a set that keeps its order

    def begin_write(self, *, wait: bool = True) -> None:
        self.connection.begin_write(wait=wait)
        self.assistants.forget()

    @contextmanager
    def apart(self) -> Iterator[None]:
        self.connection.settle()  # so that what fails from here on was done inside
        try:
            with self.connection.savepoint():
                yield
        except BaseException as error:
            self.assistants.forget()  # what it found inside may not be there any more
            if not isinstance(error, peewee.PeeweeException):
                raise
            engine = self.connection.engine
            if engine.unavailable(error) is not None or engine.tries(error) > 1:
                raise  # not the fault of what was written: the database's, or of other servers
            raise ValueError(f"the database refuses it: {error}") from error

    def notify(self, topic: Topic, key: str = "") -> None:
        self.notices[topic, key] = None


def keep_soonest(notices: dict[Notice, None]) -> None:
    """Of crons that came to be due only the first: who fires them looks for the others then."""
    due = sorted(notice for notice in notices if notice[0] is Topic.CRONS)
    for later in due[1:]:
        del notices[later]
