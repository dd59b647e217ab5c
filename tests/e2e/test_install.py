"""The wheel, installed outside the checkout: the client alone, and the server."""

from __future__ import annotations

import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from langgraph_sdk import get_sync_client

from official import AGENT, YEARLY
from serving import ROOT, Served, attempt, run

UV = Path(sys.executable).with_name("uv")
BARE = {"PYTHONPATH": ""}  # nothing of the checkout
ABSENT = ("starlette", "langgraph", "langchain_core", "peewee", "croniter", "uvicorn", "typer", "pydantic")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    run(UV, "build", "--wheel", "--quiet", "--out-dir", folder, ROOT, timeout=100)
    [wheel] = folder.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def install(tmp_path_factory: pytest.TempPathFactory, wheel: Path) -> Callable[[str], Path]:
    """Installs the wheel with an extra into a new environment; answers its folder of programs."""

    def install(extra: str) -> Path:
        folder = tmp_path_factory.mktemp("environment")
        run(UV, "venv", "--quiet", "--python", sys.executable, folder / "venv")
        python = folder / "venv" / "bin" / "python"
        constraints = ("--constraint", ROOT / "constraints.txt")
        run(UV, "pip", "install", "--quiet", "--python", python, *constraints, f"{wheel}{extra}", timeout=100)
        return python.parent

    return install


@pytest.fixture(scope="module")
def client_alone(install: Callable[[str], Path]) -> Path:
    return install("")


@pytest.fixture(scope="module")
def with_server(install: Callable[[str], Path]) -> Path:
    return install("[server]")


def test_the_wheel_holds_two_packages_and_nothing_else_at_the_top(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    top = {name.split("/")[0] for name in names}
    assert {name for name in top if not name.endswith(".dist-info")} == {"cronlane", "cronlane_service"}
    assert {"cronlane/py.typed", "cronlane_service/py.typed", "cronlane/v1/crons_pb2.pyi"} <= set(names)
    assert any(name.startswith("cronlane_service/store/migrations/0001") for name in names)
    assert not [name for name in names if "__pycache__" in name or "/tests/" in name]


def test_the_client_needs_grpc_alone(client_alone: Path, tmp_path: Path) -> None:
    looks = (
        "import importlib.util, cronlane; print([n for n in {!r} if importlib.util.find_spec(n)], cronlane.__file__)"
    )
    output = run(client_alone / "python", "-c", looks.format(ABSENT), cwd=tmp_path, **BARE)
    assert output.startswith("[] ")
    assert str(client_alone.parent) in output


def test_without_the_server_the_program_says_how_to_get_it(client_alone: Path, tmp_path: Path) -> None:
    done = attempt(client_alone / "cronlane", "serve", cwd=tmp_path, **BARE)
    assert (done.code, done.out, done.err.count("\n")) == (1, "", 1)
    assert "pip install 'cronlane[server]'" in done.err
    assert run(client_alone / "cronlane", "version", **BARE).startswith("cronlane ")


@pytest.mark.timeout(200)
def test_the_server_serves_and_the_client_of_another_environment_reaches_it(
    client_alone: Path, with_server: Path, tmp_path: Path
) -> None:
    assert run(with_server / "cronlane", "version", **BARE) == run(client_alone / "cronlane", "version", **BARE)
    run(with_server / "cronlane", "check", cwd=tmp_path, **BARE)
    server = Served(tmp_path, program=with_server / "cronlane", **BARE)
    try:
        with get_sync_client(url=server.url) as client:
            assert client.crons.create("agent", schedule=YEARLY)["assistant_id"] == AGENT
        code = "import sys, cronlane\nwith cronlane.get_sync_client(sys.argv[1]) as c: print(c.crons.count())"
        assert run(client_alone / "python", "-c", code, server.grpc, cwd=tmp_path, **BARE) == "1\n"
        assert server.stop() == 0
    finally:
        server.process.kill()
