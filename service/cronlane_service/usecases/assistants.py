"""Assistants: found by id or by the name of their graph."""

from __future__ import annotations

from collections.abc import Sequence

from cronlane_service.domain import checks, ids, jsontext
from cronlane_service.domain.clock import Clock
from cronlane_service.domain.errors import InvalidField, NotFound
from cronlane_service.domain.models import Assistant
from cronlane_service.domain.ports import Transaction
from cronlane_service.domain.queries import ASSISTANT_SORTS, AssistantQuery, Page, Window

SYSTEM = ""  # the owner of the assistants that the service makes


class Assistants:
    """Reads assistants, and makes one for each graph."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def sync(self, tx: Transaction, graph_ids: Sequence[str]) -> None:
        """Makes the system assistant of each graph that has none yet."""
        for graph_id in graph_ids:
            assistant_id = ids.system_assistant(graph_id)
            if tx.assistants.get(SYSTEM, assistant_id) is None:
                now = self._clock.now()
                tx.assistants.upsert(
                    Assistant(
                        assistant_id=assistant_id,
                        owner=SYSTEM,
                        graph_id=graph_id,
                        name=graph_id,
                        created_at=now,
                        updated_at=now,
                        metadata=jsontext.dump({"created_by": "system"}),
                    )
                )

    def get(self, tx: Transaction, owner: str, assistant_id: str) -> Assistant:
        assistant_id = ids.parse("assistant", assistant_id)
        assistant = tx.assistants.get(owner, assistant_id)
        if assistant is None:
            raise NotFound("assistant", assistant_id, f"Assistant '{assistant_id}' not found")
        return assistant

    def search(self, tx: Transaction, owner: str, query: AssistantQuery, window: Window) -> Page[Assistant]:
        checks.json_object("metadata", query.metadata)
        checks.window(window, ASSISTANT_SORTS)
        return tx.assistants.search(owner, query, window)

    def count(self, tx: Transaction, owner: str, query: AssistantQuery) -> int:
        checks.json_object("metadata", query.metadata)
        return tx.assistants.count(owner, query)


def resolve(tx: Transaction, owner: str, name: str) -> Assistant:
    """The assistant with this id, or the system assistant of the graph with this name. Raises NotFound."""
    checks.required("assistant_id", name)
    assistant = tx.assistants.get(owner, resolved_id(name))
    if assistant is None:
        raise NotFound("assistant", name, f"Assistant '{name}' not found")
    return assistant


def resolved_id(name: str) -> str:
    """The id that a UUID or the name of a graph stands for."""
    try:
        return ids.parse("assistant", name)
    except InvalidField:
        return ids.system_assistant(name)
