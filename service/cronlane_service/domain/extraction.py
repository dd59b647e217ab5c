"""Parts of threads that a search was asked for, found by path: ``values.messages[-1].content``."""

from __future__ import annotations

import re
from collections.abc import Mapping

from cronlane_service.domain import jsontext
from cronlane_service.domain.errors import InvalidField
from cronlane_service.domain.models import Thread

MOST = 10
_ROOTS = ("config", "interrupts", "metadata", "values")
_ALIAS = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_ROOT = re.compile(r"[^.\[]*")
_STEP = re.compile(r"\.([^.\[\]]+)|\[(-?[0-9]{1,9})\]")


def check(paths: Mapping[str, str]) -> None:
    if len(paths) > MOST:
        raise InvalidField("extract", f"must not have more than {MOST} paths")
    for alias, path in paths.items():
        if not _ALIAS.fullmatch(alias):
            raise _wrong(f"Extract key '{alias}' must be a valid identifier (letters, digits, underscores)")
        if not path:
            raise _wrong(f"Extract path for '{alias}' must be a non-empty string")
        if _root(path) not in _ROOTS:
            raise _wrong(f"Extract path '{path}' must start with one of: {', '.join(_ROOTS)}")


def _wrong(message: str) -> InvalidField:
    return InvalidField("extract", message, message)


def _root(path: str) -> str:
    found = _ROOT.match(path)
    return found[0] if found else ""


def extracted(thread: Thread, paths: Mapping[str, str]) -> str | None:
    """An object with what is at each path, to the letter, or null; None when nothing was asked for."""
    if not paths:
        return None
    return jsontext.join({alias: _at(thread, path) or "null" for alias, path in paths.items()})


def _at(thread: Thread, path: str) -> str | None:
    root = _root(path)
    text: str | None = getattr(thread, root)
    at = len(root)
    while text is not None and at < len(path):
        step = _STEP.match(path, at)
        if step is None:
            return None
        text = _member(text, step[1]) if step[1] is not None else _element(text, int(step[2]))
        at = step.end()
    return text


def _member(text: str, name: str) -> str | None:
    return jsontext.members(text).get(name) if text.lstrip().startswith("{") else None


def _element(text: str, index: int) -> str | None:
    if not text.lstrip().startswith("["):
        return None
    found = jsontext.elements(text)
    return found[index] if -len(found) <= index < len(found) else None
