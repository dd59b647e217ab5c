"""What Prometheus may read: requests answered, and what the process uses."""

from __future__ import annotations

import gc
import os
import threading
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from starlette.requests import Request
from starlette.responses import Response

_VERBS = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})
_SELF = Path("/proc/self")


class Requests:
    """How many HTTP requests were answered, by method and status."""

    def __init__(self) -> None:
        self.answered: Counter[tuple[str, int]] = Counter()

    def count(self, verb: str, status: int) -> None:
        """An answer that starts."""
        self.answered[verb if verb in _VERBS else "other", status] += 1


class _Metric(NamedTuple):
    name: str
    kind: str
    about: str
    samples: Sequence[tuple[str, float]]  # labels and value


def metrics(version: str, requests: Requests) -> Callable[[Request], Awaitable[Response]]:
    """The endpoint."""
    started = time.time()

    async def answer(_: Request) -> Response:
        found = [*_service(version, requests), *_process(started)]
        return Response("".join(map(_text, found)), media_type="text/plain; version=0.0.4; charset=utf-8")

    return answer


def _service(version: str, requests: Requests) -> Iterator[_Metric]:
    yield _Metric("cronlane_info", "gauge", "The version that runs.", [(f'version="{version}"', 1)])
    answered = [
        (f'method="{verb}",status="{status}"', number) for (verb, status), number in sorted(requests.answered.items())
    ]
    yield _Metric("cronlane_http_requests_total", "counter", "HTTP requests answered.", answered)


def _process(started: float) -> Iterator[_Metric]:
    """Under the names that Prometheus's own clients use; what the system does not tell is left out."""
    used = os.times()
    yield _Metric("process_cpu_seconds_total", "counter", "User and system time.", [("", used.user + used.system)])
    yield _Metric("process_start_time_seconds", "gauge", "When it began to serve, in Unix time.", [("", started)])
    yield _Metric("python_threads", "gauge", "Threads of Python.", [("", threading.active_count())])
    collections = [(f'generation="{n}"', each["collections"]) for n, each in enumerate(gc.get_stats())]
    yield _Metric("python_gc_collections_total", "counter", "Garbage collections.", collections)
    if _SELF.is_dir():
        virtual, resident = (int(pages) * os.sysconf("SC_PAGE_SIZE") for pages in _pages())
        yield _Metric("process_virtual_memory_bytes", "gauge", "Virtual memory.", [("", virtual)])
        yield _Metric("process_resident_memory_bytes", "gauge", "Resident memory.", [("", resident)])
        yield _Metric("process_open_fds", "gauge", "Open files and sockets.", [("", len(os.listdir(_SELF / "fd")))])


def _pages() -> list[str]:
    return (_SELF / "statm").read_text().split()[:2]


def _text(metric: _Metric) -> str:
    samples = "".join(
        f"{metric.name}{{{labels}}} {value}\n" if labels else f"{metric.name} {value}\n"
        for labels, value in metric.samples
    )
    return f"# HELP {metric.name} {metric.about}\n# TYPE {metric.name} {metric.kind}\n{samples}"
