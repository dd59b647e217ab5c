"""Finds what answers a path at once, however many paths there are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from operator import itemgetter
from typing import Any

from starlette.routing import BaseRoute, Match
from starlette.types import ASGIApp, Receive, Scope, Send

_Form = tuple[tuple[bool, ...], tuple[int, ...], tuple[int, ...]]
"""Which segments vary; the places of those that do not; the places of those that do."""
_Forms = tuple[Callable[[list[str]], Any], tuple[int, ...], tuple[str, ...], Mapping[Any, ASGIApp]]
"""What takes the segments that do not vary; the places and the names of those that do; what answers, by the former."""


class Paths(BaseRoute):
    """All paths of the protos as one route. Where two match, the one that is fixed longer is taken."""

    def __init__(self, endpoints: Mapping[str, ASGIApp]) -> None:
        """By path; its variables are whole segments, called {v0}, {v1}, …"""
        forms: dict[_Form, dict[Any, ASGIApp]] = {}
        for path, endpoint in endpoints.items():
            segments = path.split("/")
            form = _form(segments)
            forms.setdefault(form, {})[itemgetter(*form[1])(segments)] = endpoint
        self._by_length: dict[int, list[_Forms]] = {}
        for form in sorted(forms):
            varies, fixed, variable = form
            names = tuple(f"v{number}" for number in range(len(variable)))
            self._by_length.setdefault(len(varies), []).append((itemgetter(*fixed), variable, names, forms[form]))

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        if scope["type"] != "http":
            return Match.NONE, {}
        found = self.find(scope)
        return (Match.NONE, {}) if found is None else (Match.FULL, {"endpoint": found[0], "path_params": found[1]})

    def find(self, scope: Scope) -> tuple[ASGIApp, dict[str, str]] | None:
        """What answers, and the values of the path's variables."""
        segments = scope["path"].split("/")
        for fixed, variable, names, endpoints in self._by_length.get(len(segments), ()):
            endpoint = endpoints.get(fixed(segments))
            if endpoint is not None:
                values = dict(zip(names, map(segments.__getitem__, variable), strict=True))
                if all(values.values()):
                    return endpoint, values
        return None

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        await scope["endpoint"](scope, receive, send)


def _form(segments: list[str]) -> _Form:
    varies = tuple(segment.startswith("{") for segment in segments)
    fixed, variable = (tuple(at for at, each in enumerate(varies) if each is wanted) for wanted in (False, True))
    return varies, fixed, variable
