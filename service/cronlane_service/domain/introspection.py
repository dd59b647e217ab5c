"""What a graph looks like from outside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from cronlane_service.domain.immutable import immutable


@immutable
class Drawing:
    """Lists of JSON: ``{id, type, data}``, and ``{source, target}``."""

    nodes: str
    edges: str


@immutable
class Schemas:
    """JSON Schemas; None: what it describes cannot be written as one. ``context`` is None also when there is none."""

    input: str | None
    output: str | None
    state: str | None
    config: str | None
    context: str | None


class Introspection(Protocol):
    """Describes graphs of this server's langgraph.json, made with ``config`` for ``owner``. Raises GraphNotLoaded."""

    @property
    def names(self) -> Sequence[str]: ...

    async def drawing(self, graph_id: str, config: str, xray: int | bool, *, owner: str = "") -> Drawing:
        """``xray``: so many levels of subgraphs are drawn by their nodes, True: all, False: none."""
        ...

    async def schemas(self, graph_id: str, config: str, *, owner: str = "") -> Schemas: ...

    async def subgraphs(
        self, graph_id: str, config: str, namespace: str | None = None, recurse: bool = False, *, owner: str = ""
    ) -> Mapping[str, Schemas]:
        """By namespace: the names of the nodes on the way to it, joined by ``|``."""
        ...
