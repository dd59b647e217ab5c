"""Paths find what Starlette's routes would find if they were asked one after the other."""

from __future__ import annotations

from collections import defaultdict
from itertools import product

from starlette.routing import Match, Route
from starlette.types import Receive, Scope, Send

from cronlane.rest.paths import Paths
from cronlane.rest.routes import table


class _Named:
    def __init__(self, path: str) -> None:
        self.path = path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None: ...


ENDPOINTS = {path: _Named(path) for path in table()}
PATHS = Paths(ENDPOINTS)
ROUTES = [Route(path, endpoint) for path, endpoint in ENDPOINTS.items()]


def asked(path: str) -> Scope:
    return {"type": "http", "method": "GET", "path": path, "path_params": {}}


def one_after_the_other(path: str) -> tuple[str, dict[str, str]] | None:
    for route in ROUTES:
        match, found = route.matches(asked(path))
        if match is Match.FULL:
            return found["endpoint"].path, found["path_params"]
    return None


def at_once(path: str) -> tuple[str, dict[str, str]] | None:
    found = PATHS.find(asked(path))
    if found is None:
        return None
    endpoint, variables = found
    assert isinstance(endpoint, _Named)
    return endpoint.path, variables


def test_every_path_is_found_as_by_asking_each_route() -> None:
    words: dict[int, set[str]] = defaultdict(lambda: {"x", ""})
    for path in ENDPOINTS:
        for at, segment in enumerate(path.split("/")):
            words[at] |= {segment} - {"{v0}", "{v1}", "{v2}"}
    tried = found = 0
    for path in ENDPOINTS:
        choices = [words[at] if each.startswith("{") else {each, "x", ""} for at, each in enumerate(path.split("/"))]
        for chosen in product(*choices):
            asked_for = "/".join(chosen)
            expected = one_after_the_other(asked_for)
            assert at_once(asked_for) == expected, asked_for
            tried, found = tried + 1, found + (expected is not None)
    assert found > 1000
    assert tried - found > 1000


def test_an_empty_segment_is_no_value() -> None:
    assert at_once("/threads/") is None
    assert at_once("/threads//runs") is None
    assert at_once("/threads/t/runs/") is None


def test_what_is_no_http_is_not_found() -> None:
    assert PATHS.matches({"type": "websocket", "path": "/threads"}) == (Match.NONE, {})
