from __future__ import annotations

from typing import Any

import pytest

from cronlane_service.domain import items
from cronlane_service.domain.errors import InvalidField
from cronlane_service.domain.items import ItemDraft, ItemQuery, NamespaceQuery


def draft(**changes: Any) -> ItemDraft:
    return ItemDraft(**{"namespace": ("a", "b"), "key": "k", "value": "{}", **changes})


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"namespace": ()}, "namespace"),
        ({"namespace": ("a", "")}, "namespace"),
        ({"namespace": ("a.b",)}, "namespace"),
        ({"namespace": ("a\0",)}, "namespace"),
        ({"namespace": ("langgraph", "x")}, "namespace"),
        ({"value": ""}, "value"),
        ({"value": "[1]"}, "value"),
        ({"value": "null"}, "value"),
        ({"value": '{"x": 18446744073709551616}'}, "value"),
        ({"value": '{"x": [{"y": 1e999}]}'}, "value"),
        ({"value": '{"x": "\\ud800"}'}, "value"),
        ({"value": '{"\\ud800": 1}'}, "value"),
        ({"value": '{"x":' + "[" * 300 + "]" * 300 + "}"}, "value"),
        ({"index": "true"}, "index"),
        ({"index": "[1]"}, "index"),
        ({"ttl": 0.0}, "ttl"),
        ({"ttl": -1.0}, "ttl"),
        ({"ttl": float("inf")}, "ttl"),
        ({"ttl": float("nan")}, "ttl"),
    ],
)
def test_what_the_store_cannot_keep_as_it_is_is_refused(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidField) as caught:
        items.draft(draft(**changes))
    assert caught.value.field == field


@pytest.mark.parametrize(
    "changes",
    [
        {"key": ""},
        {"value": '{"x": [9223372036854775807, -9223372036854775808, 1.5, true, null, "é"]}'},
        {"index": "false"},
        {"index": '["a.b", "c[*]"]'},
        {"index": "null"},
        {"ttl": 0.5},
        {"namespace": ("users", "langgraph", "@x*?[")},
    ],
)
def test_what_it_can_keep_is_taken(changes: dict[str, Any]) -> None:
    items.draft(draft(**changes))


@pytest.mark.parametrize(
    ("query", "field"),
    [
        (ItemQuery(prefix=("a", "")), "namespace_prefix"),
        (ItemQuery(filter="[]"), "filter"),
        (ItemQuery(filter='{"n": {"$bad": 1}}'), "filter"),
        (ItemQuery(filter='{"n": 1e999}'), "filter"),
        (ItemQuery(limit=0), "limit"),
        (ItemQuery(offset=-1), "offset"),
    ],
)
def test_a_search_that_cannot_be_is_refused(query: ItemQuery, field: str) -> None:
    with pytest.raises(InvalidField) as caught:
        items.query(query)
    assert caught.value.field == field


@pytest.mark.parametrize(
    ("query", "field"),
    [
        (NamespaceQuery(prefix=("a.b",)), "prefix"),
        (NamespaceQuery(suffix=("",)), "suffix"),
        (NamespaceQuery(max_depth=0), "max_depth"),
        (NamespaceQuery(limit=-1), "limit"),
        (NamespaceQuery(offset=-1), "offset"),
    ],
)
def test_a_list_of_namespaces_that_cannot_be_is_refused(query: NamespaceQuery, field: str) -> None:
    with pytest.raises(InvalidField) as caught:
        items.namespaces(query)
    assert caught.value.field == field


def test_an_object_in_a_filter_matches_by_its_members() -> None:
    text = '{"a": {"b": {"c": 1}, "d": {"$gt": 2}}, "e": [1], "f": {}}'
    assert items.conditions(text) == {"a.b.c": 1, "a.d": {"$gt": 2}, "e": [1], "f": {}}
    assert items.conditions(None) == {}
