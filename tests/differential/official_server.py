"""The official development server, from an environment of its own; it is only spoken to over HTTP."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

import httpx

from serving import ROOT, attempt, clean_environment, wait_until

HOME = ROOT / ".venv-official"
GRAPHS = Path(__file__).parent / "graphs"
_SERVER = ["langgraph-cli[inmem]", "langgraph-api==0.16.7", "langgraph-runtime-inmem==0.36.7"]
# Of these both servers have the same version, so that only the servers differ.
_SHARED = ["langchain-core", "langgraph", "langgraph-checkpoint", "langgraph-sdk"]
_INSTALLING = 300  # seconds
_PATIENCE = 30  # seconds


class NotInstalled(Exception):
    """The official server could not be installed here."""


def installed() -> Path:
    """The server's program, installed at first use. Raises NotInstalled."""
    program, ready = HOME / "bin" / "langgraph", HOME / "installed.txt"
    wanted = [*_SERVER, *(f"{name}=={version(name)}" for name in _SHARED)]
    if ready.exists() and ready.read_text().split() == wanted:
        return program
    uv = Path(sys.executable).with_name("uv")
    for command in (
        [uv, "venv", "--quiet", "--clear", "--python", sys.executable, HOME],
        [uv, "pip", "install", "--quiet", "--python", HOME / "bin" / "python", *wanted],
    ):
        try:
            done = attempt(*command, timeout=_INSTALLING)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise NotInstalled(str(error)) from error
        if done.code:
            raise NotInstalled(done.err)
    ready.write_text("\n".join(wanted))
    return program


@contextmanager
def official_server(folder: Path) -> Iterator[str]:
    """Its address while it runs, with copies of the graphs in this folder. Raises NotInstalled."""
    program = installed()
    shutil.copytree(GRAPHS, folder, dirs_exist_ok=True)
    port = str(_free_port())
    options = ["--no-browser", "--no-reload", "--n-jobs-per-worker", "10", "--config", "langgraph.json"]
    quiet = {"LANGSMITH_TRACING": "false", "LANGGRAPH_CLI_NO_ANALYTICS": "1"}
    with (folder / "log.txt").open("wb") as log:
        process = subprocess.Popen(
            [program, "dev", "--host", "127.0.0.1", "--port", port, *options],
            cwd=folder,
            env=clean_environment() | quiet,
            stdout=log,
            stderr=log,
        )
    url = f"http://127.0.0.1:{port}"
    try:
        wait_until(
            lambda: _serves(process, url), description="the official server answers", within=_PATIENCE, every=0.1
        )
        yield url
    finally:
        process.kill()
        process.wait()


def _serves(process: subprocess.Popen[bytes], url: str) -> bool:
    assert process.poll() is None, "the official server has ended"
    try:
        return httpx.get(f"{url}/ok").is_success
    except httpx.TransportError:
        return False


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])
