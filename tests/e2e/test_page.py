"""The cron page of LangGraph's documentation, line by line, with everything that can send it."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from langgraph_sdk import get_sync_client

from serving import ROOT, Served, run

PAGE = ROOT / "examples" / "page"
MODULES = ROOT / "tests" / "js" / "node_modules"
UUID = "[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}"
EXPECTED = re.compile(f"on a thread: {UUID}.*stateless: {UUID}", re.DOTALL)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server as the README starts it, with nothing but the demo graph."""
    server = Served(tmp_path_factory.mktemp("served"))
    yield server
    assert server.stop() == 0, server.log.read_text()


def check(served: Served, output: str) -> None:
    """Both crons were made, and nothing is left of them."""
    assert EXPECTED.search(output), output
    with get_sync_client(url=served.url) as client:
        assert client.crons.count() == 0


def test_the_page_in_python(served: Served) -> None:
    check(served, run(sys.executable, PAGE / "page.py", CRONLANE_URL=served.url))


def test_the_page_in_javascript(served: Served, tmp_path: Path) -> None:
    # Node looks for packages beside the file.
    shutil.copy(PAGE / "page.mjs", tmp_path)
    (tmp_path / "node_modules").symlink_to(MODULES)
    check(served, run("node", tmp_path / "page.mjs", CRONLANE_URL=served.url))


def test_the_page_with_curl(served: Served) -> None:
    output = run("sh", PAGE / "page.sh", CRONLANE_URL=served.url)
    assert '"graph_id":"agent"' in output
    check(served, output)


def test_the_page_with_grpcurl(served: Served) -> None:
    path = f"{ROOT / 'tests/e2e/bin'}:{MODULES / '.bin'}:{os.environ['PATH']}"
    output = run("sh", PAGE / "page_grpcurl.sh", CRONLANE_GRPC=served.grpc, PATH=path)
    assert "cronlane.v1.CronService" in output
    check(served, output)


def test_the_page_with_our_own_client(served: Served) -> None:
    check(served, run(sys.executable, PAGE / "page_grpc.py", CRONLANE_GRPC=served.grpc))


@pytest.mark.parametrize("path", sorted(PAGE.iterdir()), ids=lambda path: path.name)
def test_the_readme_shows_the_file_that_is_tested(path: Path) -> None:
    assert path.read_text().strip() in (ROOT / "README.md").read_text()
