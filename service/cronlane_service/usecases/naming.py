"""Which assistant callers mean: they name it by its id, or by its graph."""

from __future__ import annotations

from cronlane_service.domain import checks, ids
from cronlane_service.domain.errors import InvalidField, NotFound
from cronlane_service.domain.memory import remembered
from cronlane_service.domain.models import Assistant
from cronlane_service.domain.ports import Transaction


def resolve(tx: Transaction, owner: str, name: str) -> Assistant:
    """The assistant with this id, or the system assistant of the graph with this name. Raises NotFound."""
    checks.required("assistant_id", name)
    assistant = tx.assistants.get(owner, resolved_id(name))
    if assistant is None:
        raise _not_found(name)
    return assistant


def known(tx: Transaction, owner: str, name: str) -> str:
    """The id of what `resolve` finds."""
    if not tx.assistants.exists(owner, assistant_id := resolved_id(name)):
        raise _not_found(name)
    return assistant_id


def _not_found(name: str) -> NotFound:
    return NotFound("assistant", name, f"Assistant '{name}' not found")


@remembered
def resolved_id(name: str) -> str:
    """The id that a UUID or the name of a graph stands for."""
    try:
        return ids.parse("assistant", name)
    except InvalidField:
        return ids.system_assistant(name)
