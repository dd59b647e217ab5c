"""Items of the long-term store."""

from __future__ import annotations

from cronlane.v1 import store_pb2 as pb
from cronlane_service.domain import items
from cronlane_service.domain.errors import InvalidField
from cronlane_service.domain.items import ItemDraft, ItemQuery, NamespaceQuery
from cronlane_service.rpc.convert.documents import document, text
from cronlane_service.rpc.convert.instants import timestamp


def item(item: items.Item) -> pb.Item:
    return pb.Item(
        namespace=item.namespace,
        key=item.key,
        value=document(item.value),
        created_at=timestamp(item.created_at),
        updated_at=timestamp(item.updated_at),
    )


def found_item(item: items.Item) -> pb.FoundItem:
    return pb.FoundItem(
        namespace=item.namespace,
        key=item.key,
        value=document(item.value),
        created_at=timestamp(item.created_at),
        updated_at=timestamp(item.updated_at),
        score=item.score,
    )


def key(request: pb.PutItemRequest | pb.GetItemRequest | pb.DeleteItemRequest) -> str:
    """It may be empty, but must be there."""
    if not request.HasField("key"):
        raise InvalidField("key", "is required")
    return request.key


def draft(request: pb.PutItemRequest) -> ItemDraft:
    return ItemDraft(
        namespace=tuple(request.namespace),
        key=key(request),
        value=text(request, "value") or "",
        index=text(request, "index"),
        ttl=request.ttl if request.HasField("ttl") else None,
    )


def query(request: pb.SearchItemsRequest) -> ItemQuery:
    return ItemQuery(
        prefix=tuple(request.namespace_prefix),
        filter=text(request, "filter"),
        limit=request.limit if request.HasField("limit") else 10,
        offset=request.offset,
        query=request.query or None,
        refresh_ttl=request.refresh_ttl if request.HasField("refresh_ttl") else None,
    )


def namespace_query(request: pb.ListNamespacesRequest) -> NamespaceQuery:
    return NamespaceQuery(
        prefix=tuple(request.prefix),
        suffix=tuple(request.suffix),
        max_depth=request.max_depth if request.HasField("max_depth") else None,
        limit=request.limit if request.HasField("limit") else 100,
        offset=request.offset,
    )
