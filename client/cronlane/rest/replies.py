"""Replies of the service as the platform answers them over HTTP."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from google.protobuf.descriptor import FieldDescriptor
from starlette.responses import Response

from cronlane import _json
from cronlane._fields import fields
from cronlane._shapes import check_select, encode
from cronlane.rest.exchange import Exchange, json_response, run_headers
from cronlane.rest.routes import Binding
from cronlane.rest.waiting import outcome

Reply = Callable[[Exchange], Awaitable[Response]]


async def resource(exchange: Exchange) -> Response:
    return json_response(encode(await exchange.reply()))


def listed_field(binding: Binding) -> FieldDescriptor:
    """The field of a reply that holds the resources."""
    return next(field for field in binding.method.output_type.fields if field.is_repeated)


async def page(exchange: Exchange) -> Response:
    """A bare array; what is around it goes into headers.

    The selected members are cut out here: the service does not know every member that can be selected.
    """
    listed = listed_field(exchange.binding)
    assert listed.message_type is not None
    select = list(exchange.request.select)
    check_select(listed.message_type, select)
    exchange.request.ClearField("select")
    reply = await exchange.reply()
    headers = {}
    if "total" in fields(reply):
        headers["x-pagination-total"] = str(reply.total)
        if reply.HasField("next_offset"):
            headers["x-pagination-next"] = str(reply.next_offset)
    return json_response(_json.listed(encode(each, select) for each in getattr(reply, listed.name)), headers=headers)


async def count(exchange: Exchange) -> Response:
    return json_response(str((await exchange.reply()).count))


async def deleted(exchange: Exchange) -> Response:
    await exchange.reply()
    return Response(status_code=204)


async def changed_thread(exchange: Exchange) -> Response:
    thread = await exchange.reply()
    preferred = [each.strip().lower() for each in exchange.http.headers.get("prefer", "").split(",")]
    return Response(status_code=204) if "return=minimal" in preferred else json_response(encode(thread))


async def created_run(exchange: Exchange) -> Response:
    run = await exchange.reply()
    headers = run_headers(run.thread_id, run.run_id)
    if not exchange.request.HasField("thread_id"):
        headers["content-location"] = f"/runs/{run.run_id}"
    return json_response(encode(run), headers=headers)


async def cancelled(exchange: Exchange) -> Response:
    await exchange.reply()
    if not exchange.request.wait:
        return Response(status_code=202)
    # The JavaScript SDK wants JSON with any status but 202 and 204.
    return json_response("null", headers=run_headers(exchange.request.thread_id, exchange.request.run_id))


# By method; for all others the reply is the resource.
REPLIES: Mapping[str, Reply] = {
    "SearchAssistants": page,
    "SearchThreads": page,
    "SearchCrons": page,
    "ListRuns": page,
    "CountAssistants": count,
    "CountThreads": count,
    "CountCrons": count,
    "DeleteThread": deleted,
    "DeleteCron": deleted,
    "DeleteRun": deleted,
    "UpdateThread": changed_thread,
    "CreateRun": created_run,
    "CancelRun": cancelled,
    "WaitRun": outcome,
    "JoinRun": outcome,
}
