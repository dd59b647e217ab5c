"""What the load client is told to do, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import ceil

GRPC, REST = "grpc", "rest"


@dataclass(frozen=True)
class Job:
    """So many callers, each with one call under way, until the time is up or, unless they repeat, all calls are made.

    ``method``: of gRPC, "/package.Service/Method". ``calls``: serialised messages, or whole HTTP/1.1 requests.
    """

    protocol: str
    host: str
    port: int
    calls: list[bytes]
    callers: int = 16
    connections: int = 4
    seconds: float = 1.0
    method: str = ""
    repeat: bool = True
    keep: bool = False


@dataclass
class Result:
    """What came back; times in seconds. ``errors``: how often each way of failing was seen; none is in ``calls``."""

    seconds: float = 0.0
    times: list[float] = field(default_factory=list)
    errors: dict[str, int] = field(default_factory=dict)
    bodies: list[bytes] = field(default_factory=list)
    client_cpu: float = 0.0
    server_cpu: float = 0.0
    reply_size: int = 0

    @property
    def calls(self) -> int:
        return len(self.times)

    @property
    def rate(self) -> float:
        """Calls a second."""
        return self.calls / self.seconds

    @property
    def p99(self) -> float:
        return percentile(self.times, 99)

    @property
    def p50(self) -> float:
        return percentile(self.times, 50)


def percentile(values: list[float], percent: float) -> float:
    """The smallest value that so many percent of the values do not exceed."""
    ordered = sorted(values)
    return ordered[max(ceil(len(ordered) * percent / 100), 1) - 1]
