"""What the program imports, and when."""

from __future__ import annotations

import gc
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cronlane_service.lasting import lasting

HEAVY = ("grpc", "google.protobuf", "langgraph", "langchain_core", "peewee", "psycopg", "pydantic", "typer", "rich")
SERVING = ("grpc", "google.protobuf", "starlette", "uvicorn")
LOADED = """
import atexit, sys
atexit.register(lambda: print(*(name for name in {names!r} if name in sys.modules), file=sys.stderr))
from cronlane_service.cli import main
main()
"""


def imported(folder: Path, *command: str, of: tuple[str, ...]) -> list[str]:
    """Those of the modules that the program has imported at its end."""
    code = LOADED.format(names=of)
    done = subprocess.run(
        [sys.executable, "-c", code, *command], cwd=folder, capture_output=True, text=True, check=True, timeout=60
    )
    return done.stderr.splitlines()[-1].split()


@pytest.mark.parametrize("command", ["version", "--version"])
def test_the_version_is_told_without_the_servers_packages(tmp_path: Path, command: str) -> None:
    assert imported(tmp_path, command, of=HEAVY) == []


def test_help_is_given_without_graphs_and_a_database(tmp_path: Path) -> None:
    assert imported(tmp_path, "--help", of=("typer", *SERVING, "langgraph", "peewee")) == ["typer"]


def test_a_database_in_a_file_is_checked_without_the_runners_postgres_and_without_serving(tmp_path: Path) -> None:
    late = ("cronlane_service.store.postgres", "psycopg_pool", *SERVING, "langgraph")
    assert imported(tmp_path, "check", of=late) == ["langgraph"]


@pytest.fixture
def collector() -> Iterator[None]:
    """Is as it was afterwards."""
    threshold = gc.get_threshold()
    yield
    gc.set_threshold(*threshold)
    gc.unfreeze()


@pytest.mark.usefixtures("collector")
def test_what_lasts_is_not_looked_for_garbage_in() -> None:
    before = gc.get_freeze_count()
    with lasting():
        assert not gc.isenabled()
        kept = [[] for _ in range(1000)]
    assert gc.isenabled()
    assert gc.get_freeze_count() >= before + len(kept)


@pytest.mark.usefixtures("collector")
def test_garbage_is_not_looked_for_because_of_what_is_under_way() -> None:
    with lasting():
        pass
    collections: list[str] = []

    def noting(phase: str, info: dict[str, int]) -> None:
        collections.append(phase)

    gc.callbacks.append(noting)
    try:
        under_way: list[list[int]] = [[] for _ in range(3_000)]
        assert not collections
        under_way += [[] for _ in range(3_000)]
        assert collections
    finally:
        gc.callbacks.remove(noting)
