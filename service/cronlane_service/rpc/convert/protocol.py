"""Commands and events of the thread-centric protocol."""

from __future__ import annotations

from collections.abc import Mapping

from google.protobuf.timestamp_pb2 import Timestamp

from cronlane.v1 import thread_protocol_pb2 as pb
from cronlane_service.domain import checks, jsontext
from cronlane_service.domain.drafts import RunDraft
from cronlane_service.domain.errors import InvalidField
from cronlane_service.domain.models import RunTemplate
from cronlane_service.domain.protocol import ProtocolEvent, Subscription
from cronlane_service.domain.runs import MultitaskStrategy
from cronlane_service.rpc.convert.documents import document, text

Params = Mapping[str, str]
"""What a command was given: JSON texts by name; null is absent."""


def params(request: pb.SendCommandRequest) -> Params:
    if not request.method:
        problem = "Protocol commands must include an integer id and string method."
        raise InvalidField("method", "is required", problem)
    found = checks.json_object("params", text(request, "params"))
    return {name: value for name, value in found.items() if value != "null"}


def start(given: Params) -> RunDraft:
    if not (assistant_id := _string(given, "assistant_id")):
        raise InvalidField("assistant_id", "is required", "run.start requires an assistant_id.")
    strategy = _string(given, "multitask_strategy")
    if strategy and strategy not in list(MultitaskStrategy):
        raise InvalidField("multitask_strategy", f"must be one of {', '.join(MultitaskStrategy)}")
    template = RunTemplate(
        input=given.get("input"),
        config=given.get("config"),
        context=given.get("context"),
        multitask_strategy=MultitaskStrategy(strategy) if strategy else None,
    )
    return RunDraft(assistant_id=assistant_id, metadata=given.get("metadata"), run=template)


def answers(given: Params) -> Mapping[str, str]:
    """JSON texts by the id of what they answer."""
    if "responses" not in given:
        asked = _string(given, "interrupt_id")
        return {asked: given.get("response", "null")} if asked else {}
    try:
        each = [jsontext.members(entry) for entry in jsontext.elements(given["responses"])]
    except ValueError as error:
        raise InvalidField("responses", f"must be a list of objects: {error}") from None
    return {_string(entry, "interrupt_id"): entry.get("response", "null") for entry in each}


def respond(given: Params) -> RunDraft:
    """What goes with the answers."""
    command = jsontext.join({name: given[name] for name in ("update", "goto") if name in given})
    return RunDraft(metadata=given.get("metadata"), run=RunTemplate(config=given.get("config"), command=command))


def subscription(request: pb.StreamEventsRequest) -> Subscription:
    return Subscription(
        frozenset(request.channels),
        tuple(tuple(path.segments) for path in request.namespaces),
        request.depth if request.HasField("depth") else None,
    )


def event(told: ProtocolEvent) -> pb.ThreadEvent:
    seconds, microseconds = divmod(told.seq, 1_000_000)
    return pb.ThreadEvent(
        seq=told.seq,
        method=told.method,
        namespace=told.namespace,
        time=Timestamp(seconds=seconds, nanos=microseconds * 1000),
        data=document(told.data),
    )


def _string(given: Params, name: str) -> str:
    """Empty when it is not there."""
    found = jsontext.parse(given.get(name, '""'))
    if not isinstance(found, str):
        raise InvalidField(name, "must be a string")
    return found
