"""HTTP requests into the requests of the service: body, query and path."""

from __future__ import annotations

import json
import re
from codecs import BOM_UTF8
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from starlette.datastructures import QueryParams
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.types import Receive, Scope

from cronlane import _json
from cronlane._assistants import assistant_to_update
from cronlane._crons import cron_to_create, cron_to_update
from cronlane._decode import assign, decode
from cronlane._fields import DOTTED, LEVELS, Kind, fields, kind, settable
from cronlane._graphs import levels_text
from cronlane._protocol import subscription
from cronlane._threads import history_request, prune_request, state_request, thread_to_create, thread_to_update
from cronlane.errors import InvalidRequest
from cronlane.rest.routes import Binding
from cronlane.v1 import assistants_pb2, crons_pb2, runs_pb2, thread_states_pb2, threads_pb2
from cronlane.v1.thread_protocol_pb2 import StreamEventsRequest

# The SDKs send the one, the platform reads the other.
_ALSO = {"cronlane.v1.StreamThreadRequest.stream_mode": "stream_modes"}
_TRUTH = {"0": "false", "1": "true", "false": "false", "true": "true"}
_SPACED_OFFSET = re.compile(r"T(.*) (\d\d:?\d\d)$")  # a + that was not escaped in a URL is a blank
_DRAIN = 4  # as many times the limit is read and thrown away, so that the sender gets to see the refusal


class RequestReader:
    """Makes the requests that calls of one binding take. What can be known of them beforehand is found out once."""

    def __init__(self, binding: Binding, max_body: int) -> None:
        self._binding, self._max_body = binding, max_body
        self._message = GetMessageClass(binding.method.input_type)
        self._body = _BODIES.get(binding.method.name, _plain_body) if binding.body else None
        self._query = list(query_fields(binding).items())
        self._path = [(f"v{index}", *path.rpartition(".")[::2]) for index, path in enumerate(binding.variables)]

    async def read(self, scope: Scope, receive: Receive) -> Message:
        """Raises InvalidRequest, and HTTPException for a body too large."""
        message: Message = self._message()
        if self._body is not None:
            self._body(message, await _text(scope, receive, self._max_body), self._binding)
        if self._query and scope["query_string"]:
            self._take_query(message, Request(scope).query_params)
        for variable, owner, name in self._path:
            setattr(getattr(message, owner) if owner else message, name, scope["path_params"][variable])
        return message

    def _take_query(self, message: Message, query: QueryParams) -> None:
        for name, field in self._query:
            raw = [text for each in (name, _ALSO.get(field.full_name)) if each for text in query.getlist(each)]
            if raw and (not field.is_repeated or any(raw)):  # the SDKs send a list that was not given as nothing
                assign(message, field, _query_text(field, raw))


@cache
def query_fields(binding: Binding) -> Mapping[str, FieldDescriptor]:
    """What a query can say: simple fields that neither the body nor the path holds."""
    if binding.body == "*":
        return {}
    taken = {*binding.variables, *binding.unbound}
    simple = (Kind.STRING, Kind.INTEGER, Kind.BOOLEAN, Kind.WORD, Kind.TIME)
    found = settable(binding.method.input_type)
    return {name: field for name, field in found.items() if name not in taken and kind(field) in simple}


def _query_text(field: FieldDescriptor, raw: list[str]) -> str:
    """The JSON that one or several values of a query stand for."""
    if field.full_name in DOTTED:
        return _json.dump(raw[-1].split("."))
    if not field.is_repeated:
        return _simple_text(field, raw[-1])
    if len(raw) == 1 and raw[0].startswith("["):
        return raw[0]
    return _json.listed(_simple_text(field, each) for each in raw)


def _simple_text(field: FieldDescriptor, raw: str) -> str:
    if field.full_name in LEVELS:
        return _levels_text(field, raw)
    if kind(field) is Kind.BOOLEAN:
        return _TRUTH.get(raw, "null")
    if kind(field) is Kind.TIME:
        raw = _SPACED_OFFSET.sub(r"T\1+\2", raw)
    return raw if kind(field) is Kind.INTEGER else json.dumps(raw)


