"""The platform's objects: which members a resource has, and those that are more than a field."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cache, lru_cache
from itertools import repeat
from typing import Any, NamedTuple

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from cronlane import _json
from cronlane._crons import end_time_text, payload_text
from cronlane._encode import Text, object_text, values, written
from cronlane._threads import extracted_text, here_text, id_text, parent_text
from cronlane.errors import InvalidRequest
from cronlane.v1.runs_pb2 import RunOutcome
from cronlane.v1.store_pb2 import ListNamespacesResponse
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


def _namespaces(found: ListNamespacesResponse) -> str:
    return _json.dump([list(namespace.labels) for namespace in found.namespaces])


_SHAPES: Mapping[str, _Shape] = {
    "cronlane.v1.Assistant": _names(
        "assistant_id graph_id config context created_at updated_at metadata version name description"
    ),
    "cronlane.v1.Thread": {
        **_names("thread_id created_at updated_at state_updated_at metadata status config values interrupts"),
        "error": _thread_error,
        "extracted": extracted_text,
    },
    "cronlane.v1.ThreadState": {
        **_names("values next tasks metadata created_at checkpoint parent_checkpoint interrupts checkpoint_id"),
        **_names("parent_checkpoint_id"),
        "checkpoint": here_text,
        "parent_checkpoint": parent_text,
    },
    "cronlane.v1.UpdateThreadStateResponse": {
        "checkpoint": here_text,
        "configurable": here_text,
        "checkpoint_id": id_text,
    },
    "cronlane.v1.Subgraph": _names("input_schema output_schema state_schema config_schema context_schema"),
    "cronlane.v1.Cron": {
        **_names("cron_id assistant_id thread_id user_id schedule timezone end_time enabled on_run_completed"),
        **_names("next_run_date metadata payload created_at updated_at"),
        "end_time": end_time_text,
        "payload": payload_text,
    },
    "cronlane.v1.ListNamespacesResponse": {"namespaces": _namespaces},
    "cronlane.v1.Run": {
        **_names("run_id thread_id assistant_id created_at updated_at status metadata kwargs multitask_strategy"),
        "langsmith_session_name": _null,
    },
}
# Members that the platform does not have: there only when they are selected.
_ADDITIONS: Mapping[str, _Shape] = {
    "cronlane.v1.Cron": _names(
        "at every start_time max_runs jitter dst_policy catch_up catch_up_window overlap pause_after_failures note "
        "disabled_reason paused_at due_at last_outcome counters failures_in_a_row"
    ),
}
_SHORT = 2000  # bytes of a message, the text of which is kept
# Members that are there when they were asked for in another way.
_UNSELECTED = frozenset({"extracted"})
# Members that the official SDKs let a caller select and that no reply has.
_NEVER_ANSWERED = {
    "cronlane.v1.Thread": {"context"},
    "cronlane.v1.Cron": {"now"},
    "cronlane.v1.Run": {"cancel_reason"},
}


@cache
def shape(message: Descriptor) -> _Shape:
    return _SHAPES.get(message.full_name) or {field.name: None for field in message.fields}


class _Member(NamedTuple):
    """One that a field stands for, or one that is more than that, which ``special`` writes."""

    name: str
    begin: str
    field: FieldDescriptor
    write: Text
    blank: str
    special: _Writer | None


@cache
def _members(message: Any, *, additions: bool) -> tuple[_Member, ...]:
    found = {**shape(message), **(_ADDITIONS.get(message.full_name, {}) if additions else {})}
    return tuple(_member(message, name, special) for name, special in found.items())


def _member(message: Descriptor, name: str, special: _Writer | None) -> _Member:
    begin, field = f"{_json.quoted(name)}:", message.fields_by_name.get(name, message.fields[0])
    write, blank = written(field)
    return _Member(name, begin, field, write, begin + blank, special)


def encode(message: Message, select: Collection[str] = ()) -> str:
    """The JSON object of a message in the platform's shape; with ``select``, of these members alone."""
    wire = message.SerializeToString()
    if select or len(wire) > _SHORT:
        return _encoded(message, select)
    return _kept(message.DESCRIPTOR, wire)


def encode_all(messages: Sequence[Message], select: Collection[str] = ()) -> str:
    """The JSON array of messages of one kind."""
    wires = [] if select else [each.SerializeToString() for each in messages]
    if not wires or max(map(len, wires)) > _SHORT:
        return _json.listed([encode(each, select) for each in messages])
    return _json.listed(map(_kept, repeat(messages[0].DESCRIPTOR), wires))


@lru_cache(maxsize=2048)
def _kept(kind: Any, wire: bytes) -> str:
    """Who looks at a list looks at it again, and most of it is as it was: its text is found by what it says."""
    return _encoded(GetMessageClass(kind).FromString(wire))


def _encoded(message: Message, select: Collection[str] = ()) -> str:
    found, texts = values(message), []
    for name, begin, field, write, blank, special in _members(message.DESCRIPTOR, additions=bool(select)):
        if select and name not in select and name not in _UNSELECTED:
            continue
        if special is not None:
            text = special(message)
            if text is not None:
                texts.append(begin + text)
        else:
            texts.append(begin + write(found[field]) if field in found else blank)
    return "{" + ",".join(texts) + "}"


def check_select(message: Descriptor, select: Collection[str]) -> None:
    """Raises InvalidRequest when a member is selected that the resource does not have."""
    if not select:
        return
    every = (*shape(message), *_ADDITIONS.get(message.full_name, {}))
    known = [name for name in every if name not in _UNSELECTED]
    unknown = set(select) - set(known) - _NEVER_ANSWERED.get(message.full_name, set())
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
    questions = _json.listed(_question(each) for each in _json.elements(interrupts))
    return _json.join({**_json.members(values if values != "null" else "{}"), "__interrupt__": questions})


def _question(text: str) -> str:
    """As the platform answers it to who waits: what an answer must look like is never known."""
    return _json.join({**_json.members(text), "response_schema": "null"})
