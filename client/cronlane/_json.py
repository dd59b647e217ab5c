"""JSON taken apart and put together as text, so that what belongs to the caller is not altered."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from json.decoder import scanstring  # type: ignore[attr-defined]
from json.encoder import encode_basestring_ascii
from typing import Any, NoReturn

_BLANK = re.compile(r"[ \t\n\r]*")


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


def _literal(number: str) -> tuple[str]:
    return (number,)


# A number is only ever its literal here: none is too long or too large, and none equals a string.
_SCANNER = json.JSONDecoder(parse_int=_literal, parse_float=_literal, parse_constant=_refuse)

_WRITER = json.JSONEncoder(allow_nan=False, separators=(",", ":"))


def members(text: str) -> dict[str, str]:
    """The members of a JSON object, each value as its own text. Raises ValueError for anything else."""
    found: dict[str, str] = {}

    def take(at: int) -> int:
        if text[at : at + 1] != '"':
            raise ValueError(f"a member's name is expected at character {at}")
        name, at = scanstring(text, at + 1, True)
        start = _expect(text, at, ":")
        at = _skip_value(text, start)
        found[name] = text[start:at]
        return at

    _sequence(text, "{", "}", take)
    return found


def elements(text: str) -> list[str]:
    """The elements of a JSON array, each as its own text. Raises ValueError for anything else."""
    found: list[str] = []

    def take(start: int) -> int:
        at = _skip_value(text, start)
        found.append(text[start:at])
        return at

    _sequence(text, "[", "]", take)
    return found


def _sequence(text: str, opening: str, closing: str, take: Callable[[int], int]) -> None:
    at = _expect(text, 0, opening)
    if text[at : at + 1] != closing:
        at = _skip(text, take(at))
        while text[at : at + 1] == ",":
            at = _skip(text, take(_expect(text, at, ",")))
    at = _expect(text, at, closing)
    if at != len(text):
        raise ValueError(f"something follows the end at character {at}")


def _skip(text: str, at: int) -> int:
    return _BLANK.match(text, at).end()  # type: ignore[union-attr]


def _skip_value(text: str, at: int) -> int:
    try:
        return _SCANNER.raw_decode(text, at)[1]
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _expect(text: str, at: int, mark: str) -> int:
    """Past the mark and the blanks around it."""
    at = _skip(text, at)
    if text[at : at + 1] != mark:
        raise ValueError(f"{mark!r} is expected at character {at}")
    return _skip(text, at + 1)


def string(text: str) -> str:
    """What a JSON string says. Raises ValueError for anything else."""
    found = json.loads(text)
    if not isinstance(found, str):
        raise ValueError("not a string")
    return found


def same(one: str, other: str) -> bool:
    """Whether two texts are the same JSON, numbers being the same when they are written the same."""
    return one == other or bool(_SCANNER.decode(one) == _SCANNER.decode(other))


def join(found: Mapping[str, str]) -> str:
    """The object that has these members."""
    return "{" + ",".join(f"{quoted(name)}:{text}" for name, text in found.items()) + "}"


def listed(texts: Iterable[str]) -> str:
    """The array that has these elements."""
    return "[" + ",".join(texts) + "]"


def dump(value: Any, default: Callable[[Any], Any] | None = None) -> str:
    """The text of a Python value. Raises ValueError or TypeError for what JSON cannot say."""
    if default is None:
        return _WRITER.encode(value)
    return json.dumps(value, allow_nan=False, separators=(",", ":"), default=default)


def quoted(text: str) -> str:
    """The JSON string that says it."""
    return encode_basestring_ascii(text)
