"""The long-term store: JSON objects by namespace and key, and what may be one."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, Protocol

from cronlane_service.domain import checks, jsontext
from cronlane_service.domain.errors import InvalidField
from cronlane_service.domain.immutable import immutable

DEEPEST = 200
COMPARISONS = frozenset({"$eq", "$ne", "$gt", "$gte", "$lt", "$lte"})


@immutable
class Item:
    """``value``: an object's JSON text."""

    namespace: tuple[str, ...]
    key: str
    value: str
    created_at: datetime
    updated_at: datetime
    score: float | None = None


@immutable
class ItemDraft:
    """An item to be written. ``ttl`` in minutes."""

    namespace: tuple[str, ...]
    key: str
    value: str
    index: str | None = None
    ttl: float | None = None


@immutable
class ItemQuery:
    prefix: tuple[str, ...] = ()
    filter: str | None = None
    limit: int = 10
    offset: int = 0
    query: str | None = None
    refresh_ttl: bool | None = None


@immutable
class NamespaceQuery:
    prefix: tuple[str, ...] = ()
    suffix: tuple[str, ...] = ()
    max_depth: int | None = None
    limit: int = 100
    offset: int = 0


class LongTermStore(Protocol):
    """Items of the long-term store; each owner has their own. Raises StoreUnavailable."""

    async def put(self, owner: str, draft: ItemDraft) -> None: ...
    async def get(
        self, owner: str, namespace: tuple[str, ...], key: str, refresh_ttl: bool | None = None
    ) -> Item | None: ...
    async def delete(self, owner: str, namespace: tuple[str, ...], key: str) -> None: ...
    async def search(self, owner: str, query: ItemQuery) -> Sequence[Item]:
        """The last written first. Raises InvalidField for a filter that it cannot apply."""
        ...

    async def namespaces(self, owner: str, query: NamespaceQuery) -> Sequence[tuple[str, ...]]:
        """In their order."""
        ...


def labels(field: str, namespace: Sequence[str]) -> None:
    for label in namespace:
        if not label or "." in label:
            text = f"Namespace label '{label}' must be a non-empty string without periods"
            raise InvalidField(field, "its labels must not be empty or hold dots", text)
        if "\0" in label:
            raise InvalidField(field, "its labels must not hold NUL")


def place(namespace: Sequence[str], key: str) -> None:
    named(namespace)
    checks.text("key", key)


def named(namespace: Sequence[str]) -> None:
    labels("namespace", namespace)
    if not namespace:
        raise InvalidField("namespace", "must not be empty", "Namespace cannot be empty.")


def writable(namespace: Sequence[str]) -> None:
    """Raises InvalidField for what no item can be in."""
    named(namespace)
    if namespace[0] == "langgraph":
        raise InvalidField("namespace", "must not begin with langgraph")


def draft(wanted: ItemDraft) -> None:
    """Raises InvalidField."""
    writable(wanted.namespace)
    checks.text("key", wanted.key)
    checks.required("value", wanted.value)
    checks.json_object("value", wanted.value)
    _storable("value", wanted.value)
    _index(wanted.index)
    if wanted.ttl is not None and not 0 < wanted.ttl < math.inf:
        raise InvalidField("ttl", "must be greater than 0")


def _storable(field: str, text: str) -> None:
    """What LangGraph's stores keep as it is: integers of 64 bits, numbers that a double can be, real characters."""
    for depth, value in _within(jsontext.parse(text)):
        if depth > DEEPEST:
            raise InvalidField(field, "is nested too deeply")
        if isinstance(value, int) and not -(2**63) <= value < 2**63:
            raise InvalidField(field, "holds an integer of more than 64 bits")
        if isinstance(value, float) and not math.isfinite(value):
            raise InvalidField(field, "holds a number that is too large")
        if isinstance(value, str) and not _encodable(value):
            raise InvalidField(field, "holds half a surrogate pair")
        if isinstance(value, str):
            checks.text(field, value)


def _within(document: Any) -> Iterator[tuple[int, Any]]:
    """Everything in a document, names too, with how deep it is."""
    left = [(0, document)]
    while left:
        depth, value = left.pop()
        yield depth, value
        if isinstance(value, dict):
            left += [(depth + 1, part) for pair in value.items() for part in pair]
        elif isinstance(value, list):
            left += [(depth + 1, part) for part in value]


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _index(text: str | None) -> None:
    checks.json_value("index", text)
    value = jsontext.parse(text) if text is not None else None
    paths = isinstance(value, list) and all(isinstance(path, str) for path in value)
    if value is not None and value is not False and not paths:
        raise InvalidField("index", "must be false or a list of paths")


def query(wanted: ItemQuery) -> None:
    """Raises InvalidField."""
    labels("namespace_prefix", wanted.prefix)
    checks.json_object("filter", wanted.filter)
    conditions(wanted.filter)
    if wanted.limit < 1:
        raise InvalidField("limit", "must be 1 or more")
    if wanted.offset < 0:
        raise InvalidField("offset", "must be 0 or more")


def namespaces(wanted: NamespaceQuery) -> None:
    """Raises InvalidField."""
    labels("prefix", wanted.prefix)
    labels("suffix", wanted.suffix)
    if wanted.max_depth is not None and wanted.max_depth < 1:
        raise InvalidField("max_depth", "must be 1 or more")
    for field, number in (("limit", wanted.limit), ("offset", wanted.offset)):
        if number < 0:
            raise InvalidField(field, "must be 0 or more")


def conditions(filter: str | None) -> dict[str, Any]:  # noqa: A002 - the platform's word
    """A filter by path, with dots, so that an object matches by its members. Raises InvalidField."""
    if filter is None:
        return {}
    _storable("filter", filter)
    return dict(_paths("", jsontext.parse(filter)))


def _paths(prefix: str, members: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in members.items():
        if isinstance(value, dict) and value and not value.keys() & COMPARISONS:
            if unknown := [inner for inner in value if inner.startswith("$")]:
                raise InvalidField("filter", f"{unknown[0]} is none of {', '.join(sorted(COMPARISONS))}")
            yield from _paths(f"{prefix}{name}.", value)
        else:
            yield f"{prefix}{name}", value
