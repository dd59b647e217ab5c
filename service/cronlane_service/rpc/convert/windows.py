"""Which part of a search is asked for, and what of it is answered."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeAlias, TypeVar

from google.protobuf.message import Message

from cronlane.v1.assistants_pb2 import ListAssistantVersionsRequest, SearchAssistantsRequest
from cronlane.v1.crons_pb2 import SearchCronsRequest
from cronlane.v1.runs_pb2 import ListRunsRequest
from cronlane.v1.threads_pb2 import SearchThreadsRequest
from cronlane_service.domain.errors import InvalidField
from cronlane_service.domain.queries import Page, Window
from cronlane_service.rpc.convert import words

Search: TypeAlias = SearchThreadsRequest | SearchCronsRequest | SearchAssistantsRequest
M = TypeVar("M", bound=Message)
T = TypeVar("T")

_LIMIT = 10


def window(request: Search, newest_by: str = "created_at") -> Window:
    """Unless the request sorts: the newest first, by this instant."""
    order = words.SORT_ORDER.word("sort_order", request.sort_order)
    return Window(
        limit=request.limit if request.HasField("limit") else _LIMIT,
        offset=request.offset,
        sort_by=request.sort_by or newest_by,
        descending=not (request.sort_by and order == "asc"),
    )


def run_window(request: ListRunsRequest) -> Window:
    return Window(limit=request.limit if request.HasField("limit") else _LIMIT, offset=request.offset)


def version_window(request: ListAssistantVersionsRequest) -> Window:
    return Window(limit=request.limit if request.HasField("limit") else _LIMIT, offset=request.offset)


def following(window: Window, page: Page[T]) -> int | None:
    """The offset of the next page, None on the last."""
    reached = window.offset + len(page.items)
    return reached if page.items and reached < page.total else None


def selection(kind: type[Message], names: Sequence[str]) -> frozenset[str]:
    """The names, checked. Raises InvalidField for one that is not a field of the resource."""
    fields = kind.DESCRIPTOR.fields_by_name if names else {}
    for name in names:
        if name not in fields:
            raise InvalidField("select", f"{name} is not one of {', '.join(fields)}")
    return frozenset(names)


def selected(messages: Iterable[M], names: frozenset[str]) -> list[M]:
    """The messages, of which all other fields are cleared; none is when no name is given."""
    kept = list(messages)
    if names:
        for message in kept:
            for field, _ in message.ListFields():
                if field.name not in names:
                    message.ClearField(field.name)
    return kept
