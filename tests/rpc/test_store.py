from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import grpc
import pytest
from google.protobuf import json_format

from cronlane.v1 import store_pb2 as pb
from cronlane.v1.common_pb2 import Json
from cronlane.v1.store_pb2_grpc import StoreServiceStub
from cronlane_service.runner.items import LocalItems


@pytest.fixture
async def store(serve: Callable[..., Awaitable[Any]], items: LocalItems) -> AsyncIterator[Any]:
    await items.open()
    _, port = await serve()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield StoreServiceStub(channel)  # type: ignore[no-untyped-call]
    await items.close()


def put(key: str = "k", value: str = '{"n": 1.50}', **more: Any) -> pb.PutItemRequest:
    return pb.PutItemRequest(**{"namespace": ["a", "b"], "key": key, "value": Json(text=value), **more})


async def test_an_item_is_written_read_found_and_deleted(store: Any) -> None:
    await store.PutItem(put(index=Json(text="false"), ttl=5))
    item = await store.GetItem(pb.GetItemRequest(namespace=["a", "b"], key="k", refresh_ttl=False))
    assert (list(item.namespace), item.key, item.value.text) == (["a", "b"], "k", '{"n":1.5}')
    assert item.created_at.seconds > 0
    found = await store.SearchItems(pb.SearchItemsRequest(namespace_prefix=["a"], filter=Json(text='{"n": 1.5}')))
    assert [each.key for each in found.items] == ["k"]
    assert not found.items[0].HasField("score")
    listed = await store.ListNamespaces(pb.ListNamespacesRequest(max_depth=1))
    assert json_format.MessageToDict(listed) == {"namespaces": [{"labels": ["a"]}]}
    await store.DeleteItem(pb.DeleteItemRequest(namespace=["a", "b"], key="k"))
    assert not (await store.SearchItems(pb.SearchItemsRequest())).items


async def test_a_value_may_be_typed_by_hand(store: Any) -> None:
    request = json_format.ParseDict({"namespace": ["a"], "key": "", "value": {"value": {"n": 1}}}, pb.PutItemRequest())
    await store.PutItem(request)
    assert (await store.GetItem(pb.GetItemRequest(namespace=["a"], key=""))).value.text == '{"n":1}'


async def test_what_is_not_there_is_not_found_and_deleting_it_is_no_error(store: Any, refused: Any) -> None:
    refusal = await refused(store.GetItem(pb.GetItemRequest(namespace=["a"], key="k")))
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.NOT_FOUND, "NOT_FOUND")
    await store.DeleteItem(pb.DeleteItemRequest(namespace=["a"], key="k"))


@pytest.mark.parametrize(
    ("method", "request_", "field"),
    [
        ("PutItem", pb.PutItemRequest(key="k", value=Json(text="{}")), "namespace"),
        ("PutItem", pb.PutItemRequest(namespace=["a"], value=Json(text="{}")), "key"),
        ("PutItem", pb.PutItemRequest(namespace=["a"], key="k"), "value"),
        ("PutItem", put(value="[]"), "value"),
        ("PutItem", put(index=Json(text="1")), "index"),
        ("PutItem", put(ttl=0), "ttl"),
        ("PutItem", put(namespace=["a.b"]), "namespace"),
        ("GetItem", pb.GetItemRequest(key="k"), "namespace"),
        ("GetItem", pb.GetItemRequest(namespace=["a"]), "key"),
        ("DeleteItem", pb.DeleteItemRequest(namespace=["a"]), "key"),
        ("SearchItems", pb.SearchItemsRequest(limit=0), "limit"),
        ("SearchItems", pb.SearchItemsRequest(filter=Json(text='{"a b": 1}')), "filter"),
        ("ListNamespaces", pb.ListNamespacesRequest(max_depth=0), "max_depth"),
    ],
)
async def test_a_wrong_field_is_named(store: Any, refused: Any, method: str, request_: Any, field: str) -> None:
    refusal = await refused(getattr(store, method)(request_))
    assert (refusal.code, refusal.fields) == (grpc.StatusCode.INVALID_ARGUMENT, [field])


async def test_a_store_that_is_closed_is_unavailable(store: Any, items: LocalItems, refused: Any) -> None:
    await items.close()
    refusal = await refused(store.GetItem(pb.GetItemRequest(namespace=["a"], key="k")))
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.UNAVAILABLE, "STORE_UNAVAILABLE")
