"""The JSON text of what graphs keep in their state."""

from __future__ import annotations

import base64
import dataclasses
import json
import math
import re
from collections import deque
from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from pathlib import PurePath
from reprlib import Repr
from typing import Any
from uuid import UUID

_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
_MOST_BITS = 14_000  # beyond about 4300 digits Python refuses to write an integer in decimal

_SAFE = Repr()  # unlike repr() itself it survives a __repr__ that raises
_SAFE.maxother = 10_000

_WRITERS: tuple[tuple[type | tuple[type, ...], Callable[[Any], Any]], ...] = (
    (Enum, lambda value: plain(value.value)),
    (str, str),
    (int, lambda value: value if value.bit_length() < _MOST_BITS else hex(value)),
    (float, lambda value: value if math.isfinite(value) else None),
    ((datetime, date, time), lambda value: value.isoformat()),
    ((UUID, Decimal, Fraction, PurePath, timedelta), str),
    ((bytes, bytearray, memoryview), lambda value: base64.b64encode(value).decode()),
    (Mapping, lambda value: {_name(name): plain(item) for name, item in value.items()}),
    ((list, tuple, set, frozenset, deque), lambda value: [plain(item) for item in value]),
    (BaseException, lambda value: f"{type(value).__name__}({described(value)!r})"),
)


def text(value: Any) -> str:
    """Valid UTF-8 and valid JSON, whatever the value is; characters outside ASCII stay readable."""
    return clean(json.dumps(plain(value), ensure_ascii=False, allow_nan=False, separators=(",", ":")))


def clean(characters: str) -> str:
    """Half of a surrogate pair is no character, and no store or wire takes it."""
    return _LONE_SURROGATE.sub("\ufffd", characters)


def plain(value: Any) -> Any:
    """The value as dicts, lists, strings, numbers, booleans and None."""
    if value is None or isinstance(value, bool):
        return value
    if not isinstance(value, type):
        if hasattr(value, "model_dump"):  # pydantic models, and so LangChain's messages
            return plain(value.model_dump(warnings=False))
        if dataclasses.is_dataclass(value):
            return {field.name: plain(getattr(value, field.name, None)) for field in dataclasses.fields(value)}
        if isinstance(value, tuple) and hasattr(value, "_asdict"):
            return plain(value._asdict())
    for kinds, write in _WRITERS:
        if isinstance(value, kinds):
            return write(value)
    return described(value)


def described(value: object) -> str:
    """What an object says of itself; an exception's is its message."""
    if isinstance(value, BaseException):
        return clean(str(value))
    return clean(_SAFE.repr_instance(value, 1))


def _name(name: object) -> str:
    if isinstance(name, str):
        return str(name.value) if isinstance(name, Enum) else name
    written = plain(name)
    return written if isinstance(written, str) else json.dumps(written)
