"""What the operator got wrong: exit code 2 and one line that names it, before anything listens."""

from __future__ import annotations

import json
import re
import shutil
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from langgraph_sdk import get_sync_client

from ledger import Ledger
from official import AGENT
from serving import CRONLANE, ROOT, Served, attempt, check_refused, run, start

OWN_GRAPH = ROOT / "examples" / "own_graph"
MIGRATIONS = ROOT / "service" / "cronlane_service" / "store" / "migrations"


@pytest.fixture
def taken() -> Iterator[str]:
    """A port of somebody else's."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield str(listener.getsockname()[1])


MISTAKES: dict[str, tuple[Any, tuple[str, ...]]] = {
    "no JSON": ('{"graphs": ', ("not JSON", "line 1")),
    "no graphs": ({}, ("graphs: missing",)),
    "path to nowhere": ({"graphs": {"a": "./nowhere.py:graph"}}, ("graphs.a: ", "nowhere.py")),
    "name that is not there": ({"graphs": {"a": "./code.py:other"}}, ("graphs.a: ", "other")),
    "no graph": ({"graphs": {"a": "./code.py:number"}}, ("graphs.a: ", "number", "int")),
    "code that raises": ({"graphs": {"a": "./broken.py:graph"}}, ("graphs.a: ", "ZeroDivisionError")),
    "factory that raises": ({"graphs": {"a": "./code.py:make"}}, ("graphs.a: ", "RuntimeError: no key")),
    "environment file that is not there": ({"graphs": {"a": "./x.py:a"}, "env": ".env"}, ("env: ", ".env")),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_in_langgraph_json_is_named_with_file_and_key(mistake: str, tmp_path: Path) -> None:
    content, parts = MISTAKES[mistake]
    file = tmp_path / "langgraph.json"
    file.write_text(content if isinstance(content, str) else json.dumps(content))
    (tmp_path / "code.py").write_text("number = 1\ndef make():\n    raise RuntimeError('no key')\n")
    (tmp_path / "broken.py").write_text("1 / 0\n")
    check_refused(start(tmp_path), file, *parts)
    assert not (tmp_path / ".cronlane").exists()


def test_a_config_that_is_not_there_is_named(tmp_path: Path) -> None:
    check_refused(start(tmp_path, "--config", tmp_path / "other.json"), tmp_path / "other.json", "No such file")
    check_refused(start(tmp_path, "--config", tmp_path), tmp_path, "Is a directory")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CRONLANE_GRPC_PORT", "abc"),
        ("CRONLANE_REST_PORT", "65536"),
        ("CRONLANE_MAX_MESSAGE", "1"),
        ("CRONLANE_DATABASE", ""),
        ("CRONLANE_LEASE", "soon"),
    ],
)
def test_a_bad_setting_in_the_environment_is_named(name: str, value: str, tmp_path: Path) -> None:
    check_refused(start(tmp_path, **{name: value}), f"{name}: ")


def test_a_bad_option_is_named(tmp_path: Path) -> None:
    check_refused(start(tmp_path, "--grpc-port", "abc"), "--grpc-port", "(see cronlane serve --help)")
    check_refused(start(tmp_path, "--grpc-port", "65536", CRONLANE_GRPC_PORT="0"), "--grpc-port: ")
    check_refused(start(tmp_path, "--host", "no.such.host.invalid"), "no.such.host.invalid")


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (("serve", "--colour"), "--colour"),
        (("serve", "--config"), "--config"),
        (("serve", "here"), "here"),
        (("sevre",), "'sevre'"),
        (("crons", "show"), "cron_id"),
    ],
)
def test_a_command_line_that_cannot_be_read_is_one_line(words: tuple[str, ...], part: str, tmp_path: Path) -> None:
    check_refused(attempt(CRONLANE, *words, cwd=tmp_path), part)


@pytest.mark.parametrize("words", [(), ("crons",)])
def test_without_a_command_there_is_help(words: tuple[str, ...], tmp_path: Path) -> None:
    done = attempt(CRONLANE, *words, cwd=tmp_path)
    assert done.code == 2
    assert done.out.count("Usage:") + done.err.count("Usage:") == 1


@pytest.mark.parametrize("name", ["CRONLANE_GRPC_PORT", "CRONLANE_REST_PORT"])
def test_a_port_in_use_is_named(name: str, taken: str, tmp_path: Path) -> None:
    check_refused(start(tmp_path, **{name: taken}), f"127.0.0.1:{taken}", "in use")


def test_the_lines_that_programs_wait_for_are_exactly_these(serve: Callable[..., Served]) -> None:
    server = serve()
    grpc, rest, ready = server.lines
    assert re.fullmatch(r"cronlane: grpc listening on 127\.0\.0\.1:[1-9]\d*", grpc)
    assert re.fullmatch(r"cronlane: rest listening on http://127\.0\.0\.1:[1-9]\d*", rest)
    assert ready == "cronlane: ready"
    assert server.stop() == 0
    assert len(server.lines) == 3


def test_without_langgraph_json_there_is_the_demo_graph(serve: Callable[..., Served]) -> None:
    with get_sync_client(url=serve().url) as client:
        [agent] = client.assistants.search()
        assert (agent["assistant_id"], agent["graph_id"]) == (AGENT, "agent")


def test_the_langgraph_json_of_the_working_directory_is_used(serve: Callable[..., Served], tmp_path: Path) -> None:
    shutil.copytree(OWN_GRAPH, tmp_path, dirs_exist_ok=True)
    with get_sync_client(url=serve().url) as client:
        assert [each["graph_id"] for each in client.assistants.search()] == ["greeter"]
        assert client.runs.wait(None, "greeter", input={"name": "Ada"})["greeting"] == "Good morning, Ada!"


def test_the_environment_says_what_the_options_do_not(serve: Callable[..., Served], tmp_path: Path) -> None:
    shutil.copytree(OWN_GRAPH, tmp_path / "graph")
    database = tmp_path / "elsewhere" / "cron.db"
    server = serve(
        CRONLANE_CONFIG=str(tmp_path / "graph" / "langgraph.json"),
        CRONLANE_DATABASE=f"sqlite:///{database}",
        CRONLANE_GRPC_PORT="1",  # the options win
        CRONLANE_LOG_FORMAT="json",
    )
    with get_sync_client(url=server.url) as client:
        assert [each["graph_id"] for each in client.assistants.search()] == ["greeter"]
    assert Ledger(database).rows("SELECT graph_id FROM assistants") == [("greeter",)]
    assert server.stop() == 0
    events = [json.loads(line)["event"] for line in server.log.read_text().splitlines()]
    assert {"scheduler_started", "runner_started", "stopping", "stopped"} <= set(events)


def test_version_names_the_program_and_its_version() -> None:
    assert re.fullmatch(r"cronlane \d+\.\d+\.\d+\n", run(CRONLANE, "version"))
    assert run(CRONLANE, "--version") == run(CRONLANE, "version")


def test_check_says_what_it_found_and_what_is_wrong(tmp_path: Path) -> None:
    output = run(CRONLANE, "check", "--config", OWN_GRAPH / "langgraph.json", "--database", "cron.db", cwd=tmp_path)
    assert output == "cronlane: graphs greeter: ok\ncronlane: database cron.db: ok\n"
    (tmp_path / "cron.db").write_bytes(b"no database" * 100)
    check_refused(attempt(CRONLANE, "check", "--database", "cron.db", cwd=tmp_path), tmp_path / "cron.db")


def test_migrate_says_what_it_applied(tmp_path: Path) -> None:
    file = tmp_path / "cron.db"
    numbered = ", ".join(sorted(path.stem for path in MIGRATIONS.glob("0*.py")))
    assert run(CRONLANE, "migrate", "--database", file) == f"cronlane: {file}: {numbered}\n"
    assert run(CRONLANE, "migrate", "--database", file) == f"cronlane: {file}: up to date\n"
    check_refused(attempt(CRONLANE, "migrate", "--database", tmp_path), tmp_path)


def test_help_names_every_command(tmp_path: Path) -> None:
    output = run(CRONLANE, "--help", cwd=tmp_path)
    for command in ("serve", "migrate", "check", "version"):
        assert command in output
