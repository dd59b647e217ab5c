# Written by client/generate_sync.py from cronlane/_async; not to be edited.
"""The client: one connection, and the resources behind it."""

from __future__ import annotations

from types import TracebackType

from cronlane._channel import SyncConnection
from cronlane._sync.assistants import SyncAssistantsClient
from cronlane._sync.crons import SyncCronsClient
from cronlane._sync.runs import SyncRunsClient
from cronlane._sync.store import SyncStoreClient
from cronlane._sync.threads import SyncThreadsClient


def get_sync_client(
    target: str = "127.0.0.1:50051", *, api_key: str | None = None, timeout: float | None = None
) -> SyncCronlaneClient:
    """A client of the service at ``host:port``; nothing is sent before the first call.

    ``api_key`` goes with every call as ``x-api-key``. ``timeout`` in seconds holds for every call that names none
    itself; None waits as long as it takes. Raises InvalidRequest for a target that is none.
    """
    return SyncCronlaneClient(SyncConnection(target, api_key=api_key, timeout=timeout))


class SyncCronlaneClient:
    """Threads, runs, crons and assistants of one service, with the official SDK's calls and dicts.

    Every call raises CronlaneError: NotFound, InvalidRequest, Conflict, Unavailable and the others of `errors`.
    """

    def __init__(self, connection: SyncConnection) -> None:
        self._connection = connection
        self.assistants = SyncAssistantsClient(connection)
        self.threads = SyncThreadsClient(connection)
        self.runs = SyncRunsClient(connection)
        self.crons = SyncCronsClient(connection)
        self.store = SyncStoreClient(connection)

    def __enter__(self) -> SyncCronlaneClient:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connection; calls under way fail with Unavailable."""
        self._connection.close()
