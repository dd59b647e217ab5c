"""What happens in runs."""

from __future__ import annotations

from collections.abc import Sequence

from cronlane.v1 import common_pb2, threads_pb2
from cronlane.v1 import runs_pb2 as pb
from cronlane_service.domain.events import ERROR, METADATA, PROTOCOL, RUN_DONE, STATE_UPDATE, RunEvent
from cronlane_service.rpc.convert import words
from cronlane_service.rpc.convert.documents import document


def event(happened: RunEvent, *, resumable: bool) -> pb.RunEvent:
    name = METADATA if happened.event == RUN_DONE else happened.event.removeprefix(PROTOCOL)
    return pb.RunEvent(id=str(happened.seq) if resumable else "", event=name, data=document(happened.data))


class OfRun:
    """Which events a follower of a run wants: all, or those of some modes and errors."""

    def __init__(self, modes: Sequence[common_pb2.StreamMode.ValueType]) -> None:
        self._modes = frozenset(words.STREAM_MODE.all("stream_mode", modes, unspecified="values"))

    def wants(self, happened: RunEvent) -> bool:
        if happened.event == RUN_DONE or _protocols_own(happened):
            return False
        return not self._modes or happened.event == ERROR or _mode(happened.event) in self._modes


class OfThread:
    """Which events a follower of a thread wants."""

    def __init__(self, modes: Sequence[threads_pb2.ThreadStreamMode.ValueType]) -> None:
        self._modes = frozenset(words.THREAD_STREAM_MODE.all("stream_mode", modes, unspecified="run-modes"))

    def wants(self, happened: RunEvent) -> bool:
        if happened.event == STATE_UPDATE:
            return "state-update" in self._modes
        if _protocols_own(happened):
            return False
        if not self._modes or "run-modes" in self._modes:
            return True
        return "lifecycle" in self._modes and happened.event in (METADATA, RUN_DONE)


def _protocols_own(happened: RunEvent) -> bool:
    """What only the thread-centric protocol tells; of the rest of what it tells, the stream modes do the same."""
    return happened.event.startswith(PROTOCOL) and _mode(happened.event) not in ("values", "updates", "custom")


def _mode(event: str) -> str:
    name = event.removeprefix(PROTOCOL).partition("|")[0]
    return "messages-tuple" if name == "messages" else name.partition("/")[0]
