"""The long-term store: real files, and real graphs that use it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, TypedDict

import pytest
from langgraph.config import get_store
from langgraph.graph import START, StateGraph
from langgraph.store.base import BaseStore

from builders import NOON
from cronlane_service.domain.errors import InvalidField, StoreUnavailable
from cronlane_service.domain.items import ItemDraft, ItemQuery, NamespaceQuery
from cronlane_service.domain.runs import MultitaskStrategy, Run, RunStatus
from cronlane_service.runner.items import LocalItems
from cronlane_service.runner.local import LocalGraphs
from runner.sample import loaded

ANN, BOB = "ann@example.com", ""


@pytest.fixture
async def items(tmp_path: Path) -> AsyncIterator[LocalItems]:
    items = LocalItems(tmp_path / "store.db")
    await items.open()
    yield items
    await items.close()


def draft(namespace: str, key: str = "k", value: str = "{}", **more: Any) -> ItemDraft:
    return ItemDraft(tuple(namespace.split(".")), key, value, **more)


async def found(items: LocalItems, owner: str = ANN, **query: Any) -> list[str]:
    return sorted(".".join((*item.namespace, item.key)) for item in await items.search(owner, ItemQuery(**query)))


async def namespaces(items: LocalItems, owner: str = ANN, **query: Any) -> list[str]:
    return [".".join(labels) for labels in await items.namespaces(owner, NamespaceQuery(**query))]


async def test_an_item_comes_back_with_its_numbers_and_the_order_of_its_keys(items: LocalItems) -> None:
    value = '{"z":1,"a":1.0,"big":9007199254740993,"least":-9223372036854775808,"é":["ü",null,true,{}]}'
    await items.put(ANN, draft("a.b", value=value))
    item = await items.get(ANN, ("a", "b"), "k")
    assert item is not None
    assert (item.namespace, item.key, item.value) == (("a", "b"), "k", value)
    assert item.created_at.tzinfo is not None
    assert item.created_at == item.updated_at


async def test_writing_replaces_and_deleting_what_is_not_there_is_no_error(items: LocalItems) -> None:
    for value in ('{"n":1}', '{"n":2}'):
        await items.put(ANN, draft("a", value=value))
    item = await items.get(ANN, ("a",), "k")
    assert item is not None
    assert item.value == '{"n":2}'
    for _ in range(2):
        await items.delete(ANN, ("a",), "k")
        assert await items.get(ANN, ("a",), "k") is None


async def test_owners_see_their_own_items_alone(items: LocalItems) -> None:
    await items.put(ANN, draft("a.b"))
    await items.put(BOB, draft("a.c"))
    assert await found(items, ANN) == ["a.b.k"]
    assert await found(items, BOB) == ["a.c.k"]
    assert await namespaces(items, BOB) == ["a.c"]
    assert await items.get(BOB, ("a", "b"), "k") is None
    await items.delete(BOB, ("a", "b"), "k")
    assert await items.get(ANN, ("a", "b"), "k") is not None
    assert await namespaces(items, ANN, suffix=("*", "b")) == ["a.b"]
    assert await namespaces(items, ANN, suffix=("*", "a", "b")) == [], "the owner is no label of theirs"
    assert await namespaces(items, BOB, prefix=("*",), max_depth=1) == ["a"]


async def test_a_search_filters_and_pages(items: LocalItems) -> None:
    for name, value in {
        "x": '{"color":"red","n":1,"at":{"x":[1,2.5]}}',
        "y": '{"color":"blue","n":2}',
        "z": '{"n":3,"ok":true}',
    }.items():
        await items.put(ANN, draft(f"things.{name}", value=value))
    await items.put(ANN, draft("thingsx", value='{"color":"red"}'))
    assert await found(items, prefix=("things",)) == ["things.x.k", "things.y.k", "things.z.k"]
    for condition, names in {
        '{"color":"red"}': ["things.x.k"],
        '{"n":{"$gt":1}}': ["things.y.k", "things.z.k"],
        '{"n":{"$gte":2,"$lt":3}}': ["things.y.k"],
        '{"color":"red","n":2}': [],
        '{"at":{"x":[1,2.5]}}': ["things.x.k"],
        '{"ok":true}': ["things.z.k"],
        '{"n":{"$ne":1}}': ["things.y.k", "things.z.k"],
    }.items():
        assert await found(items, prefix=("things",), filter=condition) == names, condition
    pages = [await found(items, prefix=("things",), limit=2, offset=offset) for offset in (0, 2, 4)]
    assert [len(page) for page in pages] == [2, 1, 0]
    assert sorted(pages[0] + pages[1]) == ["things.x.k", "things.y.k", "things.z.k"]


async def test_a_filter_that_the_store_cannot_apply_is_refused(items: LocalItems) -> None:
    with pytest.raises(InvalidField) as caught:
        await items.search(ANN, ItemQuery(filter='{"it\'s": 1}'))
    assert caught.value.field == "filter"
    await items.put(ANN, draft("a"))
    assert await found(items) == ["a.k"], "and it goes on"


async def test_namespaces_are_listed_by_prefix_suffix_and_depth(items: LocalItems) -> None:
    for namespace in ("a", "a.b", "x.y.z", "x.y.w", "*"):
        await items.put(ANN, draft(namespace))
    assert await namespaces(items) == ["*", "a", "a.b", "x.y.w", "x.y.z"]
    assert await namespaces(items, prefix=("x",)) == ["x.y.w", "x.y.z"]
    assert await namespaces(items, prefix=("x", "*", "z")) == ["x.y.z"]
    assert await namespaces(items, suffix=("b",)) == ["a.b"]
    assert await namespaces(items, prefix=("x",), suffix=("w",)) == ["x.y.w"]
    assert await namespaces(items, max_depth=2) == ["*", "a", "a.b", "x.y"]
    assert await namespaces(items, limit=2, offset=1) == ["a", "a.b"]
    assert await namespaces(items, limit=0) == []


async def test_an_item_goes_when_its_time_is_over(items: LocalItems) -> None:
    await items.put(ANN, draft("a", "short", ttl=0.0005))
    await items.put(ANN, draft("a", "long", ttl=60.0))
    assert items._store is not None

    async def gone() -> bool:
        await items._store.sweep_ttl()  # type: ignore[union-attr]
        return await found(items) == ["a.long"]

    for _ in range(100):
        if await gone():
            break
        await asyncio.sleep(0.05)
    assert await found(items) == ["a.long"]


async def test_a_caller_who_is_cancelled_leaves_no_transaction_open(items: LocalItems) -> None:
    for _ in range(30):
        call = asyncio.ensure_future(items.put(ANN, draft("a")))
        await asyncio.sleep(0)
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)
    await items.put(ANN, draft("b"))
    assert await items.get(ANN, ("b",), "k") is not None


async def test_other_loops_of_other_threads_can_use_it(items: LocalItems) -> None:
    await asyncio.to_thread(lambda: asyncio.run(items.put(ANN, draft("a"))))
    assert await asyncio.to_thread(lambda: asyncio.run(found(items))) == ["a.k"]


async def test_what_was_written_is_there_after_a_restart(tmp_path: Path) -> None:
    for expected in ([], ["a.k"]):
        items = LocalItems(tmp_path / "store.db")
        await items.open()
        assert await found(items) == expected
        await items.put(ANN, draft("a"))
        await items.close()
    with pytest.raises(StoreUnavailable):
        await items.get(ANN, ("a",), "k")


async def test_a_file_that_is_none_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    path.write_text("this is no database, and long enough not to be taken for an empty one" * 20)
    with pytest.raises(StoreUnavailable, match=r"store\.db"):
        await LocalItems(path).open()


class Memory(TypedDict, total=False):
    seen: list[str]


def remembers(state: Memory) -> Memory:
    """A plain function, which runs in a thread."""
    store = get_store()
    store.put(("notes",), "sync", {"by": "sync", "n": 1.0})
    item = store.get(("notes",), "sync")
    assert item is not None
    return {"seen": [*item.namespace, item.value["by"]]}


async def recalls(state: Memory, *, store: BaseStore) -> Memory:
    await store.aput(("notes",), "async", {"by": "async"})
    items = await store.asearch(("notes",))
    with pytest.raises(asyncio.InvalidStateError, match="await"):
        store.get(("notes",), "async")
    return {"seen": [*state["seen"], *sorted(item.key for item in items)]}


async def test_nodes_and_the_api_see_the_same_items_of_the_runs_owner(tmp_path: Path) -> None:
    graph = StateGraph(Memory).add_node("remembers", remembers).add_node("recalls", recalls)
    graph = graph.add_edge(START, "remembers").add_edge("remembers", "recalls")
    items = LocalItems(tmp_path / "store.db")
    graphs = LocalGraphs(loaded(graph.compile()), tmp_path / "checkpoints.db", items)
    await graphs.open()
    try:
        await items.put(ANN, draft("notes", "api"))
        await items.put(BOB, draft("notes", "bobs"))
        outcome = await graphs.execute(run_of(ANN))
        assert outcome.status is RunStatus.SUCCESS, outcome.error
        assert json.loads(outcome.values or "") == {"seen": ["notes", "sync", "api", "async", "sync"]}
        assert await found(items) == ["notes.api", "notes.async", "notes.sync"]
        assert await found(items, BOB) == ["notes.bobs"]
        item = await items.get(ANN, ("notes",), "sync")
        assert item is not None
        assert item.value == '{"by":"sync","n":1.0}'
    finally:
        await graphs.close()


def run_of(owner: str) -> Run:
    return Run(
        run_id="00000000-0000-7000-8000-000000000001",
        owner=owner,
        thread_id="00000000-0000-7000-8000-000000000002",
        assistant_id="00000000-0000-7000-8000-000000000003",
        graph_id="agent",
        created_at=NOON,
        updated_at=NOON,
        status=RunStatus.RUNNING,
        metadata="{}",
        kwargs='{"input":{}}',
        multitask_strategy=MultitaskStrategy.ENQUEUE,
        attempt=1,
    )
