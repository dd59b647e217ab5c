"""Items of the long-term store, checked before the store sees them."""

from __future__ import annotations

from collections.abc import Sequence

from cronlane_service.domain import checks, items
from cronlane_service.domain.errors import NotFound
from cronlane_service.domain.items import Item, ItemDraft, ItemQuery, LongTermStore, NamespaceQuery


class Items:
    """Writes, reads, finds and deletes items."""

    def __init__(self, store: LongTermStore) -> None:
        self._store = store

    async def put(self, owner: str, draft: ItemDraft) -> None:
        items.draft(draft)
        await self._store.put(owner, draft)

    async def get(self, owner: str, namespace: tuple[str, ...], key: str, refresh_ttl: bool | None = None) -> Item:
        items.place(namespace, key)
        found = await self._store.get(owner, namespace, key, refresh_ttl)
        if found is None:
            raise NotFound("item", ".".join((*namespace, key)), f"Item '{key}' not found")
        return found

    async def delete(self, owner: str, namespace: tuple[str, ...], key: str) -> None:
        """One that is not there is deleted already."""
        items.labels("namespace", namespace)
        checks.text("key", key)
        if namespace and namespace[0] != "langgraph":
            await self._store.delete(owner, namespace, key)

    async def search(self, owner: str, query: ItemQuery) -> Sequence[Item]:
        items.query(query)
        return await self._store.search(owner, query)

    async def namespaces(self, owner: str, query: NamespaceQuery) -> Sequence[tuple[str, ...]]:
        items.namespaces(query)
        return await self._store.namespaces(owner, query)
