"""cronlane answers as the official server does, but for the differences that the documentation names."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from differential.allowed import judged
from differential.compare import Comparison, Difference
from differential.official_server import GRAPHS, NotInstalled, official_server
from differential.recording import Answer
from differential.script import play
from serving import Served

CALLS = 150  # at least


@pytest.fixture
def official_url(tmp_path: Path) -> Iterator[str]:
    try:
        with official_server(tmp_path / "official") as url:
            yield url
    except NotInstalled as error:
        pytest.skip(f"the official server cannot be installed here: {error}")


@pytest.fixture
def our_url(tmp_path: Path) -> Iterator[str]:
    folder = tmp_path / "ours"
    folder.mkdir()
    server = Served(folder, "--config", str(GRAPHS / "langgraph.json"))
    yield server.url
    assert server.stop() == 0, server.log.read_text()


@pytest.mark.timeout(600)
def test_only_the_documented_differences_remain(official_url: str, our_url: str) -> None:
    with ThreadPoolExecutor(2) as pool:
        official, ours = pool.map(play, (official_url, our_url))
    differences = list(Comparison().differences(official, ours))
    print(f"\n{len(official)} calls, {len(differences)} differences")
    unnamed, unneeded = judged(differences)
    assert len(official) >= CALLS
    assert unnamed == [], "\n".join(map(str, unnamed))
    assert unneeded == [], "\n".join(unneeded)


def test_ids_are_the_same_when_they_stand_in_the_same_places() -> None:
    one, two, three = (f"{number:08d}-0000-7000-8000-000000000000" for number in (1, 2, 3))
    assert _found({"a": one, "b": [one]}, {"a": two, "b": [two]}) == []
    assert [each.place for each in _found({"a": one, "b": [one]}, {"a": two, "b": [three]})] == ["body.b[]"]
    assert [each.place for each in _found({"a": one, "b": three}, {"a": two, "b": two})] == ["body.b"]


def test_keys_types_and_values_are_told_apart() -> None:
    assert [str(each) for each in _found({"a": 1, "b": None}, {"a": 1.0, "c": "x"})] == [
        "call | body.a | 1 | 1.0",
        "call | body.b | None | absent",
        "call | body.c | absent | 'x'",
    ]


def test_times_of_long_ago_are_values() -> None:
    assert len(_found("2020-01-01T00:00:00+00:00", "2020-01-01T00:00:01+00:00")) == 1


def test_an_error_need_not_say_the_same_unless_it_is_quoted() -> None:
    assert _found({"detail": "'x' is not of type 'y'"}, {"detail": "x: must be a y"}, 422) == []
    assert len(_found({"detail": "Invalid run ID: must be a UUID"}, {"detail": "x: must be a y"}, 422)) == 1
    assert len(_found({"detail": "anything"}, {"error": "anything"}, 422)) == 2


def _found(official: object, ours: object, status: int = 200) -> list[Difference]:
    answers = [[Answer("call", status, {}, body)] for body in (official, ours)]
    return list(Comparison().differences(*answers))
