"""The program ``cronlane``; its commands are in `commands`, which needs the server's packages."""

from __future__ import annotations

import sys
from importlib.metadata import version


def main() -> None:
    if sys.argv[1:] in (["version"], ["--version"]):
        sys.stdout.write(f"cronlane {version('cronlane')}\n")  # nothing heavy is imported for this
        return
    from cronlane_service.lasting import lasting

    try:
        with lasting():
            from cronlane_service import commands
    except ModuleNotFoundError as missing:
        sys.exit(f"cronlane: {missing.name} is not installed; the server needs: pip install 'cronlane[server]'")
    sys.exit(commands.main())
