"""langgraph.json: which graphs there are, where their code is, and the environment they want."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dotenv import dotenv_values


class GraphsFileError(ValueError):
    """A mistake in langgraph.json, or in what it names, in one line that begins with the file and the key."""

    def __init__(self, path: Path, key: str | None, problem: str) -> None:
        place = f"{path}: {key}" if key else f"{path}"
        super().__init__(" ".join(f"{place}: {problem}".split()))
        self.path, self.key = path, key


@dataclass(frozen=True, slots=True)
class GraphSource:
    """Where a graph comes from: ``./file.py:name`` (relative to langgraph.json) or ``module:name``."""

    graph_id: str
    target: str
    description: str | None = None

    @property
    def key(self) -> str:
        return f"graphs.{self.graph_id}"


@dataclass(frozen=True, slots=True)
class GraphsFile:
    """What a langgraph.json says; ``folders`` are to be searched for modules."""

    path: Path
    graphs: Mapping[str, GraphSource]
    env: Mapping[str, str] = field(default_factory=dict)
    folders: tuple[Path, ...] = ()


def demo() -> GraphsFile:
    """The bundled graph ``agent``, for when there is no langgraph.json."""
    source = GraphSource("agent", "cronlane_service.demo.agent:graph", "Answers what time it is.")
    return GraphsFile(Path("langgraph.json"), {source.graph_id: source})


def read(path: Path) -> GraphsFile:
    """Raises GraphsFileError. Nothing that the file names is imported yet."""
    path = path.absolute()
    document = _document(path)
    return GraphsFile(path, _graphs(path, document), _env(path, document), _folders(path, document))


def _document(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as problem:
        text = f"not JSON: {problem.msg} at line {problem.lineno}, column {problem.colno}"
        raise GraphsFileError(path, None, text) from problem
    except UnicodeDecodeError as problem:
        raise GraphsFileError(path, None, f"not UTF-8: byte {problem.start}") from problem
    except RecursionError:
        raise GraphsFileError(path, None, "not JSON: nested too deeply") from None
    except OSError as problem:
        raise GraphsFileError(path, None, f"cannot be read: {problem.strerror or problem}") from problem
    if not isinstance(document, dict):
        raise GraphsFileError(path, None, f"must be an object, not {_kind(document)}")
    return document


def _graphs(path: Path, document: Mapping[str, Any]) -> dict[str, GraphSource]:
    if "graphs" not in document:
        raise GraphsFileError(path, "graphs", "missing; it must name at least one graph")
    graphs = document["graphs"]
    if not isinstance(graphs, dict):
        raise GraphsFileError(path, "graphs", f"must be an object, not {_kind(graphs)}")
    if not graphs:
        raise GraphsFileError(path, "graphs", "empty; it must name at least one graph")
    return {graph_id: _source(path, graph_id, value) for graph_id, value in graphs.items()}


def _source(path: Path, graph_id: str, value: Any) -> GraphSource:
    key = f"graphs.{graph_id}"
    if not graph_id.strip():
        raise GraphsFileError(path, "graphs", "a graph's name must not be blank")
    target, description = value, None
    if isinstance(value, dict):
        if "path" not in value:
            raise GraphsFileError(path, f"{key}.path", "missing")
        target, description = value["path"], value.get("description")
        key = f"{key}.path"
    if not isinstance(target, str):
        raise GraphsFileError(path, key, f'must be a string such as "./agent.py:graph", not {_kind(target)}')
    module, colon, name = target.rpartition(":")
    if not (colon and module.strip() and name.strip()):
        raise GraphsFileError(path, key, f'"{target}" must be "./file.py:name" or "module:name"')
    if description is not None and not isinstance(description, str):
        raise GraphsFileError(path, f"graphs.{graph_id}.description", f"must be a string, not {_kind(description)}")
    return GraphSource(graph_id, target.strip(), description)


def _folders(path: Path, document: Mapping[str, Any]) -> tuple[Path, ...]:
    """The local folders among the dependencies; packages are expected to be installed."""
    dependencies = document.get("dependencies", [])
    if not isinstance(dependencies, list):
        raise GraphsFileError(path, "dependencies", f"must be a list, not {_kind(dependencies)}")
    folders = []
    for index, dependency in enumerate(dependencies):
        key = f"dependencies[{index}]"
        if not isinstance(dependency, str):
            raise GraphsFileError(path, key, f"must be a string, not {_kind(dependency)}")
        if not dependency.startswith((".", "/")):
            continue
        folder = (path.parent / dependency).resolve()
        if not folder.is_dir():
            raise GraphsFileError(path, key, f"there is no folder {folder}")
        folders.append(folder)
    return tuple(folders)


def _env(path: Path, document: Mapping[str, Any]) -> dict[str, str]:
    env = document.get("env", {})
    if isinstance(env, str):
        return _env_file(path, env)
    if not isinstance(env, dict):
        raise GraphsFileError(path, "env", f"must be the path of a file or an object, not {_kind(env)}")
    for name, value in env.items():
        if not isinstance(value, str):
            raise GraphsFileError(path, f"env.{name}", f"must be a string, not {_kind(value)}")
        if not name or "=" in name or "\0" in name + value:
            raise GraphsFileError(path, f"env.{name!r}", "cannot be an environment variable")
    return env


def _env_file(path: Path, name: str) -> dict[str, str]:
    file = path.parent / name
    if not file.is_file():
        raise GraphsFileError(path, "env", f"there is no file {file}")
    try:
        return {key: value for key, value in dotenv_values(file).items() if value is not None}
    except (OSError, UnicodeDecodeError) as problem:
        raise GraphsFileError(path, "env", f"{file} cannot be read: {problem}") from problem


def _kind(value: Any) -> str:
    names = {dict: "an object", list: "a list", str: "a string", bool: "a boolean", type(None): "null"}
    return names.get(type(value), "a number")
