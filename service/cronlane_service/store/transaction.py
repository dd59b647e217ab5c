"""What an operation gets: the stores of one transaction, and a place for its notifications."""

from __future__ import annotations

from cronlane_service.domain.ports import Topic
from cronlane_service.store.assistants import Assistants
from cronlane_service.store.connection import Connection
from cronlane_service.store.crons import Crons
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
    """The stores on one connection; ``notices`` are told to the listeners after the commit."""

    def __init__(self, connection: Connection) -> None:
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
        self.notices: dict[tuple[Topic, str], None] = {}  # a set that keeps its order

    def notify(self, topic: Topic, key: str = "") -> None:
        self.notices[topic, key] = None
