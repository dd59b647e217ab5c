"""The platform's objects: which members a resource has, and those that are more than a field."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import cache
from typing import Any, cast

from google.protobuf.descriptor import Descriptor
from google.protobuf.message import Message

from cronlane import _json
from cronlane._crons import end_time_text, payload_text
from cronlane._encode import field_text, object_text
from cronlane._fields import fields
from cronlane.errors import InvalidRequest
from cronlane.v1.runs_pb2 import RunOutcome
from cronlane.v1.threads_pb2 import THREAD_STATUS_IDLE, Thread

# The text of a member; None leaves it out.
_Writer = Callable[[Any], str | None]
_Shape = Mapping[str, _Writer | None]  # by member; None: the field of that name


def _names(text: str) -> dict[str, _Writer | None]:
    return dict.fromkeys(text.split())


def _null(_: Message) -> str:
    return "null"


def _thread_error(thread: Thread) -> str | None:
    if thread.HasField("error"):
        return object_text(thread.error)
    never_ran = thread.status == THREAD_STATUS_IDLE and not thread.HasField("values")
    return None if never_ran else "null"


_SHAPES: Mapping[str, _Shape] = {
    "cronlane.v1.Assistant": _names(
        "assistant_id graph_id config context created_at updated_at metadata version name description"
    ),
    "cronlane.v1.Thread": {
        **_names("thread_id created_at updated_at state_updated_at metadata status config values interrupts"),
        "error": _thread_error,
    },
    "cronlane.v1.Cron": {
        **_names("cron_id assistant_id thread_id user_id schedule timezone end_time enabled on_run_completed"),
        **_names("next_run_date metadata payload created_at updated_at"),
        "end_time": end_time_text,
        "payload": payload_text,
    },
    "cronlane.v1.Run": {
        **_names("run_id thread_id assistant_id created_at updated_at status metadata kwargs multitask_strategy"),
        "langsmith_session_name": _null,
    },
}
# Members that the official SDKs let a caller select and that no reply has.
_NEVER_ANSWERED = {
    "cronlane.v1.Thread": {"context"},
    "cronlane.v1.Cron": {"now"},
    "cronlane.v1.Run": {"cancel_reason"},
}


@cache
def shape(message: Descriptor) -> _Shape:
    return _SHAPES.get(message.full_name) or {field.name: None for field in message.fields}


def encode(message: Message, select: Collection[str] = ()) -> str:
    """The JSON object of a message in the platform's shape; with ``select``, of these members alone."""
    plain = fields(message)
    found: dict[str, str] = {}
    for name, writer in shape(cast(Descriptor, message.DESCRIPTOR)).items():
        if not select or name in select:
            text = writer(message) if writer else field_text(message, plain[name])
            if text is not None:
                found[name] = text
    return _json.join(found)


def check_select(message: Descriptor, select: Collection[str]) -> None:
    """Raises InvalidRequest when a member is selected that the resource does not have."""
    known = shape(message)
    unknown = set(select) - known.keys() - _NEVER_ANSWERED.get(message.full_name, set())
    if unknown:
        raise InvalidRequest.of("select", f"{min(unknown)!r} is none of {', '.join(known)}")


def outcome_text(outcome: RunOutcome) -> str:
    """What waiting for a run answers: the final values, with ``__interrupt__``; or ``__error__``."""
    if outcome.run.HasField("error"):
        return _json.join({"__error__": object_text(outcome.run.error)})
    values = outcome.values.text or "null"
    interrupts = outcome.interrupts.text.strip()
    if not interrupts or not _json.elements(interrupts) or values.lstrip()[:1] not in "{n":
        return values
    return _json.join({**_json.members(values if values != "null" else "{}"), "__interrupt__": interrupts})
