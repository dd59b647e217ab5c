"""Messages as they are written, part by part."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


class Messages:
    """The messages of one attempt: what has come of each so far."""

    def __init__(self) -> None:
        self._described: set[str | None] = set()
        self._parts: dict[str | None, Any] = {}

    def events(self, message: Any, metadata: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
        """For a message, or a part of one: what it is of, once; then the whole message, or all of it that there is."""
        if message.id not in self._described:
            self._described.add(message.id)
            yield "messages/metadata", {message.id: {"metadata": metadata}}
        if not _is_part(message):
            yield "messages/complete", [message]
            return
        before = self._parts.get(message.id)
        so_far = self._parts[message.id] = message if before is None else before + message
        yield "messages/partial", [_whole(so_far)]


def _is_part(message: Any) -> bool:
    from langchain_core.messages import BaseMessageChunk

    return isinstance(message, BaseMessageChunk)


def _whole(parts: Any) -> Any:
    from langchain_core.messages import message_chunk_to_message

    return message_chunk_to_message(parts)
