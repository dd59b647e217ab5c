"""JSON text that PostgreSQL's jsonb does not take, made such that it does."""

from __future__ import annotations

import re

# jsonb holds no NUL and no half of a surrogate pair. Once every escaped backslash is written in another way, each
# backslash that is left begins an escape. The function `cronlane_castable` does the same in the database.
_LONE_HIGH = re.compile(r"\\ud[89ab][0-9a-f]{2}(?!\\ud[c-f][0-9a-f]{2})", re.IGNORECASE)
_LONE_LOW = re.compile(r"(?<!\\ud[89ab][0-9a-f]{2})\\ud[c-f][0-9a-f]{2}", re.IGNORECASE)


def castable(document: str) -> str:
    """The document with stand-ins for what cannot be cast."""
    escapes = document.replace("\\\\", "\\u005c").replace("\\u0000", "\\uffff")
    return _LONE_LOW.sub(r"\\ufffd", _LONE_HIGH.sub(r"\\ufffd", escapes))
