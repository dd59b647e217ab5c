"""Finds what answers a path at once, however many paths there are."""

from __future__ import annotations

from collections.abc import Mapping

from starlette._utils import get_route_path
from starlette.routing import BaseRoute, Match
from starlette.types import ASGIApp, Receive, Scope, Send

_Form = tuple[tuple[bool, ...], tuple[int, ...], tuple[int, ...]]
"""Which segments vary; the places of those that do not; the places of those that do."""


class Paths(BaseRoute):
    """All paths of the protos as one route. Where two match, the one that is fixed longer is taken."""

    def __init__(self, endpoints: Mapping[str, ASGIApp]) -> None:
        """By path; its variables are whole segments, called {v0}, {v1}, …"""
        forms: dict[_Form, dict[tuple[str, ...], ASGIApp]] = {}
        for path, endpoint in endpoints.items():
            segments = path.split("/")
            form = _form(segments)
            forms.setdefault(form, {})[tuple(segments[at] for at in form[1])] = endpoint
        self._by_length: dict[int, list[tuple[_Form, Mapping[tuple[str, ...], ASGIApp]]]] = {}
        for form in sorted(forms):
            self._by_length.setdefault(len(form[0]), []).append((form, forms[form]))

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        if scope["type"] != "http":
            return Match.NONE, {}
        found = self.find(scope)
        return (Match.NONE, {}) if found is None else (Match.FULL, {"endpoint": found[0], "path_params": found[1]})

    def find(self, scope: Scope) -> tuple[ASGIApp, dict[str, str]] | None:
        """What answers, and the values of the path's variables."""
        segments = get_route_path(scope).split("/")
        for (_, fixed, variable), endpoints in self._by_length.get(len(segments), ()):
            endpoint = endpoints.get(tuple([segments[at] for at in fixed]))
            values = [segments[at] for at in variable]
            if endpoint is not None and all(values):
                return endpoint, {f"v{number}": value for number, value in enumerate(values)}
        return None

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        await scope["endpoint"](scope, receive, send)


def _form(segments: list[str]) -> _Form:
    varies = tuple(segment.startswith("{") for segment in segments)
    fixed, variable = (tuple(at for at, each in enumerate(varies) if each is wanted) for wanted in (False, True))
    return varies, fixed, variable
