"""The long-term store, for the API and for the graphs that run here."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from cronlane_service.domain import items, jsontext
from cronlane_service.domain.errors import InvalidField, StoreUnavailable
from cronlane_service.domain.items import Item, ItemDraft, ItemQuery, NamespaceQuery
from cronlane_service.runner import values
from cronlane_service.runner.loops import carried_out

if TYPE_CHECKING:
    from cronlane_service.runner.owned import Backing, OwnedStore

T = TypeVar("T")


class LocalItems:
    """Implements LongTermStore with LangGraph's store. It lives in the loop that awaited ``open``."""

    def __init__(self, place: Path | str) -> None:
        """``place``: a SQLite file, or the URL of a PostgreSQL database."""
        self._place = place
        self._store: Backing | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    async def open(self) -> None:
        """Raises StoreUnavailable when it is not to be used."""
        from cronlane_service.runner import owned

        if isinstance(self._place, str):
            from cronlane_service.runner.postgres import open_items

            self._store = await open_items(self._place)
        else:
            try:
                self._store = await owned.open_sqlite(self._place)
            except (sqlite3.Error, OSError) as problem:
                raise StoreUnavailable(f"{self._place}: {problem}") from problem
        self._loop = asyncio.get_running_loop()

    async def close(self) -> None:
        from cronlane_service.runner import owned

        store, self._store, self._loop = self._store, None, None
        if store is not None:
            await owned.close(store)

    def of(self, owner: str) -> OwnedStore:
        """What the owner's graphs are given. Raises StoreUnavailable."""
        from cronlane_service.runner.owned import OwnedStore

        if self._store is None or self._loop is None:
            raise StoreUnavailable("the runner is not running")
        return OwnedStore(self._store, owner, self._loop)

    # What follows can be awaited in any loop of any thread.

    async def put(self, owner: str, draft: ItemDraft) -> None:
        index = None if draft.index is None else jsontext.parse(draft.index)
        value = jsontext.parse(draft.value)
        await self._with(owner, lambda store: store.aput(draft.namespace, draft.key, value, index, ttl=draft.ttl))

    async def get(
        self, owner: str, namespace: tuple[str, ...], key: str, refresh_ttl: bool | None = None
    ) -> Item | None:
        found = await self._with(owner, lambda store: store.aget(namespace, key, refresh_ttl=refresh_ttl))
        return None if found is None else _item(found)

    async def delete(self, owner: str, namespace: tuple[str, ...], key: str) -> None:
        await self._with(owner, lambda store: store.adelete(namespace, key))

    async def search(self, owner: str, query: ItemQuery) -> Sequence[Item]:
        wanted = items.conditions(query.filter) or None
        found = await self._with(
            owner,
            lambda store: store.asearch(
                query.prefix,
                query=query.query,
                filter=wanted,
                limit=query.limit,
                offset=query.offset,
                refresh_ttl=query.refresh_ttl,
            ),
        )
        return [_item(each) for each in found]

    async def namespaces(self, owner: str, query: NamespaceQuery) -> Sequence[tuple[str, ...]]:
        return await self._with(
            owner,
            lambda store: store.alist_namespaces(
                prefix=query.prefix or None,
                suffix=query.suffix or None,
                max_depth=query.max_depth,
                limit=query.limit,
                offset=query.offset,
            ),
        )

    async def _with(self, owner: str, use: Callable[[OwnedStore], Awaitable[T]]) -> T:
        async def used() -> T:
            try:
                return await use(self.of(owner))
            except sqlite3.Error as problem:
                raise StoreUnavailable(f"{self._place}: {problem}") from problem
            except ValueError as problem:  # what this store cannot filter by
                raise InvalidField("filter", f"{problem}") from None

        return await carried_out(used(), self._loop)


def _item(found: Any) -> Item:
    return Item(
        namespace=tuple(found.namespace),
        key=found.key,
        value=values.text(found.value),
        created_at=found.created_at,
        updated_at=found.updated_at,
        score=getattr(found, "score", None),
    )
