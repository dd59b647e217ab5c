"""Who may import whom, how long a file may be, and what no file may say."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SERVICE = ROOT / "service" / "cronlane_service"
CLIENT = ROOT / "client" / "cronlane"
SOURCES = [
    path
    for top in ("service", "client", "tests", "examples")
    for path in sorted((ROOT / top).rglob("*.py"))
    if "node_modules" not in path.parts and "v1" not in path.parts
]

# Package of the service -> what of the project it may import besides itself.
MAY_IMPORT = {
    "domain": set(),
    "usecases": {"domain"},
    "store": {"domain"},
    "rpc": {"domain", "usecases"},
    "scheduler": {"domain", "usecases"},
    "runner": {"domain", "usecases"},
    "demo": {"domain"},
}
# Third-party package -> the only files (or packages) of the service that may import it.
ONLY_IN = {
    "croniter": {"domain/expressions.py"},
    "zoneinfo": {"domain/schedule.py", "domain/zones.py"},
    "peewee": {"store"},
    "playhouse": {"store"},
    "grpc": {"rpc"},
    "langgraph": {
        "runner/protocol.py",
        "runner/graphs.py",
        "runner/owned.py",
        "runner/checkpoint_ids.py",
        "runner/sqlite_saver.py",
        "runner/postgres_saver.py",
        "demo",
    },
    "httpx": {"runner/sender.py"},
    "psycopg": {"store", "runner/postgres.py", "runner/postgres_pool.py"},
    "psycopg_pool": {"runner/postgres_pool.py"},
    "starlette": set(),
    "uvicorn": set(),
}
CLIENT_NEEDS = {"cronlane", "grpc", "google"}
REST_NEEDS = CLIENT_NEEDS | {"starlette", "uvicorn"}


COMPOSITION_ROOT = {"app.py", "service.py", "parts.py"}


def imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            found |= {f"{node.module}.{name.name}" for name in node.names}
    return found


def third_party(path: Path) -> set[str]:
    return {name.split(".")[0] for name in imports(path)} - set(sys.stdlib_module_names)


@pytest.mark.parametrize("layer", sorted(MAY_IMPORT))
def test_a_layer_imports_only_the_layers_below_it(layer: str) -> None:
    allowed = MAY_IMPORT[layer] | {layer}
    files = list((SERVICE / layer).rglob("*.py"))
    assert files, f"layer {layer} is empty"
    for path in files:
        ours = {name.split(".")[1] for name in imports(path) if name.startswith("cronlane_service.")}
        assert ours <= allowed, f"{path.relative_to(ROOT)} imports {sorted(ours - allowed)}"


def test_the_composition_root_alone_puts_layers_together() -> None:
    for path in SERVICE.glob("*.py"):
        ours = {name.split(".")[1] for name in imports(path) if name.startswith("cronlane_service.")}
        layers = sorted(ours & set(MAY_IMPORT))
        assert path.name in COMPOSITION_ROOT or len(layers) <= 1, f"{path.name} imports {layers}"


def test_the_domain_imports_the_standard_library_and_croniter_alone() -> None:
    for path in (SERVICE / "domain").rglob("*.py"):
        assert third_party(path) <= {"cronlane_service", "croniter", "tzdata"}, path


@pytest.mark.parametrize("package", sorted(ONLY_IN))
def test_a_library_is_imported_only_where_it_belongs(package: str) -> None:
    for path in SERVICE.rglob("*.py"):
        if package in {name.split(".")[0] for name in imports(path)}:
            inside = path.relative_to(SERVICE).as_posix()
            assert any(inside == place or inside.startswith(f"{place}/") for place in ONLY_IN[package]), inside


def test_the_rpc_layer_is_the_only_one_to_see_the_generated_code() -> None:
    for path in SERVICE.rglob("*.py"):
        if any(name.startswith("cronlane.v1") for name in imports(path)):
            assert path.is_relative_to(SERVICE / "rpc"), path


def test_the_client_never_imports_the_service() -> None:
    for path in CLIENT.rglob("*.py"):
        allowed = REST_NEEDS if path.is_relative_to(CLIENT / "rest") else CLIENT_NEEDS
        assert third_party(path) <= allowed, f"{path}: {third_party(path) - allowed}"


def test_no_file_is_longer_than_400_lines() -> None:
    for path in SOURCES:
        assert len(path.read_text().splitlines()) <= 400, path


def test_the_clock_is_asked_in_one_place() -> None:
    for path in SERVICE.rglob("*.py"):
        if path != SERVICE / "domain" / "clock.py":
            text = path.read_text()
            assert "datetime.now(" not in text, path
            assert "time.sleep" not in text, path


def swallows_anything(path: Path) -> bool:
    """Whether a handler of Exception or BaseException is there that does not raise again."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ExceptHandler):
            caught = {name.id for name in ast.walk(node.type or ast.Name("Exception")) if isinstance(name, ast.Name)}
            raises = any(isinstance(inner, ast.Raise) for line in node.body for inner in ast.walk(line))
            if caught & {"Exception", "BaseException"} and not raises:
                return True
    return False


def test_broad_handlers_stand_at_the_boundaries_alone() -> None:
    assert {path.relative_to(SERVICE).as_posix() for path in SERVICE.rglob("*.py") if swallows_anything(path)} == {
        "rpc/boundary.py",
        "scheduler/scheduler.py",
        "scheduler/sweeper.py",
        "runner/local.py",  # a graph's attempt
        "runner/graphs.py",  # a graph's factory
        "runner/pool.py",
        "runner/commits.py",  # an operation, whose error goes to who asked for it
        "runner/deliverer.py",
        "store/writes.py",  # an operation, whose error goes to who asked for it
    }


def test_the_client_swallows_no_error_that_it_does_not_know() -> None:
    assert [path for path in CLIENT.rglob("*.py") if swallows_anything(path)] == []
