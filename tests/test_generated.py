"""What is generated is what is committed."""

from __future__ import annotations

import runpy
import shlex
import subprocess
from pathlib import Path

ROOT = Path(__file__).parent.parent
CLIENT = ROOT / "client"


def test_the_blocking_client_is_what_the_generator_makes_of_the_other() -> None:
    files: dict[Path, str] = runpy.run_path(str(CLIENT / "generate_sync.py"))["generated"]()
    assert {path.name for path in files} == {path.name for path in (CLIENT / "cronlane" / "_sync").glob("*.py")}
    for path, text in files.items():
        assert path.read_text(encoding="utf-8") == text, f"make sync-client: {path}"


def test_the_messages_and_stubs_are_what_the_compiler_makes_of_the_protos(tmp_path: Path) -> None:
    made = subprocess.run(
        ["make", "--always-make", "--dry-run", "--no-print-directory", "protos"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    command = next(line for line in made.splitlines() if "grpc_tools.protoc" in line)
    words = [
        f"{word.removesuffix('=client')}={tmp_path}" if word.endswith("_out=client") else word
        for word in shlex.split(command)
    ]
    subprocess.run(words, cwd=ROOT, check=True, timeout=100)
    wanted = {path.name: path.read_bytes() for path in (tmp_path / "cronlane" / "v1").iterdir()}
    there = {path.name: path.read_bytes() for path in (CLIENT / "cronlane" / "v1").iterdir() if path.is_file()}
    there.pop("__init__.py", None)
    assert wanted.keys() == there.keys(), "make protos"
    assert [name for name in wanted if wanted[name] != there[name]] == [], "make protos"
