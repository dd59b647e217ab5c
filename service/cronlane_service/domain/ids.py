"""Ids: UUIDs in lower case with dashes."""

from __future__ import annotations

import re
import uuid

from cronlane_service.domain.errors import InvalidField
from cronlane_service.domain.memory import remembered

_CANONICAL = re.compile("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_SPELLED = re.compile(f"[0-9a-f]{{32}}|{_CANONICAL.pattern}", re.IGNORECASE | re.ASCII)
_SYSTEM_ASSISTANTS = uuid.UUID("6ba7b821-9dad-11d1-80b4-00c04fd430c8")


def parse(kind: str, text: str, field: str | None = None) -> str:
    """The canonical form of an id. Raises InvalidField naming ``<kind>_id``."""
    if _CANONICAL.fullmatch(text):
        return text
    if _SPELLED.fullmatch(text):
        return str(uuid.UUID(text))
    raise InvalidField(field or f"{kind}_id", "must be a UUID", f"Invalid {kind} ID: must be a UUID")


def is_id(text: str) -> bool:
    try:
        parse("", text)
    except InvalidField:
        return False
    return True


def random() -> str:
    """A UUID of version 4."""
    return str(uuid.uuid4())


@remembered
def system_assistant(graph_id: str) -> str:
    """The id of the assistant the service makes for a graph: equal on every server."""
    return str(uuid.uuid5(_SYSTEM_ASSISTANTS, graph_id))
