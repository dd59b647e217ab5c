"""SQLite: a server that dies between two statements has done all of a step or nothing, and its successor goes on."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from e2e.torture.crash_house import STEPS, complete, dump, furnish, opened
from e2e.torture.crasher import DIED, DONE
from serving import ROOT

MOST = 200  # statements of one step


@pytest.fixture(scope="module")
def furnished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("furnished") / "cronlane.db"
    furnish(path)
    return path


@pytest.fixture(scope="module")
def die() -> Iterator[Callable[[Path, str, int], int]]:
    """Carries out a step on a file in a process that dies before its Nth statement; the exit code."""
    crasher = subprocess.Popen(
        [sys.executable, "-m", "e2e.torture.crasher"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT / "tests",
    )
    assert crasher.stdin is not None
    assert crasher.stdout is not None

    def die(path: Path, step: str, last: int) -> int:
        assert crasher.stdin is not None
        assert crasher.stdout is not None
        crasher.stdin.write(f"{path} {step} {last}\n")
        crasher.stdin.flush()
        return int(crasher.stdout.readline())

    yield die
    crasher.stdin.close()
    assert crasher.wait(30) == 0
    crasher.stdout.close()


@pytest.mark.parametrize("step", STEPS)
def test_a_crash_at_any_statement_leaves_all_or_nothing(
    step: str,
    furnished: Path,
    die: Callable[[Path, str, int], int],
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    ready = shutil.copy(furnished, tmp_path / "ready.db")
    with opened(ready, 1000) as house:
        for before in STEPS[step][0]:
            before(house)
    untouched, codes, states, sequels = dump(ready), [], [], []
    for last in range(1, MOST):
        path = shutil.copy(ready, tmp_path / f"{last}.db")
        codes.append(die(path, step, last))
        states.append(dump(path))
        sequels.append(complete(path))
        if codes[-1] == DONE:
            break
    assert codes == [DIED] * (len(codes) - 1) + [DONE]
    whole, sequel = states[-1], complete(ready)
    assert whole != untouched
    committed = [state == whole for state in states]
    assert all(state in (untouched, whole) for state in states)
    assert committed == sorted(committed), "what is committed stays"
    assert sequels == [sequels[-1] if done else sequel for done in committed]
    assert len(codes) > 3, "BEGIN, at least one statement, COMMIT"
    record_property("counts", f"{step}: died before each of {len(codes) - 1} statements, and after the answer")
