"""Webhooks: which URLs may be called, and what they are told when a run has ended."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from ipaddress import IPv4Address, IPv6Address, ip_address
from urllib.parse import SplitResult, urlsplit

from cronlane_service.domain import jsontext
from cronlane_service.domain.errors import InvalidField
from cronlane_service.domain.immutable import immutable
from cronlane_service.domain.runs import Run, RunError

LONGEST = 2048
CANCELLED = RunError("UserInterrupt", "The run was cancelled")
ROLLED_BACK = RunError("UserRollback", "The run was cancelled and rolled back")


class Hosts(StrEnum):
    """Which hosts may be called."""

    PUBLIC = "public"  # those that all the world can reach
    PRIVATE = "private"  # and those of private networks
    ANY = "any"  # and this machine itself, and whatever else has an address


@immutable
class Webhook:
    """A call that is to be made. ``attempts`` counts the one under way."""

    run_id: str
    owner: str
    url: str
    body: str  # without the instant at which it is sent
    created_at: datetime
    next_attempt_at: datetime
    attempts: int = 0
    last_error: str | None = None


def check(url: str | None, hosts: Hosts) -> None:
    """Raises InvalidField for what is no URL of a host that may be called. Names are not resolved."""
    if url is None:
        return
    parts = _parts(url)
    if parts.scheme and parts.scheme not in ("http", "https"):
        raise _blocked(f"scheme '{parts.scheme}' not allowed")
    if not parts.scheme or not parts.hostname:
        raise InvalidField("webhook", "must be an absolute http or https URL", "Invalid webhook hostname ''")
    named = parts.hostname.rstrip(".").lower()
    if hosts is not Hosts.ANY and (named == "localhost" or named.endswith(".localhost")):
        raise _blocked("localhost address")
    problem = blocked(named, hosts)
    if problem is not None:
        raise _blocked(problem)


def _parts(url: str) -> SplitResult:
    if len(url) > LONGEST:
        raise InvalidField("webhook", f"must not be longer than {LONGEST} characters")
    if any(mark <= " " or mark == "\x7f" for mark in url):
        raise InvalidField("webhook", "must not hold blanks or control characters")
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        raise InvalidField("webhook", f"is not a URL: {error}") from None
    return parts


def _blocked(problem: str) -> InvalidField:
    return InvalidField("webhook", f"host blocked: {problem}", f"Webhook host blocked: {problem}")


def blocked(host: str, hosts: Hosts) -> str | None:
    """Why an address may not be called; None: it may, or it is a name."""
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, IPv6Address):
        address = address.ipv4_mapped or address.sixtofour or address
    if hosts is Hosts.ANY:
        return None
    if address.is_loopback:
        return "loopback IP range"
    if _odd(address) or (hosts is Hosts.PUBLIC and not address.is_global):
        return "blocked IP range"
    return None


def _odd(address: IPv4Address | IPv6Address) -> bool:
    """Not the address of one machine somewhere."""
    return address.is_unspecified or address.is_link_local or address.is_multicast or address.is_reserved


def url(run: Run) -> str | None:
    """What is to be called when the run has ended; nothing when its kwargs cannot be read, which ended it."""
    try:
        found = jsontext.parse(jsontext.members(run.kwargs).get("webhook", "null"))
    except ValueError:
        return None
    return found if isinstance(found, str) else None


def body(run: Run, values: str | None, error: RunError | None) -> str:
    """The Run as the REST API shows it, and how it ended."""
    return jsontext.join(
        {
            **_run(run),
            "run_started_at": _instant(run.started_at),
            "run_ended_at": _instant(run.ended_at),
            "values": values or "null",
            **({} if error is None else {"error": jsontext.dump({"error": error.error, "message": error.message})}),
        }
    )


def sent(webhook: Webhook, now: datetime) -> bytes:
    """The body as it goes out at this instant."""
    return f'{webhook.body[:-1]},"webhook_sent_at":{_instant(now)}}}'.encode()


def _run(run: Run) -> dict[str, str]:
    return {
        "run_id": jsontext.dump(run.run_id),
        "thread_id": jsontext.dump(run.thread_id),
        "assistant_id": jsontext.dump(run.assistant_id),
        "created_at": _instant(run.created_at),
        "updated_at": _instant(run.updated_at),
        "status": jsontext.dump(run.status.value),
        "metadata": run.metadata,
        "kwargs": run.kwargs,
        "multitask_strategy": jsontext.dump(run.multitask_strategy.value),
        "langsmith_session_name": "null",
    }


def _instant(instant: datetime | None) -> str:
    return "null" if instant is None else jsontext.dump(instant.isoformat(timespec="microseconds"))
