"""JSON that belongs to callers, handled as text so that nothing of it is altered.

An object is taken apart only at its top level, into member name and member *text*; numbers, key order and escapes
below it stay as they came.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from json.decoder import scanstring  # type: ignore[attr-defined]
from typing import Any, NoReturn

from cronlane_service.domain.memory import remembered

_BLANK = re.compile(r"[ \t\n\r]*")


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


_ENCODER = json.JSONEncoder(allow_nan=False, separators=(",", ":"))
_DECODER = json.JSONDecoder(parse_constant=_refuse)
_scan = _DECODER.scan_once  # type: ignore[attr-defined]


def parse(text: str) -> Any:
    """The value of a JSON document. Raises ValueError for what is not JSON, NaN and Infinity included."""
    try:
        try:
            value, end = _scan(text, 0)  # most have no blanks around them, which the decoder looks for
        except StopIteration:
            return _DECODER.decode(text)
        return value if end == len(text) else _DECODER.decode(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None


@remembered
def kind(text: str) -> type:
    """What the value of a JSON document is: dict, list, str, int, float, bool or NoneType. Raises ValueError."""
    return type(parse(text))


def members(text: str) -> dict[str, str]:
    """The members of a JSON object, each value as its own text. Raises ValueError for anything else."""
    at = _BLANK.match(text, 0).end()  # type: ignore[union-attr]
    if text[at : at + 1] != "{":
        raise ValueError("not a JSON object")
    found: dict[str, str] = {}
    at = _skip(text, at + 1)
    while text[at : at + 1] == '"':
        name, at = scanstring(text, at + 1, True)
        at = _expect(text, at, ":")
        start = at
        try:
            _, at = _DECODER.raw_decode(text, at)
        except RecursionError:
            raise ValueError("nested too deeply") from None
        found[name] = text[start:at]
        at = _skip(text, at)
        if text[at : at + 1] != ",":
            break
        at = _expect(text, at, ",")
        if text[at : at + 1] != '"':
            raise ValueError(f"a member's name is expected at character {at}")
    at = _expect(text, at, "}")
    if at != len(text):
        raise ValueError(f"something follows the object at character {at}")
    return found


def elements(text: str) -> list[str]:
    """The elements of a JSON array, each as its own text. Raises ValueError for anything else."""
    at = _expect(text, 0, "[")
    found: list[str] = []
    while text[at : at + 1] != "]":
        start = at
        try:
            _, at = _DECODER.raw_decode(text, at)
        except RecursionError:
            raise ValueError("nested too deeply") from None
        found.append(text[start:at])
        at = _skip(text, at)
        if text[at : at + 1] == "]":
            break
        at = _expect(text, at, ",")
        if text[at : at + 1] == "]":
            raise ValueError(f"an element is expected at character {at}")
    if _skip(text, at + 1) != len(text):
        raise ValueError(f"something follows the array at character {at + 1}")
    return found


def _skip(text: str, at: int) -> int:
    return _BLANK.match(text, at).end()  # type: ignore[union-attr]


def _expect(text: str, at: int, mark: str) -> int:
    """Past the mark and the blanks around it."""
    at = _skip(text, at)
    if text[at : at + 1] != mark:
        raise ValueError(f"{mark!r} is expected at character {at}")
    return _skip(text, at + 1)


def join(found: Mapping[str, str]) -> str:
    """The object that has these members."""
    return "{" + ",".join(f"{json.dumps(name)}:{text}" for name, text in found.items()) + "}"


def merge(*objects: str | None) -> str:
    """One object with the members of all; of two members with the same name the later one stays."""
    merged: dict[str, str] = {}
    for text in objects:
        if text is not None:
            merged |= members(text)
    return join(merged)


def dump(value: Any) -> str:
    """The text of a value of the service's own making."""
    return _ENCODER.encode(value)


def contains(document: Any, pattern: Any) -> bool:
    """Whether a parsed document matches a filter: objects by containment, lists and scalars by equality."""
    if isinstance(pattern, dict):
        return isinstance(document, dict) and all(
            name in document and contains(document[name], wanted) for name, wanted in pattern.items()
        )
    return same(document, pattern)


def same(one: Any, other: Any) -> bool:
    """Equality of parsed JSON: 1 is 1.0, and neither is true."""
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(value, other[name]) for name, value in one.items())
    return bool(one == other) and isinstance(one, bool) == isinstance(other, bool)
