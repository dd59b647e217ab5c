"""The thread-centric protocol: what happens on a thread, run after run, in channels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from cronlane_service.domain import jsontext
from cronlane_service.domain.errors import InvalidField
from cronlane_service.domain.events import PROTOCOL, RunEvent
from cronlane_service.domain.immutable import immutable
from cronlane_service.domain.runs import Outcome, Run, RunStatus

LIFECYCLE, INPUT, CUSTOM = "lifecycle", "input", "custom"
MODES = ("values", "updates", "messages", "tools", LIFECYCLE, CUSTOM, "tasks", "checkpoints")
"""The stream modes of a run that was started through the protocol."""
CHANNELS = ("values", "updates", "messages", "tools", CUSTOM, LIFECYCLE, INPUT, "checkpoints", "tasks")
_REQUESTED = "input.requested"
_TOLD = frozenset({"values", "updates", CUSTOM, "checkpoints", "tasks"})
"""What a run tells in its stream modes that the protocol tells the same way."""
_INTERRUPTS = "__interrupt__"


@immutable
class ProtocolEvent:
    """``data`` is a JSON text; ``namespace`` is where: empty for the outermost graph."""

    seq: int
    method: str
    namespace: tuple[str, ...]
    data: str

    @property
    def channels(self) -> tuple[str, ...]:
        """Those in which it is told."""
        if self.method == _REQUESTED:
            return (INPUT,)
        return (CUSTOM, *_named(self.data)) if self.method == CUSTOM else (self.method,)


def speaks(modes: Sequence[str]) -> bool:
    """Whether a run with these stream modes was started through the protocol."""
    return LIFECYCLE in modes


def name(method: str, namespace: Sequence[str] = ()) -> str:
    """What an event of the protocol is kept as."""
    return PROTOCOL + "|".join((method, *namespace))


def begun(run: Run) -> RunEvent:
    return RunEvent(name(LIFECYCLE), jsontext.dump({"event": "running", "graph_name": run.graph_id}))


def last(run: Run, outcome: Outcome) -> Iterator[RunEvent]:
    """What waits for a human, and how the run ended."""
    waiting = jsontext.parse(outcome.interrupts) if outcome.stopped else {}
    for question in (each for several in waiting.values() for each in several):
        # The SDKs read `value`, the protocol says `payload`.
        asked = {"interrupt_id": question["id"], "payload": question["value"], "value": question["value"]}
        yield RunEvent(name(_REQUESTED), jsontext.dump(asked))
    yield RunEvent(name(LIFECYCLE), jsontext.dump({**_end(outcome), "graph_name": run.graph_id}))


def _end(outcome: Outcome) -> Mapping[str, str]:
    if outcome.error is not None:
        return {"event": "failed", "error": outcome.error.message or outcome.error.error}
    cancelled = outcome.status is RunStatus.INTERRUPTED
    return {"event": "interrupted" if cancelled or outcome.stopped else "completed"}


def told(event: RunEvent) -> ProtocolEvent | None:
    """What the protocol tells of a recorded event; None: nothing."""
    method, *namespace = event.event.removeprefix(PROTOCOL).split("|")
    if event.event.startswith(PROTOCOL):
        return ProtocolEvent(event.seq, method, tuple(namespace), event.data)
    if method not in _TOLD:
        return None
    data = event.data
    if _INTERRUPTS in data and method in ("values", "updates"):  # told as what is asked
        members = jsontext.members(data)
        members.pop(_INTERRUPTS, None)
        data = jsontext.join(members)
    return ProtocolEvent(event.seq, method, tuple(namespace), data)


def _named(data: str) -> tuple[str, ...]:
    """The channel of its own that something a node wrote has, if it says so."""
    found = jsontext.parse(data)
    label = found.get("name") if isinstance(found, dict) else None
    return (f"{CUSTOM}:{label}",) if isinstance(label, str) and label else ()


@immutable
class Subscription:
    """Which events somebody wants: of these channels, and from these places or up to ``depth`` further inside."""

    channels: frozenset[str]
    namespaces: tuple[tuple[str, ...], ...] = ()
    depth: int | None = None

    def check(self) -> None:
        """Raises InvalidField."""
        if not self.channels:
            raise InvalidField("channels", "is required", "channels is required and must be a non-empty array")
        unknown = {each for each in self.channels if each not in CHANNELS and not each.startswith(f"{CUSTOM}:")}
        if unknown:
            known = f"{', '.join(CHANNELS)}, or any `custom:<name>`"
            problem = f"channels contains unsupported entries: {', '.join(sorted(unknown))}. Allowed: {known}."
            raise InvalidField("channels", "names no channel", problem)
        if self.depth is not None and self.depth < 0:
            raise InvalidField("depth", "must be 0 or more")

    def wants(self, event: ProtocolEvent) -> bool:
        return not self.channels.isdisjoint(event.channels) and self._reaches(event.namespace)

    def _reaches(self, place: Sequence[str]) -> bool:
        if not self.namespaces:
            return self.depth is None or len(place) <= self.depth
        return any(
            _leads(prefix, place) and (self.depth is None or len(place) - len(prefix) <= self.depth)
            for prefix in self.namespaces
        )


def _leads(prefix: Sequence[str], place: Sequence[str]) -> bool:
    """Whether the place is there or further inside; a segment without a task's id is any task of that node."""
    if len(prefix) > len(place):
        return False
    return all(asked in (there, there.partition(":")[0]) for asked, there in zip(prefix, place, strict=False))
