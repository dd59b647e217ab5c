"""Somebody who is called: an HTTP server on loopback that notes what it is sent, and answers what a test says."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from time import monotonic
from typing import Any, Self

PATIENCE = 20  # seconds


@dataclass(frozen=True)
class Received:
    """One request, when it came."""

    path: str
    headers: dict[str, str]
    body: bytes
    at: float

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Receiver:
    """Answers ``statuses`` one after the other, then 200. While ``held`` is set it answers nobody."""

    def __init__(self, *statuses: int) -> None:
        self.received: list[Received] = []
        self._statuses = list(statuses)
        self._changed = threading.Condition()
        self._free = threading.Event()
        self._free.set()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                receiver._take(self)

            def log_message(self, *_: Any) -> None:
                """Nothing on the console."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})

    def _take(self, request: BaseHTTPRequestHandler) -> None:
        body = request.rfile.read(int(request.headers["content-length"]))
        headers = {name.lower(): value for name, value in request.headers.items()}
        with self._changed:
            self.received.append(Received(request.path, headers, body, monotonic()))
            status = self._statuses.pop(0) if self._statuses else 200
            self._changed.notify_all()
        self._free.wait(PATIENCE)
        try:
            request.send_response(status)
            request.send_header("content-length", "0")
            request.send_header("location", "/elsewhere")
            request.end_headers()
        except OSError:
            return  # who called has hung up meanwhile

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: Any) -> None:
        self._free.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook?token=secret"

    @property
    def port(self) -> int:
        return self._server.server_address[1]

    def hold(self) -> None:
        """From now on nobody is answered."""
        self._free.clear()

    def free(self) -> None:
        """Answers again."""
        self._free.set()

    def wait(self, count: int = 1, within: float = PATIENCE) -> list[Received]:
        """All that was received, when it is so many."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.received) >= count, within), (
                f"{len(self.received)} of {count} came within {within} seconds"
            )
            return list(self.received)
