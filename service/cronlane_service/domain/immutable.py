"""Dataclasses that nobody changes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar, dataclass_transform

T = TypeVar("T")


@dataclass_transform(frozen_default=True)
def immutable(kind: type[T]) -> type[T]:
    """A dataclass that mypy takes for a frozen one.

    Python does not: what it freezes it makes by a call for each field, which takes five times as long.
    """
    return dataclass(slots=True, unsafe_hash="__hash__" not in vars(kind))(kind)
