"""The client: one connection, and the resources behind it."""

from __future__ import annotations

from types import TracebackType

from cronlane._async.assistants import AssistantsClient
from cronlane._async.crons import CronsClient
from cronlane._async.runs import RunsClient
from cronlane._async.store import StoreClient
from cronlane._async.threads import ThreadsClient
from cronlane._channel import AsyncConnection


def get_client(
    target: str = "127.0.0.1:50051", *, api_key: str | None = None, timeout: float | None = None
) -> CronlaneClient:
    """A client of the service at ``host:port``; nothing is sent before the first call.

    ``api_key`` goes with every call as ``x-api-key``. ``timeout`` in seconds holds for every call that names none
    itself; None waits as long as it takes. Raises InvalidRequest for a target that is none.
    """
    return CronlaneClient(AsyncConnection(target, api_key=api_key, timeout=timeout))


class CronlaneClient:
    """Threads, runs, crons and assistants of one service, with the official SDK's calls and dicts.

    Every call raises CronlaneError: NotFound, InvalidRequest, Conflict, Unavailable and the others of `errors`.
    """

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection
        self.assistants = AssistantsClient(connection)
        self.threads = ThreadsClient(connection)
        self.runs = RunsClient(connection)
        self.crons = CronsClient(connection)
        self.store = StoreClient(connection)

    async def __aenter__(self) -> CronlaneClient:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Closes the connection; calls under way fail with Unavailable."""
        await self._connection.close()
