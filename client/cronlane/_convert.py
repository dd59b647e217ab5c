"""Python values into requests, and replies into dicts in the SDK's shapes: always through JSON text."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Collection, Mapping, Sequence, Set
from datetime import date, datetime, tzinfo
from typing import Any, NamedTuple, TypeVar
from uuid import UUID

from google.protobuf.message import Message

from cronlane import _json
from cronlane._decode import decode
from cronlane._shapes import encode, outcome_text
from cronlane.errors import InvalidRequest, RunFailed
from cronlane.v1.runs_pb2 import RunEvent, RunOutcome

Object = dict[str, Any]
Objects = list[dict[str, Any]]
M = TypeVar("M", bound=Message)


def body(given: Mapping[str, Any], nullable: Collection[str] = ()) -> str:
    """The JSON object of a call's arguments, without those that are None. Raises InvalidRequest."""
    return _json.join(
        {name: _text(name, value) for name, value in given.items() if value is not None or name in nullable}
    )


def _text(name: str, value: Any) -> str:
    try:
        return _json.dump(value, _plain)
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidRequest.of(name, f"is not JSON: {error}") from None


def _plain(value: Any) -> Any:
    """What JSON cannot say, as something it can: messages of LangChain and pydantic models among it."""
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    if isinstance(value, tzinfo):
        return getattr(value, "key", None) or value.tzname(None)
    if isinstance(value, UUID):
        return str(value)
    for kind, form in ((Mapping, dict), (Set, list), (Sequence, list)):
        if isinstance(value, kind):
            return form(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if callable(dump := getattr(value, "model_dump", None)):
        return dump()
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")


def fill(message: M, **given: Any) -> M:
    """The message with its fields set from a call's arguments. Raises InvalidRequest."""
    decode(body(given), message)
    return message


def plain(message: Message, select: Collection[str] = ()) -> Object:
    """A resource as the SDK gives it."""
    found: Object = json.loads(encode(message, select))
    return found


class StreamPart(NamedTuple):
    """Something that happened in a run; ``id`` is that to come back to, None when there is no coming back."""

    event: str
    data: Any
    id: str | None = None


def part(message: RunEvent) -> StreamPart:
    return StreamPart(message.event, json.loads(message.data.text), message.id or None)


def outcome(message: RunOutcome) -> Any:
    """The final values, with ``__interrupt__``; or ``__error__``."""
    return json.loads(outcome_text(message))


def checked(values: Any) -> Any:
    """The same values. Raises RunFailed when they say that the run failed."""
    error = values.get("__error__") if isinstance(values, dict) else None
    if isinstance(error, dict):
        raise RunFailed(str(error.get("error")), str(error.get("message")))
    return values
