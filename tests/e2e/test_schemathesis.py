"""What schemathesis makes of `/openapi.json`: nothing fails, and nothing is answered that is not described."""

from __future__ import annotations

import re
from pathlib import Path

import httpx
import pytest

from serving import CRONLANE, Served, attempt

CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"
SECONDS = 30  # for cases made up, besides the fixed ones
CASES = 1000  # at least


@pytest.mark.timeout(180)
def test_schemathesis_finds_neither_failures_nor_undocumented_answers(served: Served, tmp_path: Path) -> None:
    operations = sum(len(verbs) for verbs in httpx.get(f"{served.url}/openapi.json").json()["paths"].values())
    tried = attempt(
        *(CRONLANE.with_name("schemathesis"), "run", f"{served.url}/openapi.json", "--checks", CHECKS),
        *("--phases", "coverage,fuzzing", "--max-time", SECONDS, "--seed", 1, "--no-color"),
        *("--request-timeout", 20, "--warnings", "off"),
        cwd=tmp_path,
        timeout=150,
    )
    assert tried.code == 0, tried.out
    assert f"Tested: {operations}" in tried.out
    generated = re.search(r"(\d+) generated", tried.out)
    assert generated is not None
    assert int(generated[1]) >= CASES
