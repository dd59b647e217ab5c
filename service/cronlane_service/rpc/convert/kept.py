"""Messages of what is answered again and again, kept as they are on the wire."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from functools import lru_cache
from typing import Generic, TypeVar

from google.protobuf.message import Message

T = TypeVar("T", bound=Hashable)
M = TypeVar("M", bound=Message)

_SHORT = 2000
"""Bytes of a message that is kept."""


class _Long(Exception):
    """It is not kept."""

    def __init__(self, wire: bytes) -> None:
        super().__init__()
        self.wire = wire


class Kept(Generic[T, M]):
    """Makes messages of values. That of a value which was answered before, and is as it was, is not made again."""

    def __init__(self, kind: type[M], written: Callable[[T], M]) -> None:
        self._kind, self._written = kind, written
        self._short = lru_cache(maxsize=2048)(self._made)

    def message(self, value: T) -> M:
        try:
            return self._kind.FromString(self._short(value))
        except _Long as long:
            return self._kind.FromString(long.wire)

    def wires(self, values: Sequence[T]) -> bytes:
        """One behind the other."""
        try:
            return b"".join(map(self._short, values))
        except _Long:
            return b"".join([self.message(value).SerializeToString() for value in values])

    def _made(self, value: T) -> bytes:
        wire = self._written(value).SerializeToString()
        if len(wire) > _SHORT:
            raise _Long(wire)
        return wire
