"""Writes the blocking client, cronlane/_sync, from the one for asyncio, cronlane/_async."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import unasync

_HERE = Path(__file__).resolve().parent / "cronlane"
_NAMES = {
    "_async": "_sync",
    "aclose": "close",
    "get_client": "get_sync_client",
    "CronlaneClient": "SyncCronlaneClient",
    "AssistantsClient": "SyncAssistantsClient",
    "CronsClient": "SyncCronsClient",
    "RunsClient": "SyncRunsClient",
    "ThreadProtocolClient": "SyncThreadProtocolClient",
    "ThreadStatesClient": "SyncThreadStatesClient",
    "StoreClient": "SyncStoreClient",
    "ThreadsClient": "SyncThreadsClient",
}
_BANNER = "# Written by client/generate_sync.py from cronlane/_async; not to be edited.\n"


def generated() -> dict[Path, str]:
    """What each file of the blocking client holds."""
    with TemporaryDirectory() as scratch:
        shutil.copytree(_HERE / "_async", Path(scratch) / "_async", ignore=shutil.ignore_patterns("__pycache__"))
        sources = sorted(Path(scratch, "_async").glob("*.py"))
        unasync.unasync_files([str(path) for path in sources], [unasync.Rule("/_async/", "/_sync/", _NAMES)])
        written = {_HERE / "_sync" / path.name: Path(scratch, "_sync", path.name) for path in sources}
        return {
            target: _in_form(_BANNER + path.read_text(encoding="utf-8"), target) for target, path in written.items()
        }


def _in_form(text: str, target: Path) -> str:
    for command in (["check", "--fix", "--quiet", "--select=I"], ["format", "--quiet"]):
        ruff = [sys.executable, "-m", "ruff", *command, f"--stdin-filename={target}", "-"]
        text = subprocess.run(ruff, input=text, capture_output=True, text=True, check=True).stdout  # noqa: S603
    return text


def main() -> int:
    for path, text in generated().items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