def _levels_text(field: FieldDescriptor, raw: str) -> str:
    try:
        return levels_text(raw)
    except ValueError as error:
        raise InvalidRequest.of(field.name, str(error)) from None


async def _text(scope: Scope, receive: Receive, limit: int) -> str:
    """The body. What is too large is still read for a while, unless the sender waits for leave to send it."""
    if b"expect" in dict(scope["headers"]) and _declared(Request(scope)) > limit:
        raise _too_large(limit)
    chunks, size, more = [], 0, True
    while more and size <= _DRAIN * limit:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        chunk, more = message.get("body", b""), message.get("more_body", False)
        size += len(chunk)
        if size <= limit:
            chunks.append(chunk)
    if size > limit:
        raise _too_large(limit)
    try:
        return b"".join(chunks).removeprefix(BOM_UTF8).decode()
    except UnicodeDecodeError:
        raise InvalidRequest("Invalid JSON in request body") from None


def _too_large(limit: int) -> HTTPException:
    return HTTPException(413, f"Request body is larger than {limit} bytes")


def _declared(http: Request) -> int:
    length = http.headers.get("content-length", "")
    return int(length) if length.isdigit() else 0


def _plain_body(message: Any, text: str, binding: Binding) -> None:
    target = message if binding.body == "*" else getattr(message, binding.body)
    target.SetInParent()
    found = decode(text, target, ignore=(*binding.variables, *binding.unbound))
    if "update_mask" in fields(message):
        message.update_mask.paths.extend(found.taken)


def _new_runs(message: runs_pb2.CreateRunsRequest, text: str, _: Binding) -> None:
    try:
        specs = _json.elements(text)
    except ValueError as error:
        raise InvalidRequest.of("runs", f"must be a JSON array: {error}") from None
    for spec in specs:
        decode(spec, message.runs.add())


def _new_cron(message: crons_pb2.CreateCronRequest, text: str, _: Binding) -> None:
    message.cron.CopyFrom(cron_to_create(text))


def _asked_of_cron(message: Any, text: str, binding: Binding) -> None:
    """There need be no body."""
    _plain_body(message, text if text.strip() else "{}", binding)


def _changed_cron(message: crons_pb2.UpdateCronRequest, text: str, _: Binding) -> None:
    cron, paths = cron_to_update(text)
    message.cron.CopyFrom(cron)
    message.update_mask.paths.extend(paths)


def _changed_assistant(message: assistants_pb2.UpdateAssistantRequest, text: str, _: Binding) -> None:
    assistant, paths = assistant_to_update(text)
    message.assistant.CopyFrom(assistant)
    message.update_mask.paths.extend(paths)


def _new_thread(message: threads_pb2.CreateThreadRequest, text: str, _: Binding) -> None:
    message.CopyFrom(thread_to_create(text))


def _changed_thread(message: threads_pb2.UpdateThreadRequest, text: str, _: Binding) -> None:
    thread, paths = thread_to_update(text)
    message.thread.CopyFrom(thread)
    message.update_mask.paths.extend(paths)


def _pruned(message: threads_pb2.PruneThreadsRequest, text: str, _: Binding) -> None:
    message.CopyFrom(prune_request(text))


def _followed_thread(message: StreamEventsRequest, text: str, _: Binding) -> None:
    subscription(message, text)


def _state(message: thread_states_pb2.GetThreadStateRequest, text: str, _: Binding) -> None:
    message.CopyFrom(state_request(text))


def _history(message: thread_states_pb2.GetThreadHistoryRequest, text: str, _: Binding) -> None:
    message.CopyFrom(history_request(text))


# Where the platform's body is more than the fields of a message.
_BODIES: Mapping[str, Callable[[Any, str, Binding], None]] = {
    "CreateRuns": _new_runs,
    "CreateCron": _new_cron,
    "UpdateCron": _changed_cron,
    "PauseCron": _asked_of_cron,
    "ResumeCron": _asked_of_cron,
    "TriggerCron": _asked_of_cron,
    "UpdateAssistant": _changed_assistant,
    "CreateThread": _new_thread,
    "UpdateThread": _changed_thread,
    "PruneThreads": _pruned,
    "StreamEvents": _followed_thread,
    "GetThreadState": _state,
    "GetThreadHistory": _history,
}
