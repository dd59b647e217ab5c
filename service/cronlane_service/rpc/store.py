"""The servicer of StoreService."""

from __future__ import annotations

from google.protobuf.empty_pb2 import Empty

from cronlane.v1 import store_pb2 as pb
from cronlane.v1.store_pb2_grpc import StoreServiceServicer
from cronlane_service.rpc.auth import Context, owner
from cronlane_service.rpc.convert import items as convert
from cronlane_service.usecases.items import Items


class StoreServicer(StoreServiceServicer):
    """The long-term store over gRPC."""

    def __init__(self, items: Items) -> None:
        self._items = items

    async def PutItem(self, request: pb.PutItemRequest, context: Context) -> Empty:  # noqa: N802
        await self._items.put(owner(context), convert.draft(request))
        return Empty()

    async def GetItem(self, request: pb.GetItemRequest, context: Context) -> pb.Item:  # noqa: N802
        refresh = request.refresh_ttl if request.HasField("refresh_ttl") else None
        found = await self._items.get(owner(context), tuple(request.namespace), convert.key(request), refresh)
        return convert.item(found)

    async def DeleteItem(self, request: pb.DeleteItemRequest, context: Context) -> Empty:  # noqa: N802
        await self._items.delete(owner(context), tuple(request.namespace), convert.key(request))
        return Empty()

    async def SearchItems(  # noqa: N802
        self, request: pb.SearchItemsRequest, context: Context
    ) -> pb.SearchItemsResponse:
        found = await self._items.search(owner(context), convert.query(request))
        return pb.SearchItemsResponse(items=map(convert.found_item, found))

    async def ListNamespaces(  # noqa: N802
        self, request: pb.ListNamespacesRequest, context: Context
    ) -> pb.ListNamespacesResponse:
        found = await self._items.namespaces(owner(context), convert.namespace_query(request))
        return pb.ListNamespacesResponse(namespaces=[pb.Namespace(labels=labels) for labels in found])
