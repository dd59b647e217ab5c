"""JSON taken apart and put together as text, so that what belongs to the caller is not altered."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from json.decoder import scanstring  # type: ignore[attr-defined]
from json.encoder import encode_basestring_ascii
from typing import Any, NoReturn

# A mark with the blanks around it, or the blanks alone: it matches everywhere.
_mark: Callable[[str, int], re.Match[str]] = re.compile(r"[ \t\n\r]*([][{}:,]?)[ \t\n\r]*").match  # type: ignore[assignment]


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


def _literal(number: str) -> tuple[str]:
    return (number,)


# A number is only ever its literal here: none is too long or too large, and none equals a string.
_SCANNER = json.JSONDecoder(parse_int=_literal, parse_float=_literal, parse_constant=_refuse)
# Where a value ends does not depend on what its numbers are.
_skim = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=_refuse).scan_once  # type: ignore[attr-defined]

_WRITER = json.JSONEncoder(allow_nan=False, separators=(",", ":"))


def members(text: str) -> dict[str, str]:
    """The members of a JSON object, each value as its own text. Raises ValueError for anything else."""
    found: dict[str, str] = {}
    mark, at = _opening(text, "{", "}")
    while mark == ",":
        if text[at : at + 1] != '"':
            raise ValueError(f"a member's name is expected at character {at}")
        name, at = scanstring(text, at + 1, True)
        colon = _mark(text, at)
        if colon[1] != ":":
            raise ValueError(f"':' is expected at character {at}")
        start = colon.end()
        at = _value_end(text, start)
        found[name] = text[start:at]
        mark, at = _after_value(text, at, "}")
    return found


def elements(text: str) -> list[str]:
    """The elements of a JSON array, each as its own text. Raises ValueError for anything else."""
    found: list[str] = []
    mark, start = _opening(text, "[", "]")
    while mark == ",":
        at = _value_end(text, start)
        found.append(text[start:at])
        mark, start = _after_value(text, at, "]")
    return found


def _opening(text: str, opening: str, closing: str) -> tuple[str, int]:
    """ "," where the first value begins; the closing mark where there is none."""
    begin = _mark(text, 0)
    if begin[1] != opening:
        raise ValueError(f"{opening!r} is expected at character {begin.start(1)}")
    at = begin.end()
    return _after_value(text, at, closing) if text[at : at + 1] == closing else (",", at)


def _value_end(text: str, at: int) -> int:
    try:
        end: int = _skim(text, at)[1]
    except StopIteration:
        raise ValueError(f"a value is expected at character {at}") from None
    except RecursionError:
        raise ValueError("nested too deeply") from None
    return end


def _after_value(text: str, at: int, closing: str) -> tuple[str, int]:
    """The comma or the closing mark, and where what follows it begins: after the latter nothing does."""
    found = _mark(text, at)
    mark, end = found[1], found.end()
    if mark != "," and mark != closing:
        raise ValueError(f"',' or {closing!r} is expected at character {at}")
    if mark == closing and end != len(text):
        raise ValueError(f"something follows the end at character {end}")
    return mark, end


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
