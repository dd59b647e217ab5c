"""The thread-centric protocol: its events and its requests in the shapes of the LangGraph SDKs."""

from __future__ import annotations

from cronlane import _json
from cronlane._decode import decode
from cronlane.errors import InvalidRequest
from cronlane.v1.thread_protocol_pb2 import StreamEventsRequest, ThreadEvent


def event_text(event: ThreadEvent) -> str:
    params = _json.join(
        {
            "namespace": _json.dump(list(event.namespace)),
            "timestamp": str(event.time.ToMilliseconds()),
            "data": event.data.text,
        }
    )
    return _json.join(
        {
            "type": '"event"',
            "event_id": f'"{event.seq}"',
            "seq": str(event.seq),
            "method": _json.dump(event.method),
            "params": params,
        }
    )


def subscription(message: StreamEventsRequest, text: str) -> None:
    """Fills a request from what JSON clients send. Raises InvalidRequest."""
    left = decode(text, message, ignore=("thread_id",), clears=("since", "depth")).left
    namespaces = left.get("namespaces", "null")
    if namespaces == "null":
        return
    try:
        places = [_json.elements(place) for place in _json.elements(namespaces)]
        for place in places:
            message.namespaces.add(segments=[_json.string(segment) for segment in place])
    except ValueError:
        raise InvalidRequest.of("namespaces", "must be a list of lists of strings") from None
