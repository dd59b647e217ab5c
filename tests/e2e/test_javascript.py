"""The official JavaScript SDK, unmodified, run by Node."""

from __future__ import annotations

import re

from gate import Gate
from serving import ROOT, Served, run

SCRIPT = ROOT / "tests" / "js" / "sdk.mjs"


def test_the_javascript_sdk_finds_the_platform(served: Served, gate: Gate) -> None:
    output = run("node", SCRIPT, CRONLANE_URL=served.url, GATE_PORT=str(gate.port))
    stories = re.findall(r"^  async (\w+)\(\) \{$", SCRIPT.read_text(), re.MULTILINE)
    assert stories
    assert output.splitlines() == [f"{name}: ok" for name in stories]
