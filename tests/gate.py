"""A gate that graphs come to: a test sees when a run is under way, and says when it may go on."""

from __future__ import annotations

import socket
from types import TracebackType

PATIENCE = 30  # seconds


class Gate:
    """Graphs connect to its ``port`` and go on when the connection is closed."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(PATIENCE)
        self.waiting: list[socket.socket] = []
        self.port = self._listener.getsockname()[1]

    def arrival(self) -> socket.socket:
        """Waits for the next run to come; close what is answered to let it go on."""
        visitor, _ = self._listener.accept()
        self.waiting.append(visitor)
        return visitor

    def __enter__(self) -> Gate:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for each in (self._listener, *self.waiting):
            each.close()
