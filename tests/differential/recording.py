"""A client that records what a server answers to each call."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
from langgraph_sdk.client import SyncLangGraphClient
from langgraph_sdk.errors import LangGraphError

from serving import wait_until

HEADERS = (
    "access-control-allow-credentials",
    "access-control-allow-headers",
    "access-control-allow-methods",
    "access-control-allow-origin",
    "access-control-allow-private-network",
    "access-control-expose-headers",
    "allow",
    "cache-control",
    "content-location",
    "content-type",
    "location",
    "x-accel-buffering",
    "x-pagination-next",
    "x-pagination-total",
)
_PATIENCE = 60  # seconds


@dataclass(frozen=True)
class Answer:
    """What a client sees of one answer; the body of an event stream is the list of its events."""

    call: str
    status: int | str
    headers: dict[str, str]
    body: Any


@dataclass
class Recorder(httpx.BaseTransport):
    """Sends requests and keeps the answers, under the name of the call under way."""

    url: str
    call: str = ""
    answers: list[Answer] = field(default_factory=list)

    def __post_init__(self) -> None:
        # The official server closes the connection after some failures: each request has its own.
        self._inner = httpx.HTTPTransport(limits=httpx.Limits(max_keepalive_connections=0))

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        try:
            response = self._inner.handle_request(request)
            response.read()
        except httpx.TransportError as error:
            self._keep(Answer(self.call, type(error).__name__, {}, None))
            raise
        headers = {name: response.headers[name] for name in HEADERS if name in response.headers}
        self._keep(Answer(self.call, response.status_code, self._without_address(headers), _body(response)))
        plain = [(name, value) for name, value in response.headers.items() if name != "content-encoding"]
        return httpx.Response(response.status_code, headers=plain, content=response.content)

    def _keep(self, answer: Answer) -> None:
        self.answers.append(answer)

    def _without_address(self, headers: dict[str, str]) -> dict[str, str]:
        return {name: value.replace(self.url, "<url>") for name, value in headers.items()}

    def close(self) -> None:
        self._inner.close()


class Api:
    """The official SDK and plain HTTP on one recorder, and a client that leaves no record."""

    def __init__(self, url: str) -> None:
        self.recorder = Recorder(url)
        self._client = httpx.Client(base_url=url, transport=self.recorder, timeout=_PATIENCE)
        self.sdk = SyncLangGraphClient(self._client)
        self.quiet = httpx.Client(base_url=url, timeout=_PATIENCE)

    def __call__(self, call: str, action: Callable[..., Any], /, *values: Any, **named: Any) -> Any:
        """What the SDK made of the answer; None when that was an error."""
        self.recorder.call = call
        try:
            answer = action(*values, **named)
            return list(answer) if isinstance(answer, Iterator) else answer
        except (httpx.HTTPError, LangGraphError):
            return None

    def http(self, call: str, method: str, path: str, **options: Any) -> Any:
        """Without the SDK: for what it cannot send."""
        self.recorder.call = call
        try:
            response = self._client.request(method, path, **options)
        except httpx.TransportError:
            return None
        return _body(response)

    def events(self, call: str, path: str, enough: Callable[[list[Any]], bool], **options: Any) -> None:
        """Reads a stream that does not end by itself until there is enough."""
        with self.quiet.stream("GET", path, **options) as response:
            headers = {name: response.headers[name] for name in HEADERS if name in response.headers}
            if response.is_error:
                response.read()
                body = _body(response)
            else:
                body = _read(response, enough)
            self.recorder.answers.append(Answer(call, response.status_code, headers, body))

    def settled(self, thread_id: str) -> str:
        """Waits until a thread has no run any more; its status."""
        return self.until(lambda: (status := self._status(thread_id)) != "busy" and status, "the thread is not busy")

    def running(self, thread_id: str, run_id: str) -> None:
        path = f"/threads/{thread_id}/runs/{run_id}"
        self.until(lambda: self.quiet.get(path).json().get("status") == "running", "the run is running")

    def begun(self, thread_id: str, run_id: str) -> None:
        """Its first node is at work: what the graph says before is told to who waits for it, or not, as it happens."""
        self.running(thread_id, run_id)

        def working() -> bool:
            metadata = self.quiet.get(f"/threads/{thread_id}/state").json()["metadata"] or {}
            return (metadata.get("run_id"), metadata.get("source")) == (run_id, "loop")  # after the values were told

        self.until(working, "it has begun")

    def until(self, condition: Callable[[], Any], description: str) -> Any:
        return wait_until(condition, description=description, within=_PATIENCE, every=0.1)

    def _status(self, thread_id: str) -> str:
        return str(self.quiet.get(f"/threads/{thread_id}").json()["status"])

    def close(self) -> None:
        self._client.close()
        self.quiet.close()


def _body(response: httpx.Response) -> Any:
    kind = response.headers.get("content-type", "")
    if kind.startswith("text/event-stream"):
        return _events(response.text)
    if kind.startswith("application/json") and response.content:
        return json.loads(response.content)
    return None


def _read(response: httpx.Response, enough: Callable[[list[Any]], bool]) -> list[Any]:
    read, last = "", time.monotonic() + _PATIENCE
    for text in response.iter_text():
        read += text
        if enough(_events(read)) or time.monotonic() > last:
            break
    return _events(read)


def _events(text: str) -> list[dict[str, Any]]:
    """The whole events of a stream, without its comments."""
    found = []
    for block in text.replace("\r\n", "\n").split("\n\n")[:-1]:
        lines = [line.partition(": ") for line in block.split("\n") if line and not line.startswith(":")]
        if lines:
            event: dict[str, Any] = {name: value for name, _, value in lines}
            found.append(event | {"data": json.loads(event["data"]) if event.get("data") else None})
    return found
