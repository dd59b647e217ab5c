"""The differences between what two servers answered to the same calls."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from differential.recording import Answer

_ID = re.compile(r"[0-9a-fA-F]{8}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{12}")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
_VERSION = re.compile(r"\d+\.\d+\.\d+\S*")
_NOW = timedelta(hours=1)
# What texts of errors must say alike; any other text of an error is only a text.
_QUOTED = [
    re.compile(text)
    for text in (
        r"Invalid (thread|run|cron|assistant) ID: must be a UUID",
        r"Invalid JSON in request body",
        r"Invalid cron schedule: '.*'\. Reason: .*",
        r"Invalid timezone: '.*'\. Use IANA timezone format.*",
        r"Assistant '.*' not found",
        r"Thread with ID '.*' not found\. .*",
        r"Cron '.*' not found",
        r"Request body cannot be empty.*",
        r"Thread with ID [^']* not found",
        r"Thread with ID [^']* already exists",
        r"Node .* does not exist",
        r"Thread or assistant not found\.",
        r"No runs found to cancel\.",
        r"No matching runs .*",
        r"Run not found",
        r"Thread is already running a task\. .*",
        r"Cannot specify both configurable and context\. .*",
        r"Graph '.*' not found\. Expected one of: .*",
        r"Assistant .* already exists",
        r"Not Found",
        r"Method Not Allowed",
    )
]


@dataclass(frozen=True)
class Difference:
    """One place of one call where the answers differ."""

    call: str
    place: str
    official: str
    ours: str

    def __str__(self) -> str:
        return f"{self.call} | {self.place} | {self.official} | {self.ours}"


class Comparison:
    """Ids of one server are bound to those of the other where they first stand in the same place."""

    def __init__(self) -> None:
        self._bound: dict[str, str] = {}
        self._taken: dict[str, str] = {}

    def differences(self, official: Sequence[Answer], ours: Sequence[Answer]) -> Iterator[Difference]:
        names = [[answer.call for answer in answers] for answers in (official, ours)]
        for call in dict.fromkeys(names[0] + names[1]):
            pairs = [[answer for answer in answers if answer.call == call] for answers in (official, ours)]
            if len(pairs[0]) != len(pairs[1]):
                yield Difference(call, "requests", str(len(pairs[0])), str(len(pairs[1])))
            for left, right in zip(*pairs, strict=False):
                for place, one, other in self._answers(left, right):
                    yield Difference(call, place, one, other)

    def _answers(self, official: Answer, ours: Answer) -> Iterator[tuple[str, str, str]]:
        if official.status != ours.status:
            yield "status", _told(official), _told(ours)
            return
        yield from self._values("headers", official.headers, ours.headers)
        if isinstance(official.status, int) and official.status >= 400:
            yield from self._errors(official.body, ours.body)
        elif official.headers.get("content-type", "").startswith("text/event-stream"):
            yield from self._events(official.body, ours.body)
        elif not official.call.startswith("GET /openapi.json"):
            yield from self._values("body", official.body, ours.body)

    def _errors(self, official: Any, ours: Any) -> Iterator[tuple[str, str, str]]:
        texts = [body.get("detail") if isinstance(body, dict) else None for body in (official, ours)]
        if not all(isinstance(text, str) for text in texts):
            yield from self._values("body", official, ours)
            return
        quoted = next((pattern for pattern in _QUOTED if pattern.fullmatch(texts[0] or "")), None)
        if quoted is not None and not quoted.fullmatch(texts[1] or ""):
            yield "body.detail", _short(texts[0]), _short(texts[1])

    def _events(self, official: Any, ours: Any) -> Iterator[tuple[str, str, str]]:
        names = [[_unnamed(event.get("event", "")) for event in events or []] for events in (official, ours)]
        if names[0] != names[1]:
            yield "events", _short(names[0]), _short(names[1])
            return
        for one, other in zip(official, ours, strict=True):
            yield from self._values(f"event {_unnamed(one.get('event', ''))}", _kept(one), _kept(other))

    def _values(self, place: str, official: Any, ours: Any) -> Iterator[tuple[str, str, str]]:
        if isinstance(official, dict) and isinstance(ours, dict):
            yield from self._objects(place, official, ours)
        elif isinstance(official, list) and isinstance(ours, list):
            if len(official) != len(ours):
                yield f"{place}[]", f"{len(official)} {_short(official)}", f"{len(ours)} {_short(ours)}"
                return
            for one, other in zip(official, ours, strict=True):
                yield from self._values(f"{place}[]", one, other)
        elif type(official) is not type(ours) or not self._alike(official, ours):
            yield place, _short(official), _short(ours)

    def _objects(self, place: str, official: dict[str, Any], ours: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
        left, right = ({_unnamed(key): key for key in found} for found in (official, ours))
        for key in sorted(left.keys() | right.keys()):
            at = f"{place}.{key}"
            if key not in right:
                yield at, _short(official[left[key]]), "absent"
            elif key not in left:
                yield at, "absent", _short(ours[right[key]])
            else:
                yield from self._values(at, official[left[key]], ours[right[key]])

    def _alike(self, official: Any, ours: Any) -> bool:
        if not isinstance(official, str):
            return bool(official == ours)
        if _TIME.fullmatch(official) and _TIME.fullmatch(ours):
            return official == ours or (_is_now(official) and _is_now(ours) and _form(official) == _form(ours))
        if _VERSION.fullmatch(official) and _VERSION.fullmatch(ours):
            return True
        texts = [_ID.sub("<id>", text) for text in (official, ours)]
        ids = zip(_ID.findall(official), _ID.findall(ours), strict=False)
        return texts[0] == texts[1] and all(self._same(one, other) for one, other in ids)

    def _same(self, official: str, ours: str) -> bool:
        """Binds two ids seen for the first time."""
        if official not in self._bound and ours not in self._taken:
            self._bound[official], self._taken[ours] = ours, official
        return self._bound.get(official) == ours


def _unnamed(key: str) -> str:
    return _ID.sub("<id>", key)


def _kept(event: dict[str, Any]) -> dict[str, Any]:
    """Ids of events are the server's own affair; that there is one is not."""
    return {"data": event["data"], "id": "id" in event}


def _is_now(time: str) -> bool:
    return abs(datetime.fromisoformat(time) - datetime.now(UTC)) < _NOW  # noqa: TID251 - a test's own clock


def _form(time: str) -> str:
    return re.sub(r"\d", "0", time)


def _told(answer: Answer) -> str:
    return f"{answer.status} {_short(answer.body)}" if isinstance(answer.body, dict) else str(answer.status)


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 120 else f"{text[:117]}..."
