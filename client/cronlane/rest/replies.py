"""Replies of the service as the platform answers them over HTTP."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import cache

from google.protobuf.descriptor import Descriptor, FieldDescriptor, MethodDescriptor
from starlette.responses import Response

from cronlane._fields import fields
from cronlane._graphs import subgraphs_text
from cronlane._shapes import check_select, encode, encode_all
from cronlane.errors import NotFound
from cronlane.rest import protocol
from cronlane.rest.exchange import Exchange, JsonResponse, run_headers
from cronlane.rest.streaming import new_run_events, run_events, thread_events
from cronlane.rest.waiting import outcome
from cronlane.v1.crons_pb2 import Cron

Reply = Callable[[Exchange], Awaitable[Response]]


async def resource(exchange: Exchange) -> Response:
    return JsonResponse(encode(await exchange.reply()))


async def cron(exchange: Exchange) -> Response:
    """The selected members are cut out here, as those of a page."""
    select = _selected(exchange, Cron.DESCRIPTOR)
    return JsonResponse(encode(await exchange.reply(), select))


def _selected(exchange: Exchange, message: Descriptor) -> list[str]:
    """Takes them out of the request. Raises InvalidRequest."""
    select = list(exchange.request.select)
    if select:
        check_select(message, select)
        exchange.request.ClearField("select")
    return select


@cache
def listed_field(method: MethodDescriptor) -> FieldDescriptor:
    """The field of a reply that holds the resources."""
    return next(field for field in method.output_type.fields if field.is_repeated)


async def page(exchange: Exchange) -> Response:
    """A bare array; what is around it goes into headers.

    The selected members are cut out here: the service does not know every member that can be selected.
    """
    listed = listed_field(exchange.binding.method)
    assert listed.message_type is not None
    select = _selected(exchange, listed.message_type)
    reply = await exchange.reply()
    headers = {}
    if "total" in fields(reply):
        headers["x-pagination-total"] = str(reply.total)
        if reply.HasField("next_offset"):
            headers["x-pagination-next"] = str(reply.next_offset)
    return JsonResponse(encode_all(getattr(reply, listed.name), select), headers=headers)


async def listing(exchange: Exchange) -> Response:
    """A bare array."""
    name = listed_field(exchange.binding.method).name
    return JsonResponse(encode_all(getattr(await exchange.reply(), name)))


async def subgraphs(exchange: Exchange) -> Response:
    return JsonResponse(subgraphs_text(await exchange.reply()))


async def count(exchange: Exchange) -> Response:
    return JsonResponse(str((await exchange.reply()).count))


async def deleted(exchange: Exchange) -> Response:
    await exchange.reply()
    return Response(status_code=204)


async def written(exchange: Exchange) -> Response:
    await exchange.reply()
    return Response(status_code=204)


async def item(exchange: Exchange) -> Response:
    """Null when there is none."""
    try:
        return JsonResponse(encode(await exchange.reply()))
    except NotFound:
        return JsonResponse("null")


async def changed_thread(exchange: Exchange) -> Response:
    thread = await exchange.reply()
    preferred = [each.strip().lower() for each in exchange.http.headers.get("prefer", "").split(",")]
    return Response(status_code=204) if "return=minimal" in preferred else JsonResponse(encode(thread))


async def created_run(exchange: Exchange) -> Response:
    run = await exchange.reply()
    stateless = not exchange.request.HasField("thread_id")
    where = f"/runs/{run.run_id}" if stateless else f"/threads/{run.thread_id}/runs/{run.run_id}"
    return JsonResponse(encode(run), headers={"content-location": where})


async def cancelled(exchange: Exchange) -> Response:
    await exchange.reply()
    if not exchange.request.wait:
        return Response(status_code=202)
    # The JavaScript SDK wants JSON with any status but 202 and 204.
    return JsonResponse("{}", headers=run_headers(exchange.request.thread_id, exchange.request.run_id))


# By method; for all others the reply is the resource.
REPLIES: Mapping[str, Reply] = {
    "SearchAssistants": page,
    "ListAssistantVersions": listing,
    "GetThreadHistory": listing,
    "GetSubgraphs": subgraphs,
    "GetCron": cron,
    "SearchThreads": page,
    "SearchCrons": page,
    "ListRuns": page,
    "CountAssistants": count,
    "CountThreads": count,
    "CountCrons": count,
    "DeleteAssistant": deleted,
    "DeleteThread": deleted,
    "DeleteCron": deleted,
    "DeleteRun": deleted,
    "UpdateThread": changed_thread,
    "CreateRun": created_run,
    "CancelRun": cancelled,
    "CreateRuns": listing,
    "CancelRuns": deleted,
    "WaitRun": outcome,
    "JoinRun": outcome,
    "PutItem": written,
    "GetItem": item,
    "DeleteItem": deleted,
    "StreamRun": new_run_events,
    "JoinRunStream": run_events,
    "StreamThread": thread_events,
    "SendCommand": protocol.command,
    "StreamEvents": protocol.events,
}
