"""The thread-centric protocol as the LangGraph SDKs speak it: envelopes around commands, replies and events."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from starlette.responses import Response

from cronlane import _json
from cronlane._protocol import event_text
from cronlane.errors import CronlaneError, InvalidRequest, NotFound, Unimplemented
from cronlane.rest.exchange import Exchange, JsonResponse
from cronlane.rest.streaming import answer, begun, sse
from cronlane.v1.thread_protocol_pb2 import SendCommandRequest, SendCommandResponse, ThreadEvent

_ANSWERED = (InvalidRequest, NotFound, Unimplemented)
"""What is wrong with a command itself; the rest are statuses of HTTP."""


async def command(exchange: Exchange) -> Response:
    request = exchange.request
    text, wrong = await carried_out(request, exchange.reply)
    malformed = wrong and not (request.method and request.HasField("id"))
    return JsonResponse(text, 400 if malformed else 200)


async def carried_out(
    request: SendCommandRequest, send: Callable[[], Awaitable[SendCommandResponse]]
) -> tuple[str, bool]:
    """The reply, and whether it is an error. Raises CronlaneError for what is not the command's fault."""
    number = request.id if request.HasField("id") else None
    try:
        if number is None:
            raise InvalidRequest("Protocol commands must include an integer id and string method.")
        reply = await send()
    except _ANSWERED as error:
        return refused(number, error), True
    return succeeded(number, {"run_id": reply.run_id}, reply.applied_through_seq), False


def succeeded(number: int, result: dict[str, Any], seq: int) -> str:
    return _json.dump({"type": "success", "id": number, "result": result, "meta": {"applied_through_seq": seq}})


def refused(number: int | None, error: CronlaneError) -> str:
    return _json.dump({"type": "error", "id": number, "error": _code(error), "message": str(error)})


def _code(error: CronlaneError) -> str:
    if error.reason == "UNKNOWN_COMMAND":
        return "unknown_command"
    if error.metadata.get("kind") == "interrupt":
        return "no_such_interrupt"
    return "invalid_argument" if isinstance(error, InvalidRequest) else "unknown_error"


async def events(exchange: Exchange) -> Response:
    return answer(exchange, await begun(exchange), {}, _chunk)


def _chunk(event: ThreadEvent | CronlaneError) -> bytes:
    if isinstance(event, CronlaneError):
        return sse("error", refused(None, event))
    return sse(event.method, event_text(event), str(event.seq))
