"""Labels: what crons are found by, one for each member of their metadata that has a scalar for its value.

Two labels are the same when the names are the same and the values equal, by the rules of `jsontext.same`.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from typing import Any

from cronlane_service.domain import jsontext
from cronlane_service.domain.immutable import immutable
from cronlane_service.domain.memory import remembered

SIZE = 16
"""Bytes."""
MOST = 100
"""Of one cron; what nobody searches for must not make a cron a thousand times as dear."""
CROWDED = bytes(SIZE)
"""Stands for all labels of a cron that would have more."""
MOST_SOUGHT = 8


@immutable
class Sought:
    """A filter taken apart: what has all the labels and contains the rest is what it wants."""

    labels: tuple[bytes, ...]
    rest: str | None


def of(metadata: Any) -> Sequence[bytes]:
    """Of metadata as it is stored; what cannot be read has none."""
    return _of(metadata) if isinstance(metadata, str) and metadata != "{}" else ()


@remembered
def _of(metadata: str) -> tuple[bytes, ...]:
    try:
        found = jsontext.parse(metadata)
    except ValueError:
        return ()
    if not isinstance(found, dict):
        return ()
    scalars = [(name, value) for name, value in found.items() if not isinstance(value, (dict, list))]
    return (CROWDED,) if len(scalars) > MOST else tuple(_label(name, value) for name, value in scalars)


@remembered
def sought(pattern: str) -> Sought:
    """Raises ValueError when the filter is not a JSON object."""
    labels: list[bytes] = []
    rest: dict[str, str] = {}
    for name, text in jsontext.members(pattern).items():
        if text[0] in "{[" or len(labels) == MOST_SOUGHT:
            rest[name] = text
        else:
            labels.append(_label(name, jsontext.parse(text)))
    return Sought(tuple(labels), jsontext.join(rest) if rest else None)


def _label(name: str, value: Any) -> bytes:
    text = f"{len(name)}:{name}{_canonical(value)}"
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=SIZE).digest()


def _canonical(value: Any) -> str:
    """One text for all scalars that are equal, beginning with what kind they are of."""
    if isinstance(value, str):
        return f"s{value}"
    if isinstance(value, float):
        return f"i{int(value)}" if value.is_integer() else f"f{value!r}"
    if value is None or isinstance(value, bool):
        return f"{value}"
    return f"i{value}"
