"""langgraph.json: what it may say, and how each mistake in it is named."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cronlane_service.runner import config, graphs
from cronlane_service.runner.config import GraphsFileError

GRAPH = """
from langgraph.graph import START, MessagesState, StateGraph

def answer(state: MessagesState) -> dict:
    return {}

builder = StateGraph(MessagesState).add_node("answer", answer).add_edge(START, "answer")
graph = builder.compile()
incomplete = StateGraph(MessagesState)
number = 42

def make():
    return builder.compile()

def broken():
    raise OSError("no model\\nin sight")

def wrong():
    return "a string"

def needs(one, two):
    return graph

def keywords(*, one, two):
    return graph
"""


@pytest.fixture(autouse=True)
def as_it_was() -> Iterator[None]:
    path, modules, environ = list(sys.path), dict(sys.modules), dict(os.environ)
    yield
    sys.path[:] = path
    for name in set(sys.modules) - set(modules):
        if not name.startswith("lang"):
            del sys.modules[name]
    os.environ.clear()
    os.environ.update(environ)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "agent.py").write_text(GRAPH)
    return tmp_path / "langgraph.json"


def load(file: Path, document: Any) -> graphs.LoadedGraphs:
    file.write_text(document if isinstance(document, str) else json.dumps(document))
    return graphs.load(config.read(file))


def graph(target: Any) -> dict[str, Any]:
    return {"graphs": {"agent": target}}


MISTAKES = [
    ("{", r": not JSON: .* at line 1, column 2$"),
    ('{"graphs": {},\n "a": }', r": not JSON: .* at line 2, column 7$"),
    ("[]", r": must be an object, not a list$"),
    ({}, r": graphs: missing; it must name at least one graph$"),
    ({"graphs": {}}, r": graphs: empty; it must name at least one graph$"),
    ({"graphs": ["./agent.py:graph"]}, r": graphs: must be an object, not a list$"),
    ({"graphs": {" ": "./agent.py:graph"}}, r": graphs: a graph's name must not be blank$"),
    (graph(7), r": graphs\.agent: must be a string such as .* not a number$"),
    (graph({"description": "x"}), r": graphs\.agent\.path: missing$"),
    (graph({"path": None}), r": graphs\.agent\.path: must be a string .* not null$"),
    (graph({"path": "./agent.py:graph", "description": 1}), r": graphs\.agent\.description: must be a string"),
    (graph("./agent.py"), r': graphs\.agent: "\./agent\.py" must be "\./file\.py:name" or "module:name"$'),
    (graph("./agent.py:"), r": graphs\.agent: "),
    (graph(":graph"), r": graphs\.agent: "),
    (graph("./gone.py:graph"), r": graphs\.agent: there is no file .*gone\.py$"),
    (graph("./agent.py:gone"), r": graphs\.agent: \./agent\.py has no 'gone'$"),
    (graph("no.such.module:graph"), r": graphs\.agent: no\.such\.module cannot be imported: ModuleNotFoundError: "),
    (graph("./agent.py:number"), r": graphs\.agent: \./agent\.py:number is a int; it must be a graph, or a function"),
    (graph("./agent.py:MessagesState"), r": graphs\.agent: .* it must be a graph, or a function"),
    (graph("./agent.py:incomplete"), r": graphs\.agent: .* cannot be compiled: ValueError: "),
    (graph("./agent.py:broken"), r": graphs\.agent: \./agent\.py:broken failed: OSError: no model in sight$"),
    (
        graph("./agent.py:wrong"),
        r": graphs\.agent: .* failed: TypeError: the factory returned a str, which is no graph",
    ),
    (
        graph("./agent.py:needs"),
        r": graphs\.agent: .* takes one, two; a factory takes the config, the ServerRuntime, both or nothing$",
    ),
    (
        graph("./agent.py:keywords"),
        r": graphs\.agent: .* takes one, two; a factory takes the config, the ServerRuntime, both or nothing$",
    ),
    (graph("./agent.py:graph") | {"dependencies": "."}, r": dependencies: must be a list, not a string$"),
    (graph("./agent.py:graph") | {"dependencies": [1]}, r": dependencies\[0\]: must be a string, not a number$"),
    (graph("./agent.py:graph") | {"dependencies": ["./no"]}, r": dependencies\[0\]: there is no folder .*/no$"),
    (graph("./agent.py:graph") | {"env": ["A=1"]}, r": env: must be the path of a file or an object, not a list$"),
    (graph("./agent.py:graph") | {"env": {"A": 1}}, r": env\.A: must be a string, not a number$"),
    (graph("./agent.py:graph") | {"env": {"A=B": "1"}}, r": env\.'A=B': cannot be an environment variable$"),
    (graph("./agent.py:graph") | {"env": "./.env"}, r": env: there is no file .*\.env$"),
]


@pytest.mark.parametrize(("document", "complaint"), MISTAKES, ids=[f"{text:.60}" for _, text in MISTAKES])
def test_a_mistake_is_one_line_with_file_and_key(file: Path, document: Any, complaint: str) -> None:
    with pytest.raises(GraphsFileError, match=complaint) as raised:
        load(file, document)
    text = str(raised.value)
    assert text.startswith(str(file))
    assert "\n" not in text


@pytest.mark.parametrize(
    ("code", "complaint"),
    [
        ("def f(:", "SyntaxError: "),
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("import no_such_thing", "ModuleNotFoundError: No module named 'no_such_thing'"),
        ("raise SystemExit(3)", "SystemExit: 3"),
    ],
)
def test_code_that_cannot_be_imported_is_named_with_its_exception(file: Path, code: str, complaint: str) -> None:
    (file.parent / "agent.py").write_text(code)
    with pytest.raises(GraphsFileError, match=r"graphs\.agent: \./agent\.py cannot be imported: " + complaint):
        load(file, graph("./agent.py:graph"))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(GraphsFileError, match=r"gone\.json: cannot be read: No such file"):
        config.read(tmp_path / "gone.json")


def test_a_file_that_is_no_utf8_is_named(file: Path) -> None:
    file.write_bytes(b'{"graphs": "\xff"}')
    with pytest.raises(GraphsFileError, match=r"langgraph\.json: not UTF-8: byte 12$"):
        config.read(file)


def test_what_the_file_says_is_read(file: Path) -> None:
    file.write_text(
        json.dumps(
            {
                "dependencies": [".", "langchain-openai", "./agent_files"],
                "graphs": {"a": "./agent.py:graph", "b": {"path": "pkg.mod:make", "description": "B."}},
                "env": {"KEY": "value"},
                "python_version": "3.12",
                "store": {"index": {}},
            }
        )
    )
    (file.parent / "agent_files").mkdir()
    read = config.read(file)
    assert [(s.graph_id, s.target, s.description) for s in read.graphs.values()] == [
        ("a", "./agent.py:graph", None),
        ("b", "pkg.mod:make", "B."),
    ]
    assert read.env == {"KEY": "value"}
    assert read.folders == (file.parent, file.parent / "agent_files")


@pytest.mark.parametrize("name", ["graph", "builder", "make"])
def test_a_compiled_graph_a_stategraph_and_a_factory_load(file: Path, name: str) -> None:
    assert load(file, graph(f"./agent.py:{name}")).names == ("agent",)


def test_a_module_in_a_dependency_folder_loads_and_can_import_its_siblings(file: Path) -> None:
    package = file.parent / "src" / "night_agents"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "prompts.py").write_text("TEXT = 'x'")
    (package / "main.py").write_text("from .prompts import TEXT\n" + GRAPH)
    targets = {"one": "night_agents.main:graph", "two": "./src/night_agents/main.py:make"}
    assert load(file, {"dependencies": ["./src"], "graphs": targets}).names == ("one", "two")
    assert sum(getattr(module, "__file__", None) == str(package / "main.py") for module in sys.modules.values()) == 1


def test_a_file_named_like_a_known_module_does_not_replace_it(file: Path) -> None:
    (file.parent / "json.py").write_text(GRAPH)
    assert load(file, {"dependencies": ["."]} | graph("./json.py:graph")).names == ("agent",)
    assert sys.modules["json"] is json


def test_two_graphs_of_one_file_share_its_module(file: Path) -> None:
    (file.parent / "agent.py").write_text(GRAPH + "\nimport sys\nsys.loads = getattr(sys, 'loads', 0) + 1\n")
    load(file, {"graphs": {"a": "./agent.py:graph", "b": "./agent.py:make"}})
    assert sys.__dict__.pop("loads") == 1


def test_the_environment_is_set_before_code_is_imported_and_an_operator_s_value_wins(file: Path) -> None:
    (file.parent / "agent.py").write_text("import os\nassert os.environ['NIGHT_A'] == 'file'\n" + GRAPH)
    (file.parent / ".env").write_text('# comment\nexport NIGHT_A="file"\nNIGHT_B=file\nNIGHT_C\n')
    os.environ["NIGHT_B"] = "operator"
    load(file, graph("./agent.py:graph") | {"env": ".env"})
    assert (os.environ["NIGHT_A"], os.environ["NIGHT_B"]) == ("file", "operator")
    assert "NIGHT_C" not in os.environ


async def test_loading_works_inside_a_running_loop(file: Path) -> None:
    assert load(file, graph("./agent.py:make")).names == ("agent",)
