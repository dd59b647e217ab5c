"""The official JavaScript SDK, unmodified, run by Node."""

from __future__ import annotations

import re

import pytest

from gate import Gate
from serving import ROOT, Served, run


@pytest.mark.parametrize("name", ["sdk", "assistants", "crons"])
def test_the_javascript_sdk_finds_the_platform(served: Served, gate: Gate, name: str) -> None:
    script = ROOT / "tests" / "js" / f"{name}.mjs"
    output = run("node", script, CRONLANE_URL=served.url, GATE_PORT=str(gate.port))
    stories = re.findall(r"^  async (\w+)\(\) \{$", script.read_text(), re.MULTILINE)
    assert stories
    assert output.splitlines() == [f"{name}: ok" for name in stories]
