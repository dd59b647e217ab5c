# Written by client/generate_sync.py from cronlane/_async; not to be edited.
"""The long-term store: JSON objects by namespace and key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from cronlane._channel import SyncConnection
from cronlane._convert import Object, fill, plain
from cronlane.errors import NotFound
from cronlane.v1 import store_pb2
from cronlane.v1.store_pb2_grpc import StoreServiceStub


class SyncStoreClient:
    """Writes, reads, finds and deletes items, which the nodes of graphs see too.

    An item is a dict ``{namespace, key, value, created_at, updated_at}``: ``namespace`` a list of labels, the outermost
    first, none of them empty or with a dot in it, ``value`` a dict, times ISO 8601 strings in UTC.
    """

    def __init__(self, connection: SyncConnection) -> None:
        self._connection = connection

    def put_item(
        self,
        namespace: Sequence[str],
        /,
        key: str,
        value: Mapping[str, Any],
        index: Literal[False] | Sequence[str] | None = None,
        ttl: float | None = None,
        *,
        timeout: float | None = None,
    ) -> None:
        """Writes an item, over the one that is there.

        ``ttl`` in minutes, from now or from when it is next read: after that it may go. ``index`` matters to stores
        with an index. Raises InvalidRequest. Source: StoreService.PutItem.
        """
        stub = self._connection.stub(StoreServiceStub)
        request = fill(
            store_pb2.PutItemRequest(), namespace=list(namespace), key=key, value=value, index=index, ttl=ttl
        )
        self._connection.call(stub.PutItem, request, timeout)

    def get_item(
        self, namespace: Sequence[str], /, key: str, *, refresh_ttl: bool | None = None, timeout: float | None = None
    ) -> Object | None:
        """The item; None when there is none. Raises InvalidRequest. Source: StoreService.GetItem."""
        stub = self._connection.stub(StoreServiceStub)
        request = fill(store_pb2.GetItemRequest(), namespace=list(namespace), key=key, refresh_ttl=refresh_ttl)
        try:
            return plain(self._connection.call(stub.GetItem, request, timeout))
        except NotFound:
            return None

    def delete_item(self, namespace: Sequence[str], /, key: str, *, timeout: float | None = None) -> None:
        """Deletes an item if it is there. Raises InvalidRequest. Source: StoreService.DeleteItem."""
        stub = self._connection.stub(StoreServiceStub)
        request = fill(store_pb2.DeleteItemRequest(), namespace=list(namespace), key=key)
        self._connection.call(stub.DeleteItem, request, timeout)

    def search_items(
        self,
        namespace_prefix: Sequence[str],
        /,
        filter: Mapping[str, Any] | None = None,  # noqa: A002 - the SDK's name
        limit: int = 10,
        offset: int = 0,
        query: str | None = None,
        *,
        refresh_ttl: bool | None = None,
        timeout: float | None = None,
    ) -> Object:
        """``{items}``: those below a prefix, the last written first, each with ``score`` (None without an index).

        ``filter``: members of the value, ``{"n": {"$gt": 1}}`` compares. ``limit`` 1 or more. ``query`` matters to
        stores with an index. Raises InvalidRequest. Source: StoreService.SearchItems.
        """
        stub = self._connection.stub(StoreServiceStub)
        request = fill(
            store_pb2.SearchItemsRequest(),
            namespace_prefix=list(namespace_prefix),
            filter=filter,
            limit=limit,
            offset=offset,
            query=query,
            refresh_ttl=refresh_ttl,
        )
        return plain(self._connection.call(stub.SearchItems, request, timeout))

    def list_namespaces(
        self,
        prefix: Sequence[str] | None = None,
        suffix: Sequence[str] | None = None,
        max_depth: int | None = None,
        limit: int = 100,
        offset: int = 0,
        *,
        timeout: float | None = None,
    ) -> Object:
        """``{namespaces}``: those that hold items, cut to ``max_depth`` labels; ``*`` in prefix or suffix is any label.

        Raises InvalidRequest. Source: StoreService.ListNamespaces.
        """
        stub = self._connection.stub(StoreServiceStub)
        request = fill(
            store_pb2.ListNamespacesRequest(),
            prefix=None if prefix is None else list(prefix),
            suffix=None if suffix is None else list(suffix),
            max_depth=max_depth,
            limit=limit,
            offset=offset,
        )
        return plain(self._connection.call(stub.ListNamespaces, request, timeout))
